"""An engine for many machines: the cells of a study as tasks of a Ray cluster.

Ray decides where a cell runs, finds out that a worker or a machine is gone, and runs
its cell again elsewhere; the cell goes on from its last save, because all machines see
the folder of the study.
"""

import contextlib
import math
import os
import re
import socket

from keras_vit.common.installed import need
from keras_vit.studies.folder import StudyFolder
from keras_vit.studies.running.cells import run_cell
from keras_vit.studies.running.engines import ProcessDied
from keras_vit.training.run.environment import THREADS

# How often Ray runs a cell again whose worker or machine has gone: machines that cost
# less are often taken away.
RETRIES = 3

# Seconds between two looks at Ctrl-C, and until a cell that is asked to stop has saved.
_LOOK, _GRACE = 0.5, 120.0

# Seconds to find the head of a cluster.
_CONNECT = 20.0


@contextlib.contextmanager
def ray_cells(address=None, devices="auto"):
    """Yields an engine that runs cells on a Ray cluster.

    Args:
        address: String, `"HOST:PORT"` of the cluster's head or `"auto"`, as for
            `ray.init`. Defaults to the cluster that this machine belongs to.
        devices: String, what each cell trains on, as for `keras_vit.training.train`:
            it decides what a cell asks of the cluster. `"auto"` is one GPU where the
            cluster has any, else one TPU chip, else one CPU.

    Raises:
        ImportError: if Ray is not installed.
        ValueError: if there is no such cluster, or none of its machines has such
            devices.
    """
    need("Running a study on many machines", "ray", "ray")
    import ray

    begun_here = not ray.is_initialized()
    if begun_here:
        address = "auto" if address is None else address
        try:
            _try(address)
            ray.init(address=address, log_to_driver=False, logging_level="warning")
        except (OSError, ValueError) as error:
            raise ValueError(
                f"There is no Ray cluster at {address}. Start one with `ray start "
                "--head` here and `ray start --address=HOST:6379` on other machines, "
                f"and give that address. Ray says: {error}"
            ) from None
    try:
        yield _RayEngine(devices)
    finally:
        if begun_here:
            ray.shutdown()


def _try(address):
    """Raises an `OSError` where nobody listens, for which Ray would wait minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_CONNECT).close()


class _RayEngine:
    """Runs each cell as a task of the cluster to which this process is connected."""

    pool = None

    def __init__(self, devices):
        self.needs = resources_of(devices, _resources())
        self.futures = set()
        if not self._held():
            raise ValueError(
                "No machine of the Ray cluster has all that a cell asks for: "
                f"{self.needs}. Received: devices={devices!r}"
            )

    @property
    def slots(self):
        """How many cells the cluster holds now; machines may come and go."""
        return max(1, self._held())

    def _held(self):
        import ray

        names = {"num_cpus": "CPU", "num_gpus": "GPU"}
        wanted = {names.get(name, name): n for name, n in self.needs.items()}
        free = 0
        for node in filter(lambda node: node["Alive"], ray.nodes()):
            has = [node["Resources"].get(name, 0) // n for name, n in wanted.items()]
            free += math.floor(min(has))
        return free

    def submit(self, cell, folder, options):
        import ray

        own = {k: v for k, v in self.needs.items() if k.startswith("num_")}
        others = {k: v for k, v in self.needs.items() if k not in own}
        task = ray.remote(_work).options(
            name=cell.name,
            max_retries=RETRIES,
            scheduling_strategy="SPREAD",
            resources=others,
            **own,
        )
        threads = None if "num_gpus" in own or others else 1
        ref = task.remote(cell, str(folder.path.absolute()), options, threads)
        future = _Future(ref)
        self.futures.add(future)
        return future

    def wait(self, futures):
        import ray

        of = {future.ref: future for future in futures}
        ended = []
        while of and not ended:
            ended, _ = ray.wait(list(of), timeout=_LOOK, fetch_local=False)
        self.futures -= {of[ref] for ref in ended}
        return [of[ref] for ref in ended]

    def renew(self, future):
        """Ray has new processes."""

    def stop(self):
        """Lets cells save their state, and ends them."""
        import ray

        refs = [future.ref for future in self.futures]
        for ref in refs:
            ray.cancel(ref)
        if refs:
            ray.wait(refs, num_returns=len(refs), timeout=_GRACE)
        for ref in refs:
            ray.cancel(ref, force=True)


class _Future:
    """What a cell ends with."""

    def __init__(self, ref):
        self.ref = ref

    def result(self):
        import ray

        try:
            return ray.get(self.ref)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # what the cell raised
        except (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
        ) as error:
            raise ProcessDied(str(error)) from None


def resources_of(devices, cluster):
    """What a cell asks of the cluster, as Ray names it.

    Args:
        devices: As for `ray_cells`.
        cluster: Dictionary, what the whole cluster has.

    Raises:
        ValueError: if it has no such device.
    """
    match = re.fullmatch(r"(auto|cpu|gpu|tpu)(?::([1-9]\d*))?", str(devices))
    if not match:
        raise ValueError(
            "On a Ray cluster `devices` must be auto, cpu, gpu or tpu, with a number "
            f"if need be, as in gpu:2. Received: devices={devices!r}"
        )
    kind, number = match[1], int(match[2] or 1)
    if kind == "auto":
        kind = next((k for k in ("gpu", "tpu") if cluster.get(k.upper())), "cpu")
    if not cluster.get(kind.upper()):
        raise ValueError(
            f"The Ray cluster has no {kind.upper()}. Received: devices={devices!r}"
        )
    if kind == "cpu":
        return {"num_cpus": 1}  # "cpu:8" tries out eight devices on one
    return {
        "num_cpus": 1,
        **({"num_gpus": number} if kind == "gpu" else {"TPU": number}),
    }


def _resources():
    import ray

    return ray.cluster_resources()


def _work(cell, folder, options, threads):
    """Runs a cell on the machine that Ray has chosen."""
    if threads is not None:  # before TensorFlow looks at them
        os.environ.update(dict.fromkeys(THREADS, str(threads)))
    folder = StudyFolder(folder)
    if not folder.record.is_file():
        raise ValueError(
            f"A machine of the Ray cluster ({os.uname().nodename}) does not see the "
            f"folder {folder.path}. It must lie on a disk that all machines share."
        )
    return run_cell(cell, folder, **options)
