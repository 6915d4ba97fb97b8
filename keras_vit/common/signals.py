"""Signals: handlers for as long as a block lasts, and an end with the parent's."""

import contextlib
import os
import signal
import threading
import time

# Seconds between two looks at the parent.
_LOOK = 0.5


@contextlib.contextmanager
def handling(handler, *numbers):
    """Handles signals inside the block, which only the main thread can do.

    Args:
        handler: Function of the signal's number and the stack frame.
        numbers: The signals, such as `signal.SIGTERM`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def end_with_parent(parent, grace=None):
    """Asks this process to end when its parent has gone, however that ended.

    Args:
        parent: Integer, the number of the process that started this one.
        grace: Float, seconds after which it ends anyway; `None` waits for it.
    """

    def follow():
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGTERM)  # where it trains, it saves first
        if grace is not None:
            time.sleep(grace)
            os._exit(1)

    threading.Thread(target=follow, name="parent", daemon=True).start()
