"""Figures of Matplotlib that need no window and leave no state behind."""


def new_figure(width, height):
    """An empty figure of a size in inches."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "Pictures need matplotlib: pip install 'keras-vision-transformer[train]'"
        ) from None
    # Not pyplot: no window, and no state that outlives the figure.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
