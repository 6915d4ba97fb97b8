"""`predict_tiles`: images of any size by a U-Net, one tile after another."""

import itertools

import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.inference.windows import checked_image
from keras_vit.layers.tokens.grids import pair
from keras_vit.models.vision_model import arguments_of, look_inside, settings_of


def predict_tiles(model, image, *, tile_size=None, batch_size=1):
    """What a U-Net says of every pixel of an image of any size.

    The image is cut into tiles that overlap, each predicted by itself, of which only
    the middle counts: pixels that saw all that they would see in the whole image.
    What lies beyond the border of the image is its mirror image. Tiles begin at
    multiples of `2 ** (levels - 1)` pixels, where the poolings of all of them fall on
    the same pixels, so that there are no seams: with valid convolutions the result is
    that of one tile as large as the image.

    Args:
        model: A model of `keras_vit.UNet`.
        image: Float array `(height, width, channels)`, or `(height, width)` where
            images have one channel, in the range that the model takes.
        tile_size: Integer or pair `(height, width)`, pixels of a tile; a size that the
            model takes. Larger tiles cost more memory and less time. Defaults to the
            model's image size, and must be given where that is open.
        batch_size: Integer, the tiles that are predicted at once.

    Returns:
        Float32 array `(height, width, num_classes)`, logits unless the model has a
        `classifier_activation`.

    Raises:
        ValueError: if the model is no U-Net, or image or tiles have a wrong size.

    Example:

    >>> model = keras_vit.UNet(2, weights="unet.keras")
    >>> mask = keras_vit.predict_tiles(model, image).argmax(-1)

    Reference: [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597), figure 2.
    """
    if settings_of(model).get("family") != "unet":
        raise ValueError(
            "`model` must be made by keras_vit.UNet. Received: "
            f"{getattr(model, 'name', model)!r}.{look_inside(model)}"
        )
    a = arguments_of(model)
    check_positive(batch_size=batch_size)
    image = checked_image(image, a["num_channels"])
    unit = 2 ** (len(a["widths"]) - 1)
    margin = 6 * unit - 4  # what two valid convolutions a level take from a side
    if a["padding"] == "same":
        margin = -(-margin // unit) * unit  # tiles keep their place in the poolings
    tile = _tile_size(tile_size, a, margin, unit)
    inner = [side - 2 * margin for side in tile]
    steps = [side // unit * unit for side in inner]
    counts = [-(-side // step) for side, step in zip(image.shape, steps)]
    behind = [
        margin + (count - 1) * step + size - side
        for count, step, size, side in zip(counts, steps, inner, image.shape)
    ]
    padded = _mirrored(image, margin, behind)
    whole = None
    places = itertools.product(
        *(range(0, n * step, step) for n, step in zip(counts, steps))
    )
    while batch := list(itertools.islice(places, batch_size)):
        cut = [padded[y : y + tile[0], x : x + tile[1]] for y, x in batch]
        outputs = np.asarray(model.predict_on_batch(np.stack(cut)), "float32")
        if a["padding"] == "same":
            outputs = outputs[:, margin:-margin, margin:-margin]
        if whole is None:
            sides = [
                (n - 1) * step + size for n, step, size in zip(counts, steps, inner)
            ]
            whole = np.empty((*sides, outputs.shape[-1]), "float32")
        for (y, x), output in zip(batch, outputs):
            whole[y : y + inner[0], x : x + inner[1]] = output
    return whole[: image.shape[0], : image.shape[1]]


def _tile_size(tile_size, a, margin, unit):
    """The sides of a tile that the model takes."""
    known = tuple(a["image_size"])
    if tile_size is None:
        if None in known:
            raise ValueError(
                "`tile_size` must be given: the model takes images of every size. "
                "Received: tile_size=None"
            )
        tile_size = known
    tile = pair(tile_size, "tile_size")
    if any(side not in (None, size) for side, size in zip(known, tile)):
        raise ValueError(
            "`tile_size` must be the model's image size; build it with "
            "image_size=(None, None) for every other one. "
            f"Received: tile_size={tile}, image_size={known}"
        )
    rest = -4 % unit if a["padding"] == "valid" else 0
    for side in tile:
        if side < 2 * margin + unit or side % unit != rest:
            raise ValueError(
                f"`tile_size` must be {rest} more than a multiple of {unit}, and at "
                f"least {2 * margin + unit + rest}: {margin} pixels at each side only "
                f"help to predict the others. Received: tile_size={tile}"
            )
    return tile


def _mirrored(image, before, behind):
    """The image and what mirrors show beyond its border; of one pixel, that pixel."""
    for axis, more in enumerate(behind):
        widths = [(0, 0)] * image.ndim
        widths[axis] = (before, more)
        mode = "reflect" if image.shape[axis] > 1 else "edge"
        image = np.pad(image, widths, mode)
    return image
