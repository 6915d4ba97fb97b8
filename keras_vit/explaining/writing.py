"""`explain`: one HTML page about a model and what it sees in a few images."""

import dataclasses
import logging
from pathlib import Path

from keras_vit._version import __version__
from keras_vit.common.checks import check_positive
from keras_vit.common.files import replacing
from keras_vit.common.installed import need
from keras_vit.explaining import figures, pictures, rows
from keras_vit.explaining.cards import cards
from keras_vit.explaining.looking import look
from keras_vit.explaining.packing import ALPHABET, DECADES
from keras_vit.explaining.subject import load_photographs, open_subject
from keras_vit.visualize.anatomy import layer_named

logger = logging.getLogger(__name__)

# Images of one page; each takes half a megabyte or more.
MOST_IMAGES = 24


@dataclasses.dataclass(frozen=True)
class Report:
    """The page that `explain` wrote."""

    path: Path
    # Bytes.
    size: int
    # The images on the page.
    images: list
    # Why others are not there, a sentence each that names the file.
    failures: list
    # Pairs (views, reason): what the model cannot show.
    not_offered: list


def explain(
    model_or_run, images, path, full=False, *, top=5, title=None, image_size=None
):
    """Writes one HTML page that shows a model, and what it sees in images.

    The page needs no other file and no network, reads on light and dark and on narrow
    and wide screens, and works without JavaScript; with it, one can choose a layer and
    a head, and a patch to see what it attends to. It holds the model's facts, its
    predictions, training curves where there is a run, and the views of
    `keras_vit.visualize` that the model offers; of the others it says why not.

    Args:
        model_or_run: A Keras model; a run folder, a `.keras` file; or anything that
            `keras_vit.from_checkpoint` takes, such as an official `.npz`.
        images: Path, folder, Pillow image, `uint8` array, or a list of them; `None` for
            a page about the model alone. One that cannot be read is named on the page.
        path: Path of the page, whose folder must exist. An old page is replaced when
            the new one is complete.
        full: Boolean, whether the page keeps what every patch attends to for every
            head, in full resolution and for any number of images: with ViT-B/16, 6 MB
            for each. Otherwise only the mean of the heads, on coarser patches where
            there are many: under 3 MB for four images of ViT-B/16.
        top: Integer, the number of classes shown for each image.
        title: String, the heading. Defaults to the name of the run, file or model.
        image_size: Integer or `(height, width)`, pixels, for a model of images of
            every size, and for a file of weights. Defaults to that of the position
            embeddings.

    Returns:
        A `keras_vit.explaining.Report`.

    Raises:
        ValueError: if there is no such folder or model, or there are too many images.
        ImportError: without Jinja2 or matplotlib, saying how to install them.

    Example:

    >>> report = keras_vit.explain("runs/mine", ["cat.jpg", "dog.jpg"], "report.html")
    >>> report.failures
    []
    """
    path = _checked(path, top)
    environment = _environment()
    subject = open_subject(model_or_run, image_size)
    photographs = load_photographs(images, subject.steps)
    if len(photographs) > MOST_IMAGES and not full:
        raise ValueError(
            f"A page holds up to {MOST_IMAGES} images. Received: {len(photographs)}. "
            "Choose some, or pass full=True (--full)."
        )
    readable = [photo for photo in photographs if photo.error is None]
    failures = [photo.error for photo in photographs if photo.error is not None]
    offers = Offers()
    context = _context(subject, readable, offers, top, full)
    page = environment.get_template("report.html").render(
        title=title or subject.name,
        failures=failures,
        asked=bool(photographs),
        version=__version__,
        **context,
        not_offered=offers.reasons(),
    )
    page = page.encode("utf-8", "replace")
    with replacing(path) as temporary:
        temporary.write_bytes(page)
    names = [photo.name for photo in readable]
    return Report(path, len(page), names, failures, offers.reasons())


def _checked(path, top):
    path = Path(path).expanduser()
    check_positive(top=top)
    if not path.parent.is_dir() or path.is_dir():
        raise ValueError(
            "`path` must be a file in a folder that exists. "
            f"Received: {path}. Make {path.parent} first, or name a file such as "
            "report.html."
        )
    return path


def _environment():
    need("A report", "report", jinja2="Jinja2")
    import jinja2

    pictures.palette()  # likewise without matplotlib, before any work
    return jinja2.Environment(
        loader=jinja2.PackageLoader("keras_vit.explaining"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(subject, photographs, offers, top, full):
    """What the template reads, under its own names."""
    looks = []
    for photo in photographs:
        logger.info("Looking at %s.", photo.name)
        seen = offers.take("Attention", look, subject.model, photo.image, full)
        looks.append(seen)
    shades = [f"#{bytes(shade).hex()}" for shade in pictures.palette()]
    return {
        "facts": rows.model_facts(subject),
        "run": rows.run_facts(subject),
        "epochs": rows.epoch_table(subject.history),
        "curves": figures.curves(subject),
        "cards": cards(subject, photographs, looks, offers, top=top, full=full),
        "figures": [
            *figures.learned(subject, offers, full),
            *figures.attending(subject, photographs, looks, offers),
        ],
        "summary": _summary(subject),
        "imagenet": subject.imagenet_classes,
        # What the script needs to read packed maps.
        "settings": {"alphabet": ALPHABET, "decades": DECADES, "palette": shades},
    }


def _summary(subject):
    """Whose attention the maps of whole layers show."""
    encoder = layer_named(subject.model, "patch_encoder")
    token = encoder is None or encoder.class_token
    return "Class token" if token else "Mean of all patches"


class Offers:
    """Collects the reasons why a model cannot offer some views.

    Example:

    >>> offers = Offers()
    >>> offers.take("Position similarity", position_similarity, model)
    >>> offers.reasons()
    []
    """

    def __init__(self):
        self._reasons = {}

    def take(self, title, view, *args, **kwargs):
        """What `view` returns, or `None` where it raises a `ValueError`."""
        try:
            return view(*args, **kwargs)
        except ValueError as error:
            titles = self._reasons.setdefault(str(error), [])
            if title not in titles:
                titles.append(title)
            return None

    def reasons(self):
        """Pairs `(titles, reason)`, each reason once."""
        return [(", ".join(titles), why) for why, titles in self._reasons.items()]
