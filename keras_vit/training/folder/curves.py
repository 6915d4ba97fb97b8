"""The picture of a training run."""

import importlib.util
import logging

from keras_vit.common.files import replacing

logger = logging.getLogger(__name__)


def plot_curves(rows, path):
    """Draws loss and accuracy of training and test over the epochs.

    Needs matplotlib; without it, says so in the log and draws nothing.

    Args:
        rows: List of dictionaries, as in history.csv.
        path: `pathlib.Path` of the picture.

    Returns:
        Whether the picture was written.
    """
    if importlib.util.find_spec("matplotlib") is None:
        logger.info(
            "No training curves: matplotlib is not installed "
            "(pip install 'keras-vision-transformer[train]')."
        )
        return False
    figure = curves_figure(rows)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return True


def curves_figure(rows):
    """The picture of `plot_curves` as a matplotlib `Figure`."""
    # Not pyplot: no window, and no state that outlives the figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    epochs = [row["epoch"] for row in rows]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        for key, label in ((name, "training"), (f"val_{name}", "test")):
            if rows and key in rows[-1]:
                axes.plot(epochs, [row.get(key) for row in rows], ".-", label=label)
        axes.set_xlabel("epoch")
        axes.set_title(name)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
