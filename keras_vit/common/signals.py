"""Signal handlers for as long as a block lasts."""

import contextlib
import signal
import threading


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
