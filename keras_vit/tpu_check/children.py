"""Runs the TPU compiler in a process of its own, with a time limit."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

from keras_vit.common.installed import install_line, need

# Set before anything of JAX is imported: never touch a device, and never ask the
# cloud's metadata address, which libtpu does otherwise, wherever it runs.
SAFE = {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    # There is no device that two processes could quarrel about.
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
COMMAND = [sys.executable, "-m", "keras_vit.tpu_check.compiling"]
_UNWANTED = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "TPU_NAME", "COLAB_TPU_ADDR")

# How the compiler's process begins a line that names what it does.
STAGE = "stage: "


class CompilerError(RuntimeError):
    """The TPU compiler failed, or refused a program that is not simply too large."""


def child_environment(backend="jax"):
    """The environment variables of the compiler's process."""
    kept = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
    # The package need not be installed where it is being worked on.
    paths = [path for path in sys.path if path]
    ours = {**SAFE, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(paths)}
    return {**kept, **ours}


def check_installed():
    """Raises an `ImportError` where the compiler is not installed."""
    need("The TPU compiler", "tpu-check", "jax", "libtpu")


def compile_in_child(request, time_limit=None, progress=None):
    """What `compiling.compile_step` returns, from another process.

    Args:
        request: Dictionary, see there.
        time_limit: Float, seconds, or `None` for no limit.
        progress: `None`, or a function of (stage, seconds since the start), called
            about once a second.

    Returns:
        Dictionary.

    Raises:
        ImportError: if JAX or libtpu is missing.
        TimeoutError: if it took longer than the limit; the process is ended.
        CompilerError: if the process failed, with its last message.
    """
    check_installed()
    with ExitStack() as stack:
        # Files, not pipes: neither process ever waits for the other to read.
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        given, output, log = files
        given.write(json.dumps(request).encode())
        given.seek(0)
        process = subprocess.Popen(
            COMMAND,
            env=child_environment(request.get("backend", "jax")),
            stdin=given,
            stdout=output,
            stderr=log,
        )
        try:
            _wait(process, log, time_limit, progress)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise CompilerError(_reason(process.returncode, _text(log)))
        return json.loads(_text(output))


def _wait(process, log, time_limit, progress):
    start = time.monotonic()
    while True:
        try:
            process.wait(1.0)
            return
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - start
        stages = [line for line in _text(log).splitlines() if line.startswith(STAGE)]
        stage = stages[-1].removeprefix(STAGE) if stages else "starting"
        if progress is not None:
            progress(stage, seconds)
        if time_limit is not None and seconds > time_limit:
            raise TimeoutError(
                f"The TPU compiler was still {stage} after {seconds:.0f} s. Give it "
                "longer with --time-limit, or use --quick, which compiles two shallow "
                "models."
            )


def _text(file):
    """What the process has written so far; its place in the file stays as it is."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="replace")


def _reason(status, log):
    """Why the process failed, for people."""
    if "Unable to initialize backend" in log or "not found: libtpu" in log.lower():
        return (
            "libtpu does not run on this platform: it needs Linux on x86-64. Run the "
            "check there, in Colab for example."
        )
    if status < 0:
        return (
            f"The TPU compiler was ended by signal {-status}. That has been seen with "
            "versions of jax and libtpu that do not match: "
            f"{install_line('tpu-check')} brings two that do."
        )
    lines = [line for line in log.splitlines() if line.strip()]
    messages = [line for line in lines if not line.startswith(STAGE)]
    return f"The TPU compiler failed: {messages[-1] if messages else 'no message'}"
