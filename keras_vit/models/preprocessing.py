"""Scales pixels to the values that models expect."""

from keras import ops


def preprocess_input(x):
    """Scales pixels from `[0, 255]` to `[-1, 1]`, what every model here expects.

    `x / 127.5 - 1`; no mean or standard deviation is involved.

    Args:
        x: Array or tensor of pixels in `[0, 255]`, any shape, integers or floats.

    Returns:
        The same shape; floats stay in their type, integers become float32.

    Example:

    >>> keras_vit.preprocess_input(np.array([0, 255], "uint8"))

    Reference: `vit_jax/input_pipeline.py`.
    """
    x = ops.convert_to_tensor(x)
    if not ops.is_tensor(x) or "float" not in str(x.dtype):
        x = ops.cast(x, "float32")
    return x / 127.5 - 1.0
