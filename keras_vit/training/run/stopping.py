"""Stopping a run so that it can go on: Ctrl-C and SIGTERM."""

import contextlib
import logging
import signal
import threading

logger = logging.getLogger(__name__)


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop, and its state is on the disk.

    Attributes:
        signal_number: Integer, the signal that asked.
    """

    def __init__(self, message, signal_number=signal.SIGINT):
        super().__init__(message)
        self.signal_number = signal_number


class StopRequest:
    """Turns the first Ctrl-C or SIGTERM into a request to stop at the next update.

    A second one stops at once, with what was last saved.
    """

    def __init__(self):
        self.signal_number = None

    @contextlib.contextmanager
    def listening(self):
        """Listens inside the block; outside the main thread it cannot, and does not."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._note) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number, frame):
        if self.signal_number is not None:
            raise KeyboardInterrupt
        self.signal_number = number
        logger.warning(
            "Saving after this update, then stopping. Press Ctrl-C again to stop at "
            "once."
        )
