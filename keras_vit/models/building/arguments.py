"""Checks of what users pass to model constructors, before anything is built."""

import difflib

import keras
import numpy as np

from keras_vit.layers.tokens.patches import check_divisible, pair


class _Unset:
    """Stands for the default of `num_classes`, which aliases may replace."""

    def __repr__(self):
        return "1000"


UNSET = _Unset()


class Default:
    """The default of an argument that `weights` may decide instead.

    Shows as the plain value in signatures.
    """

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return repr(self.value)


GELU = Default("tanh")
EPSILON = Default(1e-6)


def check_choice(value, choices, name):
    """Raises unless `value` is one of `choices`, naming the closest one."""
    if value in choices:
        return
    close = difflib.get_close_matches(str(value), [str(c) for c in choices], 1, 0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"`{name}` must be one of {', '.join(map(repr, choices))}. "
        f"Received: {name}={value!r}.{hint}"
    )


def check_positive(**values):
    """Raises unless every value is a positive integer."""
    for name, value in values.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value!r}"
            )


def check_position_width(kind, hidden_dim):
    """Raises unless `hidden_dim` divides as position embeddings of a kind need."""
    parts = {"learned_2d": 2, "sincos2d": 4}.get(kind, 1)
    if hidden_dim % parts or (kind == "sincos2d" and hidden_dim < 8):
        rule = "even" if parts == 2 else "a multiple of 4, at least 8,"
        raise ValueError(
            f"`hidden_dim` must be {rule} for {kind} position embeddings. "
            f"Received: hidden_dim={hidden_dim}"
        )


def plain_numbers(options):
    """`options` with Python's numbers for NumPy's, which Keras layers refuse."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in options.items()
    }


def check_rate(**values):
    """Raises unless every value is a probability below one."""
    for name, value in values.items():
        number = isinstance(value, (int, float, np.number))
        if not number or isinstance(value, bool) or not 0 <= value < 1:
            raise ValueError(
                f"`{name}` must be a number in [0, 1). Received: {name}={value!r}"
            )


def resolve_classes(num_classes, classes, include_top):
    """The number of classes from `num_classes` and its keras.applications aliases.

    Returns 0 for a model that gives features.
    """
    default = num_classes is UNSET
    if default:
        num_classes = 1000 if classes is None else classes
    elif classes is not None and (classes or 0) != (num_classes or 0):
        raise ValueError(
            "`classes` is an alias of `num_classes`; they must agree. "
            f"Received: num_classes={num_classes}, classes={classes}"
        )
    if include_top is not None:
        if not include_top and num_classes and not (default and classes is None):
            name = "num_classes" if classes is None else "classes"
            raise ValueError(
                f"`include_top=False` asks for features and `{name}` for a head; "
                "pass one of them. "
                f"Received: include_top={include_top}, {name}={num_classes}"
            )
        if include_top and not num_classes:
            raise ValueError(
                "`include_top=True` needs a head, but `num_classes` asks for features. "
                f"Received: num_classes={num_classes}"
            )
        if not include_top:
            num_classes = 0
    num_classes = 0 if num_classes is None else num_classes
    whole = isinstance(num_classes, (int, np.integer))
    if not whole or isinstance(num_classes, bool) or num_classes < 0:
        raise ValueError(
            "`num_classes` must be a positive integer, or 0 or None for features. "
            f"Received: num_classes={num_classes!r}"
        )
    return int(num_classes)


def resolve_image_size(
    image_size, input_shape, num_channels, default, allow_unknown=False
):
    """`(height, width), num_channels` from `image_size` or the alias `input_shape`.

    With `allow_unknown` height and width may be `None`.
    """
    size_pair = _known_or_not if allow_unknown else pair
    if input_shape is not None:
        shape = tuple(input_shape)
        if len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3):
            raise ValueError(
                "`input_shape` must be (height, width, channels): models of this "
                "package are channels-last. "
                f"Received: input_shape={input_shape}. Pass "
                f"input_shape={(*shape[1:], shape[0])}."
            )
        if len(shape) != 3:
            raise ValueError(
                "`input_shape` must be (height, width, channels), without the batch. "
                f"Received: input_shape={input_shape}"
            )
        size = size_pair(shape[:2], "input_shape")
        if image_size is not None and size_pair(image_size, "image_size") != size:
            raise ValueError(
                "`image_size` and `input_shape` contradict each other; pass one. "
                f"Received: image_size={image_size}, input_shape={input_shape}"
            )
        if num_channels not in (None, shape[2]):
            raise ValueError(
                "`num_channels` and `input_shape` contradict each other; pass one. "
                f"Received: num_channels={num_channels}, input_shape={input_shape}"
            )
        num_channels = shape[2]
    else:
        size = size_pair(default if image_size is None else image_size, "image_size")
    num_channels = 3 if num_channels is None else num_channels
    check_positive(num_channels=num_channels)
    return size, int(num_channels)


def _known_or_not(value, name):
    """`pair`, but either of two values may be `None`."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if None not in values:
        return pair(value, name)
    known = pair([1 if v is None else v for v in values], name)
    return tuple(None if v is None else k for v, k in zip(values, known))


def check_data_format():
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "keras_vit models are channels-last. Received: "
            "keras.config.image_data_format()="
            f"{keras.config.image_data_format()!r}. Call "
            "keras.config.set_image_data_format('channels_last') first."
        )


def check_patches(image_size, patch_size, stride):
    """`(patch_size, stride)` as pairs, after checking that they tile the image."""
    patch = pair(patch_size, "patch_size")
    step = patch if stride is None else pair(stride, "stride")
    if any(s > p for s, p in zip(step, patch)):
        raise ValueError(
            "`stride` must be at most `patch_size`, or pixels between the patches "
            f"would be lost. Received: stride={stride}, patch_size={patch_size}"
        )
    check_divisible(image_size, patch, step)
    return patch, step


def check_position_grid(
    image_size, *, position_grid, position_embedding, position_scope, **_
):
    """`position_grid` as a list, needed where the image size is unknown."""
    if None not in image_size:
        if position_grid is not None:
            raise ValueError(
                "`position_grid` is only for models of every image size. Received: "
                f"position_grid={position_grid}, image_size={tuple(image_size)}. Pass "
                "image_size=(None, None), or leave it out."
            )
        return None
    if position_embedding == "none":
        return None
    if position_embedding == "relative":
        raise ValueError(
            "Relative positions need a known image size. Received: "
            f"position_embedding='relative', image_size={tuple(image_size)}"
        )
    if position_scope != "input":
        raise ValueError(
            "`position_scope` must be 'input' where the image size is unknown. "
            f"Received: position_scope={position_scope!r}, image_size={image_size}"
        )
    if position_grid is None and position_embedding == "sincos2d":
        return [1, 1]  # computed for every size, so that any grid will do
    if position_grid is None:
        raise ValueError(
            "`position_grid=(rows, columns)` must be given where the image size is "
            "unknown: it says for how many patches positions are learned. "
            f"Received: position_grid=None, image_size={tuple(image_size)}"
        )
    return list(pair(position_grid, "position_grid"))


def activation_name(activation):
    """`activation` as a string or config that a JSON file can hold."""
    if activation is None or isinstance(activation, str):
        keras.activations.get(activation)  # an unknown name is an error now
        return activation
    return keras.activations.serialize(keras.activations.get(activation))


def policy_config(dtype):
    """`dtype` as the name of a dtype policy."""
    policy = keras.dtype_policies.get(dtype)
    return policy.name
