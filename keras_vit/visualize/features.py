"""Features of patches: as colours, and as evidence for a class."""

import keras
import numpy as np

from keras_vit.layers import TokenPooling
from keras_vit.visualize.anatomy import (
    blocks_of,
    checked_images,
    feature_map,
    geometry,
    layer_named,
    run,
    to_array,
)
from keras_vit.visualize.classes import chosen_classes, head_of, logits
from keras_vit.visualize.filters import principal_components


def patch_features(model, images):
    """The last features of each patch, as the head reads them.

    Args:
        model: A model of this package.
        images: Array `(B, H, W, C)`.

    Returns:
        Float32 array `(B, rows, columns, width)`: of a ViT or hybrid the tokens of the
        patches, after the last norm where it stands before the pooling; of a
        convolutional network its last feature map.
    """
    images = checked_images(model, images)
    last = feature_map(model)
    if last is not None:
        return to_array(run(model, images, [last])[0])
    blocks = blocks_of(model, "The features of patches")
    last = layer_named(model, "encoder_norm") or blocks[-1]
    (tokens,) = run(model, images, [last.output])
    place = geometry(model, images)
    tokens = to_array(tokens)[:, place.prefix :]
    return tokens.reshape(len(images), *place.grid, -1)


def feature_colours(model, images):
    """The first three principal components of the patches' features, as colours.

    Patches of like colour have like features, across all images of the batch.

    Args:
        model: A model of this package.
        images: As in `attention_maps`.

    Returns:
        Float32 array `(B, rows, columns, 3)` in `[0, 1]`, red the first component.
        Each is stretched over the batch; one without any spread is grey.

    Raises:
        ValueError: if the model has no patches or feature map.

    Example:

    >>> colours = keras_vit.visualize.feature_colours(model, images)
    >>> colours.shape  # BiT at 224 pixels
    (4, 7, 7, 3)

    Reference: [Oquab et al., 2024](https://arxiv.org/abs/2304.07193), figure 1.
    """
    features = patch_features(model, images)
    rows = features.reshape(-1, features.shape[-1]).astype("float64")
    rounding = 1e-5 * max(np.abs(rows).max(initial=0), 1e-30)  # of float32
    rows = rows - rows.mean(axis=0)
    values = rows @ principal_components(rows, 3).T
    low, spread = values.min(axis=0), np.ptp(values, axis=0)
    seen = spread > max(1e-6 * spread.max(initial=0), rounding)
    colours = np.full((len(rows), 3), 0.5)
    found = np.flatnonzero(seen)
    colours[:, found] = (values[:, found] - low[found]) / spread[found]
    return colours.reshape(*features.shape[:3], 3).astype("float32")


def class_activation(model, images, class_index=None):
    """How strongly each place in the image is evidence for a class.

    Where the head is linear in the mean over places, a class's logit is the mean of
    what the head makes of each place alone: these values, to be compared with 0.

    Args:
        model: A BiT, ResNet, EfficientNet or another convolutional network whose head
            reads the mean over places, or each place by itself; or a ViT or hybrid with
            `pooling="gap"` whose last norm stands before the pooling and that has no
            `pre_logits`.
        images: As in `attention_maps`.
        class_index: Integer, or one for each image. Defaults to each image's most
            probable class.

    Returns:
        Float32 array `(B, rows, columns)`; the mean of each image is its logit.

    Raises:
        ValueError: if the model has no such head, or no such class.

    Example:

    >>> model = keras_vit.BiT_R50x1()
    >>> keras_vit.visualize.class_activation(model, images, class_index=281).shape
    (4, 7, 7)

    Reference: [Zhou et al., 2016](https://arxiv.org/abs/1512.04150).
    """
    head = head_of(model, "class_activation")
    pooling = layer_named(model, "pooling")
    linear = isinstance(pooling, TokenPooling) and pooling.pooling == "gap"
    between = layer_named(model, "pre_logits") or layer_named(model, "pooled_norm")
    if feature_map(model) is not None:
        if not _reads_mean(model):
            raise ValueError(
                "class_activation needs a head that is linear in the mean of the last "
                "feature map; here dense layers are between them, or the map is "
                "flattened. Use feature_colours, or build the network with "
                "pooling='gap' and no dense layers before its head, where it takes "
                f"these arguments. Received: {model.name!r}"
            )
    elif not linear or between is not None:
        raise ValueError(
            "class_activation needs a head that is linear in the mean of the patches: "
            "pooling='gap' without `pooled_norm` and `representation_size`, or a "
            "convolutional network such as BiT. Use relevance or attention_rollout "
            f"instead. Received: {model.name!r}"
        )
    values = to_array(logits(head, patch_features(model, images)))  # (B, r, c, K)
    classes = chosen_classes(class_index, values.mean(axis=(1, 2)))
    return np.stack([image[..., k] for image, k in zip(values, classes)])


def _reads_mean(model):
    """Whether the head reads the last feature map, or its mean over places."""
    layers = [x for x in model.layers if not isinstance(x, keras.layers.Dropout)]
    before = layers[layers.index(layer_named(model, "head")) - 1]
    mean = isinstance(before, keras.layers.GlobalAveragePooling2D)
    return mean or len(before.output.shape) == 4
