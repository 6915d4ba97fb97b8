"""The processes that train together, and this one's place among them.

Both ways to say so work under both backends: TensorFlow's `TF_CONFIG`, and Keras's
`KERAS_DISTRIBUTION_JOB_ADDRESSES`, `_NUM_PROCESSES` and `_PROCESS_ID`. Cloud TPUs under
JAX need neither.
"""

import contextlib
import dataclasses
import json
import os

KERAS = "KERAS_DISTRIBUTION_"
_NAMES = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes of one run; each is a host of devices."""

    # `host:port` of every process, or of the first one only.
    addresses: tuple[str, ...]
    count: int
    # Number of this process; 0 is the chief.
    index: int

    def to_tf_config(self):
        """The value of `TF_CONFIG`.

        Raises:
            ValueError: if the address of some process is not known.
        """
        if len(self.addresses) != self.count:
            raise ValueError(
                "TensorFlow needs the address of every process. Give "
                f"{KERAS}JOB_ADDRESSES={self.count} addresses with commas between "
                f"them, or TF_CONFIG. Received: {','.join(self.addresses)!r}"
            )
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})

    def variables(self):
        """The environment variables of this process, for either backend."""
        values = (",".join(self.addresses), str(self.count), str(self.index))
        own = {KERAS + name: value for name, value in zip(_NAMES, values)}
        return {"TF_CONFIG": self.to_tf_config(), **own}


def find_cluster(environment=None, prefer="keras"):
    """The cluster that the environment variables describe; `None` for one process.

    Args:
        environment: Dictionary; the process's own environment by default.
        prefer: `"keras"` or `"tensorflow"`: whose variables count where both are set.

    Raises:
        ValueError: if the variables contradict themselves.
    """
    environment = os.environ if environment is None else environment
    ways = [_from_keras, _from_tf_config]
    for way in ways if prefer == "keras" else ways[::-1]:
        cluster = way(environment)
        if cluster is not None:
            return cluster if cluster.count > 1 else None
    return None


def _from_keras(environment):
    given = {name: environment.get(KERAS + name) for name in _NAMES}
    if not any(given.values()):
        return None
    addresses = tuple(filter(None, (given["JOB_ADDRESSES"] or "").split(",")))
    count, index = (
        int(given[name]) if (given[name] or "").isdigit() else None
        for name in _NAMES[1:]
    )
    if count is None and len(addresses) > 1:
        count = len(addresses)
    if count == 1:
        return Cluster(addresses, 1, 0)
    is_complete = addresses and count and index is not None and index < count
    if not is_complete or len(addresses) not in (1, count):
        raise ValueError(
            f"Several processes need {KERAS}JOB_ADDRESSES (host:port of every process, "
            f"separated by commas), {KERAS}NUM_PROCESSES, and {KERAS}PROCESS_ID "
            "from 0 to one less. Received: "
            + ", ".join(f"{name}={value}" for name, value in given.items())
        )
    return Cluster(addresses, count, index)


def _from_tf_config(environment):
    text = environment.get("TF_CONFIG")
    if not text:
        return None
    try:
        config = json.loads(text)
        jobs = config.get("cluster", {})
        task = config.get("task", {})
        addresses = tuple(jobs.get("chief", [])) + tuple(jobs.get("worker", []))
        index = int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f"TF_CONFIG cannot be read ({error}). Received: {text}"
        ) from None
    if len(addresses) < 2:
        return Cluster(addresses, 1, 0)
    kind = task.get("type")
    if kind == "worker":
        index += len(jobs.get("chief", []))
    if kind not in ("chief", "worker") or not 0 <= index < len(addresses):
        raise ValueError(
            "The task of TF_CONFIG must be one of its workers: parameter servers and "
            f"evaluators are not part of this kind of training. Received: {text}"
        )
    return Cluster(addresses, len(addresses), index)


@contextlib.contextmanager
def joining(cluster, backend):
    """Inside the block, this process joins a cluster, past all HTTP proxies.

    Raises:
        ValueError: if the backend has started already.
    """
    bypass_proxies(cluster.addresses)
    try:
        yield
    except RuntimeError as error:
        raise ValueError(
            f"Several processes must be brought together before {backend} does "
            f"anything else: ask for the strategy first. {backend} says: {error}"
        ) from None


def bypass_proxies(addresses, environment=None):
    """Keeps the traffic of processes among themselves away from HTTP proxies.

    gRPC sends it there wherever `http_proxy` is set, and the processes never meet.

    Args:
        addresses: Sequence of strings, `host:port`.
        environment: Dictionary to change; the process's own environment by default.
    """
    environment = os.environ if environment is None else environment
    hosts = [address.rpartition(":")[0] or address for address in addresses]
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        known = [host for host in environment.get(name, "").split(",") if host]
        if name == "no_grpc_proxy" and not known:
            continue  # gRPC then reads `no_proxy`
        environment[name] = ",".join(dict.fromkeys([*known, *hosts]))
