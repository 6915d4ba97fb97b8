"""ReaL, the re-assessed labels of ImageNet's validation images."""

import functools
import gzip
import pathlib
import re

FILE = pathlib.Path(__file__).parent / "real_labels" / "real_labels.txt.gz"
NUM_IMAGES = 50_000


def real_labels(source=None) -> list[tuple[int, ...]]:
    """The sets of labels that are right for each validation image of ImageNet-1k.

    A prediction is right if it is in the image's set. 3,163 sets are empty: those
    images are left out of the mean.

    Args:
        source: None, or a `Source` of the validation images (TFDS's `imagenet2012` or
            `imagenet2012_real`, a folder or a list of files), whole or in part. TFDS
            stores them in an order of its own; they are recognised by their file names.
            Of a source that is read in a stream, the file names are read once.

    Returns:
        A tuple of class numbers for each image: of the source, in the order of its
        `examples`; without one, of all 50,000 in the order of their file names,
        `ILSVRC2012_val_00000001.JPEG` first.

    Raises:
        ValueError: if the source's images are not those.

    Example:

    >>> labels = keras_vit.data.real_labels(validation)
    >>> right = [p in real for p, real in zip(predicted, labels) if real]
    >>> accuracy = sum(right) / len(right)

    Reference: [Beyer et al., 2020](https://arxiv.org/abs/2006.07159); the labels are
    `real.json` of https://github.com/google-research/reassessed-imagenet.
    """
    labels = _labels()
    if source is None:
        return list(labels)
    names = source.file_names()
    if names is None:
        raise ValueError(
            f"{source!r} doesn't say which files its images were, so their ReaL labels "
            "can't be found. They are known for ImageNet's validation images: in "
            "TFDS's imagenet2012, in a folder or in a list of files."
        )
    return [labels[_number(name) - 1] for name in names]


@functools.cache
def _labels():
    text = gzip.decompress(FILE.read_bytes()).decode()
    return tuple(tuple(map(int, line.split())) for line in text.splitlines())


def _number(name):
    match = re.search(r"ILSVRC2012_val_(\d{8})\.\w+$", name)
    number = int(match[1]) if match else 0
    if not 1 <= number <= NUM_IMAGES:
        raise ValueError(
            "ReaL labels are known for the files ILSVRC2012_val_00000001.JPEG to "
            f"ILSVRC2012_val_{NUM_IMAGES:08}.JPEG. Received: {name!r}"
        )
    return number
