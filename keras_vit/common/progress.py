"""Signs of life: a bar on a terminal or in a notebook, else a line now and then."""

import contextlib
import functools
import logging
import sys
import time

from keras_vit.common.notebooks import NotebookBar, in_notebook
from keras_vit.common.streams import console

logger = logging.getLogger(__name__)

# Seconds until the first sign, and from then on until the next line where stderr is no
# terminal: twice as long each time, up to the last.
FIRST, LONGEST = 2.0, 60.0


@contextlib.contextmanager
def progress_bar(description, shown=None):
    """Yields a function (done, in all) that moves a bar on stderr.

    Args:
        description: String, before the bar.
        shown: Boolean, whether to show a bar; or `None` for a sign of life, a bar on a
            terminal and else a few lines of the log. Where nothing is shown, `None` is
            yielded.
    """
    if shown is False:
        yield None
        return
    with sign_of_life(description, first=0.0 if shown else FIRST, bar=shown) as tell:
        yield tell


@contextlib.contextmanager
def sign_of_life(description, *, first=FIRST, bar=None, clock=time.monotonic):
    """Yields a function (done, in all or `None`) that shows what takes seconds.

    Nothing is shown before `first` seconds have passed.

    Args:
        description: String, what is done.
        first: Float, seconds until the first sign.
        bar: Boolean, a bar or lines of the log; by default a bar on a terminal and in
            a notebook.
        clock: Function that returns seconds.
    """
    begin, wait, shown = clock(), first, None
    bar = shows_bars() if bar is None else bar

    def tell(done, total=None):
        nonlocal wait, shown
        if shown is not None:
            shown[0].update(shown[1], completed=done, total=total)
            return
        passed = clock() - begin
        if passed < wait or done == total:  # what is done needs no sign
            return
        if bar:
            progress = stack.enter_context(new_bar())
            task = progress.add_task(description, completed=done, total=total)
            shown = progress, task
            return
        wait = passed + min(max(passed, first), LONGEST)
        of = "" if total is None else f" of {total:,}"
        logger.info("%s: %s%s, after %.0f s.", description, f"{done:,}", of, passed)

    with contextlib.ExitStack() as stack:
        yield tell


def shows_bars():
    """Whether a bar can move where the program writes: a terminal or a notebook."""
    return sys.stderr.isatty() or in_notebook()


def new_bar(*columns, **options):
    """A `rich.progress.Progress` on stderr that disappears when it is done.

    In a notebook it is a bar of HTML with the same methods.

    Args:
        columns: Texts behind the bar, formats of the fields of a task.
        options: Those of `rich.progress.Progress`.
    """
    if in_notebook():
        return NotebookBar()
    import rich.progress

    text = functools.partial(rich.progress.TextColumn, markup=False)
    return rich.progress.Progress(
        text("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        *map(text, columns),
        console=console(),
        transient=True,
        **options,
    )
