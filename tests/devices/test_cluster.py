"""Several processes, by TensorFlow's variable or by those of Keras."""

import json

import pytest

from keras_vit.devices.cluster import Cluster, bypass_proxies, find_cluster

BOTH = ("10.0.0.1:12", "10.0.0.2:34")


def tf_config(index=0, kind="worker", **jobs):
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": task})}


def keras_variables(addresses=None, count=None, index=None):
    values = {
        "JOB_ADDRESSES": addresses,
        "NUM_PROCESSES": count,
        "PROCESS_ID": index,
    }
    named = {f"KERAS_DISTRIBUTION_{k}": v for k, v in values.items()}
    return {name: value for name, value in named.items() if value is not None}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (tf_config(1, worker=BOTH), Cluster(BOTH, 2, 1)),
        (tf_config(0, chief=BOTH[:1], worker=BOTH[1:]), Cluster(BOTH, 2, 1)),
        (tf_config(0, "chief", chief=BOTH[:1], worker=BOTH[1:]), Cluster(BOTH, 2, 0)),
        (keras_variables(",".join(BOTH), "2", "1"), Cluster(BOTH, 2, 1)),
        (keras_variables(",".join(BOTH), None, "0"), Cluster(BOTH, 2, 0)),
        (keras_variables(BOTH[0], "4", "3"), Cluster(BOTH[:1], 4, 3)),
        (Cluster(BOTH, 2, 1).variables(), Cluster(BOTH, 2, 1)),
        (keras_variables(count="1"), None),
        (tf_config(0, worker=BOTH[:1]), None),
        ({"TF_CONFIG": "{}"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("prefer", ["keras", "tensorflow"])
def test_the_variables_say_who_is_there(environment, expected, prefer):
    assert find_cluster(environment, prefer) == expected


@pytest.mark.parametrize(
    "environment",
    [
        keras_variables(",".join(BOTH), "3", "0"),
        keras_variables(",".join(BOTH), "2", "2"),
        keras_variables(",".join(BOTH), "2"),
        keras_variables(count="2", index="0"),
        tf_config(2, worker=BOTH),
        tf_config(0, "ps", worker=BOTH, ps=["10.0.0.3:1"]),
        {"TF_CONFIG": "{"},
        {"TF_CONFIG": "[1]"},
    ],
)
def test_a_contradiction_is_refused(environment):
    with pytest.raises(ValueError, match="Received: "):
        find_cluster(environment)


def test_the_variables_of_one_backend_serve_the_other():
    cluster = find_cluster(keras_variables(",".join(BOTH), "2", "1"))
    assert find_cluster({"TF_CONFIG": cluster.to_tf_config()}) == cluster
    with pytest.raises(ValueError, match="the address of every process"):
        find_cluster(keras_variables(BOTH[0], "2", "1")).to_tf_config()


def test_the_processes_do_not_talk_through_a_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_grpc_proxy", raising=False)
    import os

    for _ in range(2):
        bypass_proxies(BOTH)
    assert os.environ["no_proxy"] == "localhost,10.0.0.1,10.0.0.2"
    assert os.environ["NO_PROXY"] == "10.0.0.1,10.0.0.2"
    assert "no_grpc_proxy" not in os.environ
    monkeypatch.undo()
    monkeypatch.delenv("NO_PROXY", raising=False)
