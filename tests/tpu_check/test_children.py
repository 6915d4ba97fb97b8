"""The compiler's process: what it is given, and how it may fail."""

import json
import sys

import pytest

from keras_vit.tpu_check import children

ECHO = """
import json, os, sys
request = json.load(sys.stdin)
sys.stderr.write("stage: reading\\nsome noise\\n")
json.dump({"environment": dict(os.environ), "request": request}, sys.stdout)
"""


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(children, "check_installed", lambda: None)

    def use(text):
        monkeypatch.setattr(children, "COMMAND", [sys.executable, "-c", text])

    return use


def test_the_child_can_reach_no_device_and_no_metadata_server(script, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "tpu")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "")
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
    script(ECHO)
    found = children.compile_in_child({"topology": "v5e:1x1"})
    assert found["request"] == {"topology": "v5e:1x1"}
    environment = found["environment"]
    assert environment["TPU_SKIP_MDS_QUERY"] == "1"
    assert environment["JAX_PLATFORMS"] == "cpu"
    assert environment["KERAS_BACKEND"] == "jax"
    assert "XLA_FLAGS" not in environment


def test_the_stage_is_told_while_it_takes_long(script):
    script(
        "import json, sys, threading; json.load(sys.stdin)\n"
        "sys.stderr.write('stage: compiling\\n'); sys.stderr.flush()\n"
        "threading.Event().wait(2.5); sys.stdout.write('{}')"
    )
    told = []
    assert children.compile_in_child({}, progress=lambda *at: told.append(at)) == {}
    assert told[-1][0] == "compiling" and told[-1][1] > 1


def test_it_is_ended_after_the_time_limit(script):
    script("import threading; threading.Event().wait(60)")
    with pytest.raises(TimeoutError, match="--time-limit"):
        children.compile_in_child({}, time_limit=0.5)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise ValueError('no such topology')", "no such topology"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11.*do not match"),
        (
            "raise RuntimeError('Unable to initialize backend tpu')",
            "does not run on this platform",
        ),
    ],
)
def test_failures_are_explained(script, program, message):
    script(program)
    with pytest.raises(children.CompilerError, match=message):
        children.compile_in_child({})


def test_a_missing_compiler_names_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install ".*\[tpu-check\]"'):
        children.check_installed()


def test_the_request_is_one_of_json():
    from keras_vit.tpu_check.checking import step_request
    from keras_vit.training import Recipe

    recipe = Recipe(model="ViT_S16", image_size=(64, 96), weights="augreg")
    request = json.loads(json.dumps(step_request(recipe, "v5e:1x1", 7, num_layers=2)))
    assert request["constructor"] == "ViT" and request["recipe"]["weights"] is None
    assert request["arguments"]["num_layers"] == 2
    assert request["arguments"]["hidden_dim"] == 384
    assert request["arguments"]["image_size"] == [64, 96]
