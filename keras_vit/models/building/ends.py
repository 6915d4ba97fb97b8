"""The input and the head, which every architecture shares."""

import keras


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


def float_policy(policy):
    """A dtype policy that computes in float32 at least."""
    policy = keras.dtype_policies.get(policy)
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        policy = policy.default_policy
    return "float64" if policy.compute_dtype == "float64" else "float32"


def add_head(x, a, representation_size=None):
    """The optional tanh layer and the zero-initialised classifier.

    The head computes in float32 at least: half-precision logits cost accuracy.
    """
    if representation_size:
        x = keras.layers.Dense(
            representation_size,
            activation="tanh",
            kernel_initializer=keras.initializers.LecunNormal(),
            dtype=a.dtype,
            name="pre_logits",
        )(x)
    if a.num_classes:
        x = keras.layers.Dense(
            a.num_classes,
            activation=a.classifier_activation,
            kernel_initializer="zeros",
            dtype=float_policy(a.dtype),
            name="head",
        )(x)
    return x
