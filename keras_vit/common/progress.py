"""A progress bar on stderr."""

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
    with new_bar() as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def new_bar(*columns, **options):
    """A `rich.progress.Progress` on stderr that disappears when it is done.

    Args:
        columns: Texts behind the bar, formats of the fields of a task.
        options: Those of `rich.progress.Progress`.
    """
    import rich.progress
    from rich.console import Console

    return rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        *map(rich.progress.TextColumn, columns),
        console=Console(file=sys.stderr),
        transient=True,
        **options,
    )
