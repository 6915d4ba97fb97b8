"""A bar on stderr for work that is counted."""

import contextlib
import sys


@contextlib.contextmanager
def progress_bar(description, shown=None):
    """Yields a function (done, in all) that moves a bar on stderr.

    Args:
        description: String, before the bar.
        shown: Boolean, or `None` for where stderr is a terminal. Where nothing is
            shown, `None` is yielded.
    """
    if not (sys.stderr.isatty() if shown is None else shown):
        yield None
        return
    import rich.progress
    from rich.console import Console

    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with rich.progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
