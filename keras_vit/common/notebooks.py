"""A progress bar for notebooks, and whether there is one."""

import html
import sys
import time

# Seconds between two looks of a bar.
EVERY = 0.3


def in_notebook():
    """Whether the program runs in a kernel, which shows HTML, and not on a terminal."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """A bar of HTML with the methods of `rich.progress.Progress` that we use.

    It disappears when it is done, and costs a message to the page every 0.3 seconds.
    """

    task_ids = (0,)

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._handle = None
        self._last = self._begin = clock()
        self._values = {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def add_task(self, description, **values):
        """Sets what the bar is of; there is one task."""
        self._values = {"description": description, **values}
        if self._handle is not None:
            self._handle.update(self._content(), raw=True)
        return 0

    def update(self, task, **values):
        """Moves the bar: `completed`, `total` and other values by name."""
        self._values |= values
        if self._handle is not None and self._clock() - self._last >= EVERY:
            self._last = self._clock()
            self._handle.update(self._content(), raw=True)

    def start(self):
        """Shows the bar."""
        from IPython.display import DisplayHandle

        self._handle = DisplayHandle()
        self._handle.display(self._content(), raw=True)

    def stop(self):
        """Takes the bar away."""
        if self._handle is not None:
            self._values = {}
            self._handle.update(self._content(), raw=True)
            self._handle = None

    def _content(self):
        values = self._values
        if not values:
            return {"text/plain": "", "text/html": ""}
        done, total = values.get("completed") or 0, values.get("total")
        words = f"{done:,}" + ("" if total is None else f" of {total:,}")
        if total and done:
            left = (self._clock() - self._begin) * (total - done) / done
            words += f", {left:.0f} s left"
        if values.get("numbers"):
            words += f"  {values['numbers']}"
        name = values.get("description", "")
        limits = "" if total is None else f" value='{done}' max='{total}'"
        page = (
            f"<div>{html.escape(name)} <progress{limits}></progress> "
            f"<small>{html.escape(words)}</small></div>"
        )
        return {"text/plain": f"{name}: {words}", "text/html": page}
