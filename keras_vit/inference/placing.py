"""Takes what a network says of a resized image back to the pixels of the image."""

import dataclasses

import numpy as np

from keras_vit.data.pipeline.batches import apply
from keras_vit.data.steps import CentralCrop, Pad, Resize, ResizeSmall

# Steps that change which pixel is where.
GEOMETRY = (CentralCrop, Pad, Resize, ResizeSmall)
# Scores that are resized at a time: 16 MiB.
_BLOCK = 2**22


@dataclasses.dataclass(frozen=True)
class Axis:
    """Where a side of an image lies in what a network saw: at `scale * x + offset`.

    Places are counted from the edge of the first pixel, whose centre is at 0.5.
    """

    length: int  # pixels of the image
    scale: float = 1.0
    offset: float = 0.0

    def resized(self, old, new):
        """The axis after a resize from `old` to `new` pixels."""
        ratio = new / old
        return Axis(self.length, self.scale * ratio, self.offset * ratio)

    def moved(self, by):
        """The axis after pixels were added before it, or cut off (negative)."""
        return Axis(self.length, self.scale, self.offset + by)

    def is_whole(self, length):
        """Whether the pixels of the image and those of a map are the same."""
        return (self.length, self.scale, self.offset) == (length, 1.0, 0.0)

    def neighbours(self, length):
        """For each pixel of the image the two places of a map that it lies between.

        Args:
            length: Integer, the places of the map, with half-pixel centres.

        Returns:
            `(first, second, share)`: integer arrays, and the weight of `second`.
        """
        at = self.scale * (np.arange(self.length) + 0.5) + self.offset - 0.5
        at = np.clip(at, 0, length - 1)
        first = np.floor(at).astype(int)
        share = (at - first).astype("float32")
        return first, np.minimum(first + 1, length - 1), share


def prepared(image, steps):
    """An image as a network takes it, and where its pixels went.

    A crop that would cut something off is left out: every pixel gets an answer.

    Args:
        image: `uint8` array or tensor `(height, width, channels)`.
        steps: Steps on images with nothing random; see `keras_vit.data.steps`.

    Returns:
        `(array, axes)`: float32 `(rows, columns, channels)`, and an `Axis` each of
        height and width.
    """
    axes = [Axis(side) for side in image.shape[:2]]
    images = image[None]
    for step in steps:
        old = images.shape[1:3]
        if isinstance(step, CentralCrop):
            wanted = (step.height, step.width)
            loses = any(side > to for side, to in zip(old, wanted))
            if loses or (step.border is None and tuple(old) != wanted):
                continue
        images = apply((step,), images, None)
        new = tuple(images.shape[1:3])
        if isinstance(step, Resize | ResizeSmall):
            axes = [axis.resized(*s) for axis, *s in zip(axes, old, new)]
        elif isinstance(step, CentralCrop | Pad):  # as much before as behind
            axes = [a.moved((n - o) // 2) for a, o, n in zip(axes, old, new)]
    return np.asarray(images[0], "float32"), axes


def blocks(scores, axes):
    """Yields the scores of the image's own pixels, some rows at a time.

    Bilinear, with half-pixel centres, as `tf.image.resize` does.

    Args:
        scores: Float array `(rows, columns, classes)`, a map of what the network saw,
            of any size.
        axes: Two of `Axis`, from the image to the pixels of that map.

    Yields:
        Float32 arrays `(some rows, width, classes)`, from top to bottom.
    """
    rows, columns, classes = scores.shape
    above, below, down = axes[0].neighbours(rows)
    left, right, along = axes[1].neighbours(columns)
    along = along[:, None]
    step = max(1, _BLOCK // (axes[1].length * classes))
    for start in range(0, axes[0].length, step):
        some = slice(start, start + step)
        share = down[some, None, None]
        lines = scores[above[some]] * (1 - share) + scores[below[some]] * share
        yield lines[:, left] * (1 - along) + lines[:, right] * along
