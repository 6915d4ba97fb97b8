"""The input and the head, which every architecture shares."""

import keras


def image_input(a):
    """The model's input and what the first layer reads; `a`: checked arguments."""
    dtype = float_policy(a.dtype)  # 1 / 127.5 is not a half-precision number
    shape = (*a.image_size, a.num_channels)
    images = x = keras.Input(shape, dtype=dtype, name="image")  # (B, H, W, C)
    if a.include_preprocessing:
        scale = {"scale": 1 / 127.5, "offset": -1.0}
        x = keras.layers.Rescaling(**scale, dtype=dtype, name="preprocessing")(x)
    if a.input_scaling is not None:
        scale = from_minus_one_to_one(*a.input_scaling)
        x = keras.layers.Rescaling(**scale, dtype=dtype, name="input_scaling")(x)
    return images, x


def from_minus_one_to_one(mean, deviation):
    """Factor and offset that make `(x01 - mean) / deviation` of images in [-1, 1].

    `x01` are the same images in [0, 1].
    """
    return {
        "scale": [0.5 / d for d in deviation],
        "offset": [(0.5 - m) / d for m, d in zip(mean, deviation)],
    }


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
