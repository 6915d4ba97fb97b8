"""The same weights and inputs give the same outputs under every backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cases
import keras
import numpy as np
import pytest
from cases import LAYERS, MODELS, array, inputs
from each import holds_for_each

from keras_vit import visualize

# The other backend computes every row once for all tests, which takes a minute.
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TOLERANCE = 1e-5

# Run by the other backend: the outputs of every row, with the weights given.
COMPUTE = """
import sys
import numpy as np
import keras
import cases
from keras_vit import visualize

files = dict(np.load(sys.argv[1]))
outputs = {"backend": keras.backend.backend()}

def fill(model, name):
    weights = sorted(model.weights, key=lambda weight: weight.path)
    for i, weight in enumerate(weights):
        weight.assign(files[f"{name}:{i}"])
    return model

for name, case in cases.LAYERS.items():
    model = fill(cases.functional(case), "layer_" + name)
    outputs["layer_" + name] = model.predict_on_batch(cases.inputs(case.shape))
for name, case in cases.MODELS.items():
    model = fill(case.make(), "model_" + name)
    x = cases.pixels(case)
    outputs["model_" + name] = model.predict_on_batch(x)
    if name in ("registers", "regularised"):
        outputs["eager_" + name] = cases.array(model(x))
        model.compile(keras.optimizers.SGD(0.01), "mse")
        y = cases.inputs((2, 5), 3)
        outputs["losses_" + name] = [model.train_on_batch(x, y) for _ in range(3)]
    if name == "map" and outputs["backend"] != "torch":
        outputs["relevance"] = visualize.relevance(model, x, 1)

block = cases.LAYERS["transformer_block"]
model = fill(cases.functional(block), "layer_transformer_block")
layer = model.get_layer("layer")
result = layer(cases.inputs(block.shape), return_attention_scores=True)
outputs["scores"] = cases.array(result[1])
np.savez(sys.argv[2], **outputs)
"""


def outputs_here():
    outputs, weights = {}, {}
    rows = [("layer_" + name, cases.layer_model(name)) for name in LAYERS]
    rows += [("model_" + name, cases.model(name)) for name in MODELS]
    for name, model in rows:
        kind, _, row = name.partition("_")
        x = inputs(LAYERS[row].shape) if kind == "layer" else cases.pixels(MODELS[row])
        outputs[name] = array(model(x))
        ordered = sorted(model.weights, key=lambda weight: weight.path)
        weights.update({f"{name}:{i}": array(w) for i, w in enumerate(ordered)})
    case = LAYERS["transformer_block"]
    layer = cases.layer_model("transformer_block").get_layer("layer")
    result = layer(inputs(case.shape), return_attention_scores=True)
    outputs["scores"] = array(result[1])
    return outputs, weights


OTHERS = [
    backend
    for backend in ("jax", "torch", "tensorflow")
    if backend != keras.backend.backend() and importlib.util.find_spec(backend)
]


@pytest.fixture(scope="module", params=OTHERS)
def both(request, tmp_path_factory):
    """The outputs of this process and those of one with another backend."""
    folder = tmp_path_factory.mktemp("backends")
    here, weights = outputs_here()
    np.savez(folder / "weights.npz", **weights)
    environment = {
        **os.environ,
        "KERAS_BACKEND": request.param,
        "JAX_PLATFORMS": "cpu",
        # Compiling is what takes the time here.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
    }
    files = [str(folder / "weights.npz"), str(folder / "outputs.npz")]
    done = subprocess.run(
        [sys.executable, "-c", COMPUTE, *files],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    there = dict(np.load(folder / "outputs.npz"))
    assert there.pop("backend") == request.param
    return here, there


ROWS = [f"layer_{name}" for name in LAYERS] + [f"model_{name}" for name in MODELS]


def test_another_backend_computes_the_same(both):
    here, there = both

    def check(name):
        one, other = here[name], there[name]
        assert other.dtype == one.dtype
        scale = max(1.0, np.abs(one).max())
        np.testing.assert_allclose(other, one, rtol=0, atol=TOLERANCE * scale)

    holds_for_each([*ROWS, "scores"], check)


@pytest.mark.parametrize("name", ["registers", "regularised"])
def test_another_backend_trains(name, both):
    here, there = both
    expected = here[f"model_{name}"]
    np.testing.assert_allclose(there[f"eager_{name}"], expected, atol=2e-5)
    losses = there[f"losses_{name}"]
    assert np.isfinite(losses).all() and len(losses) == 3
    if name == "registers":  # without dropout the loss of the same batch falls
        assert losses[0] > losses[1] > losses[2]


def test_another_backend_finds_the_same_relevance(both):
    _, there = both
    if "relevance" not in there:
        pytest.skip("gradients of attention are for TensorFlow and JAX")
    images = cases.pixels(MODELS["map"])
    expected = visualize.relevance(cases.model("map"), images, 1)
    np.testing.assert_allclose(there["relevance"], expected, rtol=1e-3, atol=1e-5)
