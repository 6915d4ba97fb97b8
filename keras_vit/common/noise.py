"""What TensorFlow's libraries write while they load: kept back unless it is news."""

import contextlib
import os
import re
import sys
import tempfile

# Information in both of TensorFlow's forms ("I0000 00:00:17..." and "2026-01-01
# 12:00:00.0: I tensorflow/..."), what stands around it, and what builds for GPUs say at
# every start. Errors, fatal ones and other warnings are not among them.
_NOISE = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\) is called"
    r"|I\d{4} "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: I "
    r"|To enable the following instructions: "
    r"|.*Unable to register cu(DNN|FFT|BLAS) factory"
    r"|.*computation placer already registered"
    r"|.*TF-TRT Warning: Could not find TensorRT"
)


@contextlib.contextmanager
def without_noise():
    """Keeps stderr back inside the block, and then writes what is no noise.

    TensorFlow's C++ libraries write to the file descriptor, before any of their log
    settings are read. Where the block fails, all comes out.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as file:
        failed = True
        _flush()
        os.dup2(file.fileno(), 2)
        try:
            yield
            failed = False
        finally:
            _flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file:
                if failed or not _NOISE.match(line.decode("utf-8", "replace")):
                    with contextlib.suppress(OSError):
                        os.write(2, line)


def _flush():
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()
