"""Pictures of what a model of masked patch prediction sees and predicts."""

import numpy as np
from keras import ops

from keras_vit.pretraining.colours import bin_colours
from keras_vit.pretraining.targets import cell_colours

HIDDEN = 0.5  # the grey of the mask token

_array = ops.convert_to_numpy


def mosaics(model, batch, predictions=None, value_range=None):
    """Four pictures of each image of a batch, as arrays.

    Args:
        model: A `keras_vit.MaskedPatchPrediction`.
        batch: `(inputs, colours, weights)`, as its pipeline gives them.
        predictions: The model's outputs. Computed where not given.
        value_range: (low, high), the images' values of black and white, as for
            `keras_vit.data.corrupt_patches`. Defaults to the model's.

    Returns:
        Four `uint8` arrays `(B, height, width, channels)`:

        - the original;
        - what the model sees: hidden patches are grey, others may be in the place of
          another one;
        - the true colours, a mosaic of the cells (`"pixels"`: the original);
        - the same with predicted colours in the place of the corrupted patches.
    """
    inputs, colours, weights = batch
    facts = model.settings["pretraining"]
    channels = facts["num_channels"]
    value_range = facts["value_range"] if value_range is None else value_range
    low, high = (np.asarray(value, "float32") for value in value_range)
    if predictions is None:
        predictions = model.predict_on_batch(inputs)
    images = (_array(inputs["image"]).astype("float32") - low) / (high - low)
    shown, corrupted = _array(inputs["shown"]), _array(weights)[..., None, None] > 0
    patches = _patches(images, facts)  # (B, N, P1 * P2, C)
    seen = np.take_along_axis(patches, np.maximum(shown, 0)[..., None, None], axis=1)
    seen = np.where(shown[..., None, None] < 0, HIDDEN, seen)
    true = _array(cell_colours(ops.convert_to_tensor(colours), channels))
    predicted = _predicted_colours(_array(predictions), facts)
    parts = [
        _cells_to_pixels(x, facts) for x in (true, np.where(corrupted, predicted, true))
    ]
    return [_as_bytes(x) for x in (images, *(_whole(p, facts) for p in (seen, *parts)))]


def _predicted_colours(predictions, facts):
    """Predicted colours of the cells: `(B, N, S, C)`."""
    channels = facts["num_channels"]
    if facts["target"] == "pixels":
        values = (predictions.astype("float32") + 1) / 2
        return values.reshape(*values.shape[:2], -1, channels)
    classes = ops.convert_to_tensor(predictions.argmax(-1))
    colours = _array(bin_colours(classes, channels))
    return colours.reshape(*predictions.shape[:2], -1, channels)


def _patches(images, facts):
    (rows, columns), (height, width) = facts["grid"], facts["patch_size"]
    shape = (len(images), rows, height, columns, width, images.shape[-1])
    x = images.reshape(shape).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(len(images), rows * columns, height * width, -1)


def _whole(patches, facts):
    (rows, columns), (height, width) = facts["grid"], facts["patch_size"]
    shape = (len(patches), rows, columns, height, width, patches.shape[-1])
    x = patches.reshape(shape).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(len(patches), rows * height, columns * width, -1)


def _cells_to_pixels(cells, facts):
    """Every cell as large as it is in the image: `(B, N, P1 * P2, C)`."""
    height, width = facts["patch_size"]
    if not facts["cells"]:
        return cells
    side = facts["cells"]
    rows, columns = (np.arange(n) * side // n for n in (height, width))
    index = (rows[:, None] * side + columns).reshape(-1)
    return cells[:, :, index]


def _as_bytes(x):
    return (np.clip(x, 0, 1) * 255 + 0.5).astype("uint8")
