"""The training curves of a run."""

import logging

from keras_vit.common.figures import new_figure, save_figure
from keras_vit.common.installed import install_line, is_installed

logger = logging.getLogger(__name__)


def plot_curves(rows, path, judged="test"):
    """Draws loss and accuracy over the epochs; of masks mean IoU, too.

    Needs matplotlib; without it, says so in the log and draws nothing.

    Args:
        rows: List of dictionaries, as in history.csv.
        path: `pathlib.Path` of the picture.
        judged: String, which images the `val_*` numbers are of.

    Returns:
        Whether the picture was written.
    """
    drawable = is_installed("matplotlib")
    if drawable:
        save_figure(curves_figure(rows, judged), path)
    else:
        line = install_line("train")
        logger.info("No training curves: matplotlib is not installed (%s).", line)
    return drawable


def curves_figure(rows, judged="test"):
    """The picture of `plot_curves` as a matplotlib `Figure`."""
    known = rows[-1] if rows else ("loss", "accuracy")
    names = [
        name for name in ("loss", "accuracy", "mean_iou", "mean_ap") if name in known
    ]
    figure = new_figure(4.5 * len(names), 3.5)
    epochs = [row["epoch"] for row in rows]
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for key, label in ((name, "training"), (f"val_{name}", judged)):
            if rows and key in rows[-1]:
                axes.plot(epochs, [row.get(key) for row in rows], ".-", label=label)
        axes.set_xlabel("epoch")
        axes.set_title(name.replace("_iou", " IoU"))
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
