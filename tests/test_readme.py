"""README's code for published weights, run as printed.

No published file can be fetched here: small models of the same layouts stand in for
them, under their names, on a server of this machine.
"""

import functools
import http.server
import importlib.machinery
import re
import sys
import threading
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.checkpoints import registry
from keras_vit.models import constructors
from keras_vit.models.variants.rows import FAMILIES, BiTVariant, ViTVariant

README = Path(__file__).parents[1] / "README.md"
TINY = ViTVariant(16, 2, 32, 64, 2)


def code_of(section):
    """The first block of Python below a heading."""
    text = README.read_text(encoding="utf-8").split(f"\n## {section}\n")[1]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture
def tiny_rows(monkeypatch):
    """Published models of few weights, for the constructors and whatever asks for them.

    Each keeps its kind, its patches and its name.
    """
    monkeypatch.setitem(FAMILIES["vit"], "ViT_B16", TINY)
    monkeypatch.setitem(FAMILIES["bit"], "BiT_R50x1", BiTVariant((1, 1), 1))
    # With a memory of its own, and the same for the face, which keeps what it gave.
    own = functools.cache(constructors.constructor.__wrapped__)
    monkeypatch.setattr(constructors, "constructor", own)
    for name in ("ViT_B16", "BiT_R50x1"):
        monkeypatch.setitem(vars(keras_vit), name, own(name))


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder that is served in the place of the projects' host."""
    folder = tmp_path / "host"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(registry, "HOST", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KERAS_VIT_OFFLINE", raising=False)
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def hub_of(folder):
    """`huggingface_hub`, whose repositories are folders here."""
    hub = types.ModuleType("huggingface_hub")
    hub.__spec__ = importlib.machinery.ModuleSpec("huggingface_hub", None)
    hub.snapshot_download = lambda repository, **_: str(folder / repository)
    return hub


def random_model(**arguments):
    model = keras_vit.ViT_B16(**arguments)
    random = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(random.normal(size=variable.shape, scale=0.1))
    return model


def test_published_weights_load_as_printed(tiny_rows, host, tmp_path, monkeypatch):
    official = random_model(num_classes=21, image_size=224)
    published = registry.find_row("augreg", "ViT_B16", 384).file
    (host / published).parent.mkdir(parents=True)
    keras_vit.export(official, host / published)
    keras_vit.export(official, tmp_path / "ViT-B_16.npz")
    google = random_model(num_classes=7, gelu="erf", epsilon=1e-12)
    (tmp_path / "hub" / "google").mkdir(parents=True)
    keras_vit.export(google, tmp_path / "hub" / "google" / "vit-base-patch16-224", "hf")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub_of(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)

    names, shapes = {"keras_vit": keras_vit}, []
    for line in code_of("Published weights").splitlines():
        exec(line, names)
        if line.startswith("model ="):
            shapes.append((names["model"].input_shape[1], names["model"].output_shape))
    assert shapes == [(384, (None, 10)), (224, (None, 21)), (224, (None, 7))]
    assert isinstance(names["report"], keras_vit.LoadReport)
    assert not names["report"].unfilled
    images = np.random.default_rng(1).normal(size=(1, 224, 224, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(google(images))
    found = keras.ops.convert_to_numpy(names["model"](images))
    np.testing.assert_allclose(found, expected, atol=1e-5 * abs(expected).max())
    assert names["larger"].input_shape[1:3] == (384, 512)
    assert names["other"].output_shape == (None, 5)
    assert names["faster"].settings["family"] == "bit"
    assert names["folded"].settings["family"] == "resnet"
