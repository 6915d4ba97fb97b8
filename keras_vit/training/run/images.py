"""Notices images of a run that were replaced, removed or added when it is resumed."""

import dataclasses
import hashlib
import logging
import os

import numpy as np

from keras_vit.common.files import replacing
from keras_vit.common.progress import progress_bar
from keras_vit.common.regular import read_regular
from keras_vit.common.wording import display, printable
from keras_vit.training.folder.state import DAMAGES
from keras_vit.training.recipes.records import read_json

logger = logging.getLogger(__name__)

# So many bytes of images are hashed when a run begins; of the others size and time of
# the last change must do.
HASHED = 2**30
_DIGEST = 16  # bytes
_SHOWN = 3  # images that a message names
_ARRAYS = ("labels", "sizes", "times")


def write_images(folder, *sources, progress=None):
    """Writes down what the images of a run are, by which `check_images` knows them.

    Args:
        folder: A `RunFolder`.
        sources: Those of the run, training first and test last. Nothing is written
            where their images are not files of their own.
        progress: As for `keras_vit.training.train`.
    """
    if sources[0].folder is None or not folder.is_own:
        return
    images = _Images.of(*sources)
    digests, left = np.zeros((len(images.paths), _DIGEST), np.uint8), HASHED
    with progress_bar("noting the images", progress) as bar:
        for number, path in enumerate(images.paths):
            left -= images.sizes[number]
            if left < 0:
                break
            digests[number] = _digest(path)
            if bar is not None:
                bar(number + 1, len(images.paths))
    text = "\n".join(images.names).encode("utf-8", "backslashreplace")
    arrays = {name: getattr(images, name) for name in _ARRAYS}
    with replacing(folder.images) as temporary:
        np.savez(
            temporary, names=np.frombuffer(text, np.uint8), digests=digests, **arrays
        )


def check_images(folder, *sources):
    """Raises unless the images of a run are those that it began with.

    Raises:
        ValueError: naming those that are gone, new, replaced, or of another class.
    """
    if sources[0].folder is None:
        return
    now = _Images.of(*sources)
    if folder.images.is_file():
        names, known = _read(folder.images)
    elif folder.split.is_file():  # an older run
        names, known = _read_split(folder.split), None
    else:
        return
    there, before = set(now.names), set(names)
    changes = [(name, "is gone") for name in names if name not in there]
    changes += [(name, "is new") for name in now.names if name not in before]
    if not changes and known is not None:
        changes = _replaced(names, known, now)
    if not changes:
        return
    listed = ", ".join(f"{now.shown(name)} {what}" for name, what in changes[:_SHOWN])
    more = f", and {len(changes) - _SHOWN:,} more" if len(changes) > _SHOWN else ""
    raise ValueError(
        f"The data has changed since the run in {folder} was started: {listed}{more}. "
        "Bring the data back to what it was, or start a new run in another folder."
    )


@dataclasses.dataclass(frozen=True)
class _Images:
    """The images of all parts of a run, training first, test last."""

    # The folder in which the names are.
    root: str
    names: list
    paths: list
    labels: np.ndarray
    # What to say of an image whose label is another one.
    of_another: str
    # In bytes and in nanoseconds; of an image that is not there, -1.
    sizes: np.ndarray
    times: np.ndarray

    @classmethod
    def of(cls, train, *others):
        sources, root = (train, *others), train.folder
        names = [name for data in sources for name in data.files]
        if others[-1].folder != root:  # all may hold the same names
            parts = ("train", *("validation" for _ in others[1:]), "test")
            names = [f"{p}/{n}" for p, data in zip(parts, sources) for n in data.files]
            root = os.path.dirname(root)
        paths = [path for data in sources for path in data.paths]
        looks = np.array([_look(path) for path in paths], np.int64)
        labels = [_labels_of(data) for data in sources]
        labels = np.concatenate(labels).astype(np.int64)
        other = "has another annotation" if train.labels is None else None
        return cls(root, names, paths, labels, other or "is of another class", *looks.T)

    def shown(self, name):
        return display(os.path.join(self.root, name))


def _labels_of(source):
    """The labels of a source; where they are masks or boxes, marks of these."""
    return source.annotation_marks() if source.labels is None else source.labels


def _look(path):
    """(bytes, nanoseconds) of a file; opens nothing."""
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _digest(path):
    """The hash of a file's bytes; zeros where it cannot be read."""
    try:
        data = read_regular(path)
    except (ValueError, OSError):
        return np.zeros(_DIGEST, np.uint8)
    return np.frombuffer(hashlib.blake2b(data, digest_size=_DIGEST).digest(), np.uint8)


def _read(path):
    """`(names, arrays)` of a file that `write_images` wrote."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = file["names"].tobytes().decode().split("\n")
            known = {name: file[name] for name in (*_ARRAYS, "digests")}
        if any(len(values) != len(names) for values in known.values()):
            raise ValueError("its parts are of different lengths")
    except DAMAGES as error:
        raise ValueError(
            f"{path} is damaged ({printable(str(error))}). Bring the file back as it "
            "was, or delete it: then nobody looks whether images were replaced."
        ) from None
    return names, known


def _read_split(path):
    try:
        split = read_json(path)
        parts = (split["train"], split.get("validation", ()), split["test"])
        return [str(name) for part in parts for name in part]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({error}). Bring the file back as it was, or delete it."
        ) from None


def _replaced(names, known, now):
    """`[(name, what happened)]` of images with the names of the run's."""
    places = {name: number for number, name in enumerate(now.names)}
    order = np.array([places[name] for name in names])
    sizes, times, labels = now.sizes[order], now.times[order], now.labels[order]
    larger, later = sizes != known["sizes"], times != known["times"]
    hashed = known["digests"].any(axis=1)
    changed = larger.copy()
    for number in np.flatnonzero(later & hashed & ~larger):
        digest = _digest(now.paths[order[number]])
        changed[number] = (digest != known["digests"][number]).any()
    unsure = np.flatnonzero(later & ~hashed & ~larger)
    if len(unsure):
        logger.warning(
            "%s and %d more images have the size that they had when the run began, and "
            "another time: nobody knows whether they were replaced.",
            now.shown(names[unsure[0]]),
            len(unsure) - 1,
        )
    what = "is another image than when the run began"
    changes = [(names[number], what) for number in np.flatnonzero(changed)]
    other = labels != known["labels"]
    other = other.any(axis=1) if other.ndim > 1 else other  # several an image
    others = np.flatnonzero(other & ~changed)
    return changes + [(names[number], now.of_another) for number in others]
