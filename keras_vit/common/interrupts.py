"""Ends the command after Ctrl-C or SIGTERM, at any moment: one line, no traceback.

Imported before anything else, so it imports little itself. A program that uses the
package keeps its own handlers: only the command takes the signals.
"""

import _thread
import contextlib
import os
import signal
import sys
import time

PROGRAM = "keras-vit"

# Seconds in which equal signals are one wish to stop.
ONE_WISH = 1.0

# Seconds after which an interrupt that nobody passes on counts as lost.
_LOST = 1.0


class Stopped(KeyboardInterrupt):
    """The command was asked to stop.

    Attributes:
        signal_number: Integer, the signal that asked.
    """

    def __init__(self, signal_number):
        super().__init__()
        self.signal_number = signal_number


def is_command():
    """Whether this process is the command `keras-vit` or `python -m keras_vit`."""
    if sys.argv[0] == "-m":
        return "keras_vit" in sys.orig_argv
    return os.path.splitext(os.path.basename(sys.argv[0]))[0] == PROGRAM


class Wishes:
    """Tells a signal from its double: `timeout`, for example, sends each twice."""

    def __init__(self):
        self._last, self._at = None, 0.0

    def is_new(self, number):
        """Whether a signal that has come is no double of the one before."""
        now = time.monotonic()
        if number == self._last and now - self._at < ONE_WISH:
            return False
        self._last, self._at = number, now
        return True


class Interrupts:
    """What the signals do, by how far the command is.

    While it imports and while it ends, there is nothing to tidy: the process ends at
    once. (An exception may be lost there, in the C code that imports.) While it works,
    `Stopped` is raised, which tidies up on its way; where that is lost, as in a
    `__del__` or under a bare `except`, it is raised again.
    """

    def __init__(self):
        self.number, self.wishes = None, Wishes()
        self._works = self._lost = self._again = self._told = self._taken = False
        self._stderr = self._main = None

    def take(self):
        """Handles the signals from now on, those that are not ignored."""
        self._main = _thread.get_ident()
        with contextlib.suppress(OSError):  # stderr is closed
            self._stderr = os.dup(2)  # the import is silenced by another file there
        own = {signal.SIGINT: signal.default_int_handler}
        own[signal.SIGTERM] = signal.SIG_DFL
        for number, usual in own.items():
            if signal.getsignal(number) == usual:
                signal.signal(number, self._handle)
                self._taken = True

    @contextlib.contextmanager
    def working(self):
        """The block in which there is something to tidy up."""
        if not self._taken:
            yield
            return
        before = sys.unraisablehook
        sys.unraisablehook = self._unraisable(before)
        self._works = True
        try:
            yield
        except Exception as error:
            if self.number is not None:  # what became of `Stopped` on its way
                raise Stopped(self.number) from error
            raise
        else:
            if self.number is not None:
                raise Stopped(self.number)
        finally:
            self._works, sys.unraisablehook = False, before

    def told(self):
        """The command's last line is written: further signals write none."""
        self._told = True

    def _handle(self, number, frame):
        same = not self.wishes.is_new(number)
        if not self._works:
            if same:
                return None  # what it asked for is under way
            if self._stderr is not None and not self._told:
                os.write(self._stderr, f"{PROGRAM}: Stopped.\n".encode())
            return os._exit(128 + number)
        again, self._again = self._again, False
        if same and not again:
            return None
        if self.number is None:
            _thread.start_new_thread(self._watch, ())  # takes no lock of Python's
        self.number = number
        raise Stopped(number)

    def _raise_again(self):
        self._again = True
        if hasattr(signal, "pthread_kill"):  # which wakes it, too
            signal.pthread_kill(self._main, self.number)
        else:
            _thread.interrupt_main(self.number)

    def _unraisable(self, usual):
        def hook(what):
            if self.number is None or not issubclass(what.exc_type, KeyboardInterrupt):
                usual(what)
            else:
                self._lost = True

        return hook

    def _watch(self):
        last = time.monotonic()
        while self._works:
            time.sleep(0.1)
            error = sys._current_exceptions().get(self._main)
            if _comes_of_interrupt(error):
                last = time.monotonic()
            elif (self._lost or time.monotonic() - last > _LOST) and self._works:
                self._lost, last = False, time.monotonic()
                self._raise_again()


def _comes_of_interrupt(error):
    """Whether an exception that is being handled is, or followed, an interrupt."""
    if isinstance(error, tuple):  # before Python 3.12
        error = error[1]
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


INTERRUPTS = Interrupts()
