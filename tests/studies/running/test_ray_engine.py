"""Cells on a real Ray cluster of two machines, which are two processes here."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from keras_vit.studies.folder import StudyFolder
from keras_vit.studies.reporting import results
from keras_vit.studies.running.ray_engine import resources_of

WORKER = Path(__file__).with_name("engine_worker.py")
STUDY = {
    "name": "tiny",
    "question": "Is a wider model better?",
    "base": {
        **{"data": "fashion_mnist_mini:train[:96]", "test_split": "test[:100]"},
        **{"total_steps": 500, "evaluate_every": 250, "batch_size": 8},
        **{"num_layers": 1, "hidden_dim": 8, "mlp_dim": 8, "num_heads": 2},
        **{"patch_size": 14, "jit_compile": "no"},
    },
    "arms": {"Narrow": {}, "Wide": {"hidden_dim": 16}},
    "seeds": [0, 1],
}
CELLS = [f"{arm}/seed_{seed}" for seed in (0, 1) for arm in ("narrow", "wide")]
# What may differ between two runs of a cell.
TIMES = ("seconds", "cpu_seconds", "environment")


@pytest.mark.parametrize(
    ("devices", "cluster", "needs"),
    [
        ("auto", {"CPU": 8.0}, {"num_cpus": 1}),
        ("auto", {"CPU": 8.0, "GPU": 2.0}, {"num_cpus": 1, "num_gpus": 1}),
        ("auto", {"CPU": 8.0, "TPU": 4.0}, {"num_cpus": 1, "TPU": 1}),
        ("cpu", {"CPU": 8.0, "GPU": 2.0}, {"num_cpus": 1}),
        ("gpu:2", {"CPU": 8.0, "GPU": 2.0}, {"num_cpus": 1, "num_gpus": 2}),
    ],
)
def test_the_devices_decide_what_a_cell_asks_of_the_cluster(devices, cluster, needs):
    assert resources_of(devices, cluster) == needs


def test_devices_that_no_cluster_has_are_refused():
    with pytest.raises(ValueError, match="The Ray cluster has no GPU"):
        resources_of("gpu:1", {"CPU": 8.0})
    for wrong in ("gpu:0", "npu", "cpu,gpu", None):
        with pytest.raises(ValueError, match="must be auto, cpu, gpu or tpu"):
            resources_of(wrong, {"CPU": 8.0})


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False},
    )
    try:
        made.add_node(num_cpus=1)
        made.wait_for_nodes()
        yield made.address
    finally:
        made.shutdown()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    file = tmp_path_factory.mktemp("study") / "tiny.json"
    file.write_text(json.dumps(STUDY))
    return file


def begun(*words):
    """A process that runs a study, and is over when the test is."""
    command = [sys.executable, str(WORKER), *map(str, words)]
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    variables = {**os.environ, **dict.fromkeys(threads, "1"), "TQDM_DISABLE": "1"}
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)


def until(condition, process, seconds=900):
    """What a condition gives when it holds; fails where the process ends before."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
        assert process.returncode is None, process.stdout.read()
        assert time.monotonic() < deadline
    return found


def holder(run):
    """The process that trains in a run folder and has saved something, or `None`."""
    if not list(run.checkpoints.glob("step-*.npz")):
        return None
    inode = (run.path / ".lock").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
            return int(words[4])
    return None


def ended(folder):
    return [name for name in CELLS if folder.read_result(name)]


def without_times(folder):
    results = [folder.read_result(name) for name in CELLS]
    return [{k: v for k, v in r.items() if k not in TIMES} for r in results]


def table_without_times(folder):
    """results.csv as it stands in the folder, but for the columns of times."""
    results.write(folder.path)
    with open(folder.path / "results.csv", newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    kept = [place for place, name in enumerate(header) if name not in TIMES]
    assert len(header) - len(kept) == len(TIMES) and len(lines) == len(CELLS)
    return [[line[place] for place in kept] for line in (header, *lines)]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs Linux's /proc")
def test_killed_workers_and_a_killed_driver_lose_nothing(cluster, study, tmp_path):
    folder = StudyFolder(tmp_path / "ray")
    runs = {name: folder.run(name) for name in CELLS}
    driver = begun(study, folder.path, cluster)
    # Each machine has one processor: two cells at once are on both.
    first, second = CELLS[:2]
    both = until(
        lambda: (a := holder(runs[first])) and (b := holder(runs[second])) and (a, b),
        driver,
    )
    assert both[0] != both[1]
    os.kill(both[0], signal.SIGKILL)
    again = until(
        lambda: (new := holder(runs[first])) not in (None, both[0]) and new, driver
    )
    done = until(lambda: ended(folder), driver)
    contents = {n: (folder.cell(n) / "result.json").read_bytes() for n in done}
    driver.kill()
    driver.communicate()
    driver = begun(study, folder.path, cluster)
    output, _ = driver.communicate(timeout=1200)
    assert driver.returncode == 0 and "4 of 4 cells" in output
    assert again != both[0] and len(runs[first].read_record()["sessions"]) > 1
    for name, content in contents.items():
        assert (folder.cell(name) / "result.json").read_bytes() == content
    # As in one process that was never stopped.
    alone = begun(study, tmp_path / "alone")
    output, _ = alone.communicate(timeout=1200)
    assert alone.returncode == 0 and "4 of 4 cells" in output
    other = StudyFolder(tmp_path / "alone")
    assert without_times(folder) == without_times(other)
    assert table_without_times(folder) == table_without_times(other)
    for name in CELLS:
        mine, theirs = folder.read_predictions(name), other.read_predictions(name)
        for key in ("labels", "predicted", "confidence"):
            np.testing.assert_array_equal(mine[key], theirs[key], name)


@pytest.mark.slow
def test_ctrl_c_saves_what_the_cluster_trains(cluster, study, tmp_path):
    folder = StudyFolder(tmp_path / "ray")
    run = folder.run(CELLS[0])
    driver = begun(study, folder.path, cluster)
    until(lambda: holder(run), driver)
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=200)
    assert driver.returncode == 130
    assert run.read_record()["status"] == "interrupted"


@pytest.mark.slow
def test_without_a_cluster_it_is_said_how_to_start_one(study, tmp_path):
    pytest.importorskip("ray")
    from keras_vit.studies.running.ray_engine import ray_cells

    with pytest.raises(
        ValueError, match=r"no Ray cluster at 127\.0\.0\.1:1.*ray start"
    ):
        with ray_cells("127.0.0.1:1"):
            pass
