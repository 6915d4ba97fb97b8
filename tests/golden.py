"""Numbers of the original implementations, where the checkout has them beside it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PLACES = (
    os.environ.get("KERAS_VIT_GOLDEN"),
    _ROOT.parent / "shared" / "golden",
    _ROOT / "shared" / "golden",
)
FOLDER = next((Path(p) for p in _PLACES if p and Path(p).is_dir()), None)


def path(name):
    """A golden file, such as `vit/token_rep.io.npz`; skips the test without it."""
    if FOLDER is None:
        pytest.skip("golden data not found")
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"golden data not found: {name}")
    return file


def arrays(name):
    """The arrays of a golden `.npz` file, by key."""
    with np.load(path(name)) as file:
        return dict(file)


def config(name):
    """A golden `.json` file."""
    return json.loads(path(name).read_text())
