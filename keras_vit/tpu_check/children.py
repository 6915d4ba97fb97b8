"""Runs the TPU compiler in a process of its own, with a time limit."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

INSTALL = 'pip install "keras-vision-transformer[tpu-check]"'

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
    for name in ("jax", "libtpu"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f"The TPU compiler needs {name}, which is not installed: {INSTALL}",
                name=name,
            )


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
        CompilerError: if the process failed, with what it said last.
    """
    check_installed()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            COMMAND,
            env=child_environment(request.get("backend", "jax")),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        try:
            log = _follow(process, request, time_limit, progress)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        if process.returncode:
            raise CompilerError(_reason(process.returncode, log))
        output.seek(0)
        return json.load(output)


def _follow(process, request, time_limit, progress):
    """Waits for the process; the lines that it wrote to stderr."""
    log, stage = [], ["starting"]

    def read():
        with process.stderr:
            for line in process.stderr:
                head, _, rest = line.rstrip("\n").partition("stage: ")
                if rest and not head:
                    stage[0] = rest
                else:
                    log.append(line.rstrip("\n"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        process.stdin.write(json.dumps(request))
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has ended already; its log says why
    start = time.monotonic()
    while True:
        try:
            process.wait(1.0)
            break
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - start
            if progress is not None:
                progress(stage[0], seconds)
            if time_limit is not None and seconds > time_limit:
                raise TimeoutError(
                    f"The TPU compiler was still {stage[0]} after {seconds:.0f} s. "
                    "Give it longer with --time-limit, or take --quick, which compiles "
                    "two shallow models."
                ) from None
    reader.join(5.0)
    return log


def _reason(status, log):
    """Why the process failed, for people."""
    text = "\n".join(log)
    if "Unable to initialize backend" in text or "not found: libtpu" in text.lower():
        return (
            "libtpu does not run on this platform: it needs Linux on x86-64. Run the "
            "check there, in Colab for example."
        )
    if status < 0:
        return (
            f"The TPU compiler was ended by signal {-status}. That has been seen with "
            f"versions of jax and libtpu that do not belong together: {INSTALL} brings "
            "two that do."
        )
    last = next((line for line in reversed(log) if line.strip()), "no message")
    return f"The TPU compiler failed: {last}"
