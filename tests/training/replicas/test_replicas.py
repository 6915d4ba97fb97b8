"""The same result on one device and on several replicas, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="about tf.distribute"
)

CLIP = {"global_clipnorm": 0.3}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.001, "weight_decay": 0.1}
EMA = {"ema_momentum": 0.9}
PARTS = {"accumulation_steps": 2}
SHORT = {"examples": 99, "epochs": 3}  # The last batch has 3 images.
SLOWLY = {"dtype": "float64", "learning_rate": 0.001}
RANDOM = {"dropout_rate": 0.3, "attention_dropout_rate": 0.3, "drop_path_rate": 0.5}

# All at once; what is left out here draws random numbers.
EVERYTHING = {**ADAMW, **CLIP, **EMA, **PARTS, "steps_per_execution": 3, "remat": True}
ALL = {
    "everything": {**SHORT, "overwrite": 4, "recipe": EVERYTHING},
    "masks": {"kind": "masks", "recipe": RANDOM},
    "batch norm": {"kind": "batch_norm"},
}
REFUSALS = {"kind": "refusals"}

MATRIX = {
    "sgd": {},
    "sgd, short batch": SHORT,
    "clip": {"recipe": CLIP},
    "decay and schedule": {"recipe": {"weight_decay": 0.1, "decay": "linear"}},
    "averages": {"recipe": EMA},
    # Weights that jump every third update amplify rounding; in float64 by 1e-15.
    "averages overwrite": {"overwrite": 3, "recipe": {**EMA, "learning_rate": 0.001}},
    "parts": {"recipe": PARTS},
    "parts, short batch, clip": {**SHORT, "recipe": {**PARTS, **CLIP}},
    "three steps": {"recipe": {"steps_per_execution": 3}},
    "four steps, short batch": {**SHORT, "recipe": {"steps_per_execution": 4}},
    "unknown number of batches": {**SHORT, "known": False, "recipe": EMA},
    "unknown number, three steps": {
        **SHORT,
        "known": False,
        "recipe": {"steps_per_execution": 3},
    },
    "remat": {"recipe": {"remat": True}},
    # Norms of a few positions amplify rounding a thousandfold in each update.
    "bit": {"bit": True, **SHORT, "recipe": {**CLIP, **SLOWLY}},
    "bit, remat, parts": {"bit": True, "recipe": {"remat": True, **PARTS, **SLOWLY}},
    # Batch norms see the images of all replicas.
    "resnet": {"resnet": True, **SHORT, "recipe": SLOWLY},
    "adamw": {"recipe": ADAMW},
    "adamw with rates of its own": {"recipe": {**ADAMW, "layer_decay": 0.8}},
    "bfloat16": {"recipe": {"dtype": "mixed_bfloat16", **CLIP}},
    "float16": {"recipe": {"dtype": "mixed_float16", **CLIP, **EMA}},
    "float64": {**SHORT, "overwrite": 4, "recipe": {**EVERYTHING, "dtype": "float64"}},
    "whole run": {
        "kind": "run",
        "recipe": {"batch_size": 16, "jit_compile": "auto", **EMA},
    },
    "whole run, everything off": {
        "kind": "run",
        "recipe": {
            **{name: 0.0 for name in RANDOM},
            **{"batch_size": 16, "steps_per_execution": 3, "loss": "focal"},
            **{"class_weights": '{"light": 3}', "sampling": "balanced"},
            **EMA,
            **PARTS,
        },
    },
    **ALL,
    "refusals": REFUSALS,
    "mean of weights": {**SHORT, "weighted": True, "recipe": PARTS},
    "whole run, masks": {
        "kind": "run",
        "recipe": {
            **{name: 0.0 for name in RANDOM},
            **{"task": "segmentation", "augment": "none", "batch_size": 16},
            "class_weights": "balanced",
            **EMA,
            **PARTS,
        },
    },
    "whole run, boxes": {
        "kind": "run",
        "recipe": {
            **{name: 0.0 for name in RANDOM},
            **{"task": "detection", "augment": "flip", "batch_size": 16},
            **EMA,
            **PARTS,
        },
    },
    "whole run, dice": {
        "kind": "run",
        "recipe": {
            **{name: 0.0 for name in RANDOM},
            **{"task": "segmentation", "augment": "flip", "batch_size": 16},
            **{"pixel_loss": "dice", "head": "mask"},
        },
    },
    "whole run, masked patches": {
        "kind": "run",
        "recipe": {
            **{name: 0.0 for name in RANDOM},
            **{"masked_target": "mean_colour", "batch_size": 16},
        },
    },
}


def run(script, *arguments, python=sys.executable):
    """The JSON lines that a script prints."""
    done = subprocess.run(
        [python, str(HERE / script), *map(json.dumps, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(x) for x in done.stdout.splitlines() if x.startswith("{")]


def by_execution(losses, case):
    """The losses of steps, as means over the images of each execution."""
    steps = case.get("recipe", {}).get("steps_per_execution", 1)
    examples, epochs = case.get("examples", 80), case.get("epochs", 4)
    sizes = [min(16, examples - start) for start in range(0, examples, 16)]
    found = []
    for epoch in np.split(np.array(losses), epochs):
        for start in range(0, len(sizes), steps):
            part = slice(start, start + steps)
            found.append(np.average(epoch[part], weights=sizes[part]))
    return found


def check(result, case, replicas):
    """Holds the numbers of a case to its promise."""
    assert "error" not in result, result["error"]
    if case.get("kind") == "masks":
        return check_masks(result["masks"], replicas)
    if case.get("kind") == "batch_norm":
        assert max(result["batch_norm"]) < 1e-12
        return None
    if case.get("kind") == "refusals":
        return check_refusals(result["refusals"], replicas)
    if case.get("kind") == "run":
        return check_run(result["run"], case, replicas)
    recipe = case.get("recipe", {})
    dtype = recipe.get("dtype", "float32")
    close = {"float64": 1e-9, "float32": 1e-6}.get(dtype, 1e-2)
    weights = {"float64": 1e-9, "float32": 1e-6}.get(dtype, 1e-2)
    if recipe.get("optimizer") == "adamw" and dtype == "float32":
        weights = 5e-5
    one, many = result["one"], result["many"]
    assert many["kind"] == "ReplicaModel" and one["kind"] == "VisionModel"
    assert one["steps"] == many["steps"] >= 20
    np.testing.assert_allclose(
        many["losses"], by_execution(one["losses"], case), rtol=close, atol=close
    )
    np.testing.assert_allclose(
        many["evaluation"], one["evaluation"], rtol=10 * close, atol=10 * close
    )
    assert result["weights"] < weights
    assert result["logits"] < 10 * weights


def check_masks(masks, replicas):
    first, again = masks
    assert first == again  # the same seed
    for values in first[0]:
        assert len(set(values)) == replicas  # another mask on each
    assert first[0] != first[1]  # and at each draw


def check_refusals(messages, replicas):
    assert messages.keys() == {"recipe", "xla", "accumulation", "sum"}
    assert f"{replicas} replicas" in messages["recipe"]
    assert "jit_compile=True" in messages["xla"]
    assert "gradient_accumulation_steps=2" in messages["accumulation"]
    assert "reduction='sum'" in messages["sum"]


def check_run(found, case, replicas):
    names = ("one", "many", "again")
    one, many, again = [[list(row.values()) for row in found[k]] for k in names]
    if replicas == 2:  # to the last bit; sums of more come in no fixed order
        assert many == again
    np.testing.assert_allclose(many, again, rtol=1e-4, atol=1e-6)
    if case["recipe"].get("dropout_rate") == 0:
        np.testing.assert_allclose(many, one, rtol=1e-4, atol=1e-6)
        assert found["weights"][0] < 5e-5
    assert abs(found["weights"][0] - found["weights"][1]) < 5e-5


# Eight replicas on two cores mostly wait for each other.
@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 8])
def test_everything_together_gives_the_result_of_one_device(replicas):
    cases = {**ALL, "refusals": REFUSALS}
    if replicas == 8:
        cases = {"everything": {**ALL["everything"], "sizes": {"num_layers": 1}}}
        cases |= {name: ALL[name] for name in ("masks", "batch norm")}
    results = run("replica_worker.py", {"replicas": replicas, "cases": cases})
    assert [r["name"] for r in results] == list(cases)
    for result in results:
        check(result, cases[result["name"]], replicas)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("replicas", [2, 4, 8])
def test_every_feature_gives_the_result_of_one_device(replicas, part):
    cases = {name: MATRIX[name] for name in list(MATRIX)[part::4]}
    if replicas > 4:  # agrees as well, but building its graph takes minutes
        cases.pop("resnet", None)
    results = run("replica_worker.py", {"replicas": replicas, "cases": cases})
    assert [r["name"] for r in results] == list(cases)
    failed = {}
    for result in results:
        try:
            check(result, cases[result["name"]], replicas)
            state = "passed"
        except AssertionError as error:
            failed[result["name"]] = str(error)
            state = "FAILED"
        print(summary(result, state, replicas))
    assert not failed


def summary(result, state, replicas):
    """One line for the note that closes a round of measurements."""
    line = f"{replicas} replicas  {result['name']:<30}{state}"
    if "one" not in result:
        return line
    one, many = result["one"], result["many"]
    apart = np.abs(np.subtract(one["evaluation"], many["evaluation"])).max()
    if len(one["losses"]) == len(many["losses"]):
        losses = np.abs(np.subtract(one["losses"], many["losses"])).max()
        line += f"  losses {losses:.0e}"
    return line + f"  weights {result['weights']:.0e}  evaluation {apart:.0e}"


# What Keras does -------------------------------------------------------------------


@pytest.fixture(scope="module")
def stock():
    return run("stock_keras.py")[0]


FAILURES = {
    "clip": lambda apart: apart > 1e-2,  # clipped on each replica, then summed
    "short batch": lambda apart: apart > 1e-3,  # replicas count alike
    "accumulation": lambda message: "merge_call" in message,
    "overwrite": lambda message: "merge_call" in message,
    "steps per execution": lambda message: "InvalidArgumentError" in message,
    "boolean input": lambda message: "AddN" in message,
    "masks agree": lambda agree: agree is True,
    "steps beyond the epoch": lambda done: done == 12,  # of 10
    "steps beyond the data": lambda done: done == 15,  # of 12
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.slow
def test_keras_alone_still_fails(name, stock):
    # When one of these fails, Keras has learned it, and a remedy in
    # keras_vit/training/replicas may go.
    assert isinstance(stock["plain"], float) and stock["plain"] < 1e-6
    outcome = stock[name]
    assert isinstance(outcome, (str, float, int)) and FAILURES[name](outcome), outcome


# For a TPU --------------------------------------------------------------------------

TPU_PYTHON = "KERAS_VIT_TPU_PYTHON"
TRACED = {
    "sgd": {"recipe": CLIP},
    "all": {"overwrite": 4, "recipe": {**EVERYTHING, **RANDOM}},
    "bfloat16": {"recipe": {**EVERYTHING, "dtype": "mixed_bfloat16"}},
    "float16": {"recipe": {**CLIP, **EMA, "dtype": "mixed_float16"}},
    "bit": {"bit": True, "recipe": {"remat": True, **CLIP, **PARTS}},
}


@pytest.mark.slow
@pytest.mark.parametrize("names", [["all"], [*TRACED]], ids=["all", "every"])
def test_training_can_be_traced_for_a_tpu(names):
    # Traced, not run: there is no TPU here.
    results = run("tpu_trace.py", {name: TRACED[name] for name in names})
    assert [r["name"] for r in results] == names
    for result in results:
        assert result["trainer"] == "ReplicaModel"
        assert result["train_step"] == ["CrossReplicaSum", "TPUReplicateMetadata"]
        for step in ("test_step", "predict_step"):
            assert "TPUReplicateMetadata" in result[step]
        assert result["fit"] == result["evaluate"] == ["accuracy", "loss"]


@pytest.mark.slow
@pytest.mark.skipif(
    TPU_PYTHON not in os.environ,
    reason="names the Python of an environment with tensorflow-tpu==2.20.0",
)
def test_every_traced_operation_has_a_tpu_kernel():
    # pip install tensorflow-tpu==2.20.0 libtpu==0.0.24 "keras>=3.13"
    for result in run("tpu_trace.py", TRACED, python=os.environ[TPU_PYTHON]):
        for step, missing in result["missing"].items():
            assert missing == [], (result["name"], step)
