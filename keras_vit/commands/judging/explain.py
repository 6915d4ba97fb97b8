"""The command `keras-vit explain`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from keras_vit.commands.judging.evaluate import check_writable
from keras_vit.terminal import complain


@dataclasses.dataclass
class Explain:
    """Show what a model sees: one HTML page with pictures of a model and of images.

    The page needs no other file: predictions, attention by layer and head, what each
    patch attends to, relevance for a class, filters, positions, and training curves of
    a run. A file that cannot be read is named on the page and on stderr, and the exit
    status is 1.
    """

    # Run folder, .keras file, or a file of published weights.
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    # Image files, or folders, which are searched at every depth; none for the model
    # alone.
    images: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[FILE ...]")
    ] = ()
    # The HTML file to write.
    out: Path = Path("report.html")
    # Keep every head's attention from every patch, and any number of images, whatever
    # the size.
    full: tyro.conf.FlagCreatePairsOff[bool] = False
    # Number of classes to show for each image.
    top: int = 5
    # Height and width of the images in pixels, for a model without a fixed image size
    # or a file of weights.
    image_size: int | tuple[int, int] | None = None

    def __call__(self):
        check_writable(self.out)
        from keras_vit.explaining import explain

        options = {"top": self.top, "image_size": self.image_size}
        report = explain(self.model, self.images, self.out, self.full, **options)
        print(f"report: {report.path} ({report.size / 1e6:.2f} MB)")
        for reason in report.failures:
            complain(reason)
        return 1 if report.failures else 0
