import json

import keras

from keras_vit.training.run.environment import (
    compare_environments,
    describe_environment,
)


def test_the_environment_is_written_down(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = describe_environment()
    json.dumps(found)
    assert found["versions"]["keras"] == keras.__version__
    assert found["backend"] == keras.backend.backend()
    assert {"keras_vit", "numpy", "tensorflow"} <= set(found["versions"])
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert found["threads"]["processors"] >= 1


def test_differences_are_said():
    before = describe_environment()
    assert compare_environments(before, before) == []
    now = json.loads(json.dumps(before))
    now["threads"]["processors"] = 99
    now["versions"]["keras"] = "9.9"
    lines = compare_environments(before, now)
    assert len(lines) == 2
    assert lines[1] == f"keras: {keras.__version__} before, 9.9 now"
