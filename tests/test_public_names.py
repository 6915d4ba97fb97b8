"""Names that users of version 0.1 have in their scripts."""

import importlib
from pathlib import Path

import keras_vit

LIST = Path(__file__).parent / "public_names.txt"


def read_list():
    """Module to names."""
    found = {}
    for line in LIST.read_text().splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            module, _, line = line.partition(": ")
        found.setdefault(module, []).extend(line.split())
    return found


def test_every_name_of_version_0_1_is_there():
    absent = []
    for module, names in read_list().items():
        face = importlib.import_module(module)
        absent += [f"{module}.{name}" for name in names if not hasattr(face, name)]
    assert not absent, absent


def test_faces_still_list_what_they_listed():
    absent = []
    for module, names in read_list().items():
        listed = getattr(importlib.import_module(module), "__all__", names)
        absent += [f"{module}.{name}" for name in names if name not in listed]
    assert not absent, absent


def test_names_are_reached_without_importing_their_module_first():
    assert callable(keras_vit.training.train)
    assert keras_vit.data.steps.STEPS["flip"] is keras_vit.data.steps.Flip
