"""KerasTuner's chief, with a watch over its workers."""

import logging
import os
import time
from concurrent import futures

from keras_vit.tuner.heartbeat import Watch

logger = logging.getLogger(__name__)

# Seconds between two looks.
LOOK = 0.5

# Seconds of silence after which a worker counts as gone, and its trial goes to
# another one. Of a file system that tells others late, some minutes.
SILENCE = 60.0

# Seconds without any worker after which the chief gives up. One that starts imports
# Keras and compiles its first model, which may take minutes.
PATIENCE = 600.0

_SILENCE, _PATIENCE = "KERAS_VIT_TUNER_SILENCE", "KERAS_VIT_TUNER_PATIENCE"


class SearchError(RuntimeError):
    """A search that cannot go on."""


def is_chief():
    """Whether KerasTuner's variables say that this process is the chief."""
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" in _tuner_id()


def is_worker():
    """Whether KerasTuner's variables say that this process is a worker."""
    return "KERASTUNER_ORACLE_IP" in os.environ and not is_chief()


def _tuner_id():
    missing = [
        name
        for name in ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_PORT")
        if not os.environ.get(name)
    ]
    if missing:
        raise ValueError(
            "KERASTUNER_ORACLE_IP is set, so these must be, too: "
            f"{', '.join(missing)}. KERASTUNER_TUNER_ID is chief, or a name of its own "
            "for each worker."
        )
    return os.environ["KERASTUNER_TUNER_ID"]


def serve(oracle, folder, *, silence=None, patience=None):
    """Gives trials to workers until all are done.

    KerasTuner's own loop waits for ever for workers that have died. Here the trial of
    a worker that has fallen silent goes to another one, and the search ends with an
    error when there has been no worker for too long; what was done is kept, and can be
    resumed.

    Args:
        oracle: One of `oracles.py`.
        folder: A `SearchFolder`.
        silence: Float, seconds after which a silent worker counts as gone. Defaults to
            the environment's `KERAS_VIT_TUNER_SILENCE`, or else 60.
        patience: Float, seconds without a worker after which the search ends. Defaults
            to the environment's `KERAS_VIT_TUNER_PATIENCE`, or else 600.

    Raises:
        SearchError: if no worker came, or none is left.
    """
    silence = silence or float(os.environ.get(_SILENCE, SILENCE))
    patience = patience or float(os.environ.get(_PATIENCE, PATIENCE))
    watch, last = Watch(folder.workers, silence), time.monotonic()
    server, servicer = _start(oracle)
    try:
        while not _is_done(oracle, servicer):
            time.sleep(LOOK)
            for name in watch.silent(list(oracle.tuner_ids)):
                logger.warning(
                    "Worker %s has been silent for %.0f s: its trial goes to another "
                    "worker.",
                    name,
                    silence,
                )
                oracle.release(name)
            if oracle.tuner_ids:
                last = time.monotonic()
            elif time.monotonic() - last > patience and not _is_done(oracle, servicer):
                raise SearchError(
                    f"There has been no worker for {patience:.0f} s. Its own output "
                    "says why it ended, or never began. Start workers, and resume "
                    f"the search in {folder}."
                )
    finally:
        server.stop(grace=1.0).wait()


def _start(oracle):
    # Not at the head: a process that is no chief needs no gRPC.
    import grpc
    from keras_tuner.src import protos
    from keras_tuner.src.distribute.oracle_chief import OracleServicer

    address = "{KERASTUNER_ORACLE_IP}:{KERASTUNER_ORACLE_PORT}".format(**os.environ)
    # One thread: KerasTuner's oracles are made for one call at a time.
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=1),
        options=[("grpc.so_reuseport", 0)],  # two chiefs would share the workers
    )
    servicer = OracleServicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError:
        bound = 0
    if not bound:
        raise SearchError(f"The chief cannot listen at {address}: is it taken?")
    server.start()
    return server, servicer


def _is_done(oracle, servicer):
    """Whether a worker was told that there is nothing left, and all have left."""
    return servicer.stop_triggered and not (
        oracle.ongoing_trials or oracle.tuner_ids or oracle.has_unfinished
    )
