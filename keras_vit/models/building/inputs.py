import keras

from keras_vit.models.building.ends import float_policy


def image_input(a):
    """The model's input and what the first layer reads; `a`: checked arguments."""
    dtype = float_policy(a.dtype)
    shape = (*a.image_size, a.num_channels)
    images = keras.Input(shape, dtype=dtype, name="image")  # (B, H, W, C)
    if not a.include_preprocessing:
        return images, images
    # In float32: 1 / 127.5 is not a half-precision number.
    scale = keras.layers.Rescaling(1 / 127.5, -1.0, dtype=dtype, name="preprocessing")
    return images, scale(images)
