"""The arguments that many constructors share: documentation, aliases, checks."""

import keras
import numpy as np

from keras_vit.common.checks import (
    check_boolean,
    check_positive,
    check_rate,
    is_integer,
    is_number,
)
from keras_vit.layers.tokens.grids import pair
from keras_vit.models.preprocessing import FROM_WEIGHTS, resolve_scaling


class Unset:
    """Stands for the default of `num_classes`, which aliases may replace."""

    def __init__(self, num_classes):
        self.num_classes = num_classes

    def __repr__(self):
        return str(self.num_classes)


UNSET = Unset(1000)


# The signature and the docstring of each group become part of those of the
# constructors; see `keras_vit.models.building.constructor`.


def images(
    *,
    image_size=None,
    input_shape=None,
    classes=None,
    include_top=None,
    weights=None,
    num_channels=None,
    classifier_activation=None,
):
    """Arguments of every model, on what goes in and comes out.

    Args:
        num_classes: Integer, the number of classes; 0 or `None` for a model that
            returns features. Defaults to 1000.
        image_size: Integer or pair `(height, width)`, pixels; any size, and
            `(None, None)` for a model that takes images of every size. Defaults to
            224.
        input_shape: `(height, width, channels)`: what keras.applications has for
            `image_size` and `num_channels`.
        classes: What keras.applications has for `num_classes`.
        include_top: `False` is the keras.applications way to ask for features.
        weights: `None` for random weights, or anything that `keras_vit.load_weights`
            takes: a registered name such as `"imagenet"`, a path, a URL, a
            dictionary of arrays, another model. Which parts the model has (class
            and register tokens, biases, norms, ...) and what its head reads is then
            as in the weights, unless it is given.
        num_channels: Integer, image channels. Defaults to 3. A model of one channel
            gets the sum of the first kernel that `weights` have for three.
        classifier_activation: Activation of the head. `None` returns logits.
    """


def transformer(
    *,
    num_layers,
    hidden_dim,
    mlp_dim,
    num_heads,
    pooling="token",
    class_token=None,
    register_tokens=0,
    representation_size=None,
    dropout_rate=0.0,
    attention_dropout_rate=0.0,
    drop_path_rate=0.0,
    position_embedding="learned",
    position_scope="input",
    embed_prefix=True,
    gelu="tanh",
    swiglu=False,
    epsilon=1e-6,
    qkv_bias=True,
    patch_bias=True,
    pre_norm=False,
    qk_norm=False,
    layer_scale=None,
    pooled_norm=False,
    position_grid=None,
    position_kernel=None,
):
    """Arguments of a Transformer that reads patches.

    Args:
        num_layers: Integer, the number of Transformer blocks.
        hidden_dim: Integer, the width of the tokens; a multiple of `num_heads`.
        mlp_dim: Integer, the inner width of the MLPs.
        num_heads: Integer, the number of attention heads.
        pooling: What the head reads: `"token"` (the class token), `"gap"` (the mean
            of the patch tokens), `"gap_all"` (the mean of all tokens), `"map"`
            (multi-head attention pooling of all tokens), `"prefix"` (class and
            register tokens side by side, as a DeiT of two heads), `"token+gap"`
            (the class token and the mean of the patch tokens side by side, as
            Hugging Face's DINOv2), or `None` (every token).
        class_token: Boolean, whether there is a class token. By default only where
            `pooling` reads it.
        register_tokens: Integer, the number of learned tokens without a patch.
        representation_size: Integer or `None`, the width of a tanh layer before the
            head (`pre_logits`), as in the paper's pre-training.
        dropout_rate: Float in `[0, 1)`, dropout after the position embeddings and
            after each dense layer except query, key and value.
        attention_dropout_rate: Float in `[0, 1)`, dropout of the attention scores.
        drop_path_rate: Float in `[0, 1)`, stochastic depth of the last block; the
            rate grows linearly from 0 at the first.
        position_embedding: `"learned"` (a vector for each token), `"learned_2d"`,
            `"sincos2d"`, `"relative"` (a number for each head and each offset between
            two patches, added to their attention logits: see
            `keras_vit.layers.RelativeSelfAttention`) or `"none"`.
        position_scope: Where positions are added: at the `"input"` of the first
            block, at `"every_layer"` with vectors of its own, or `"shared"`: at
            every layer with the same vectors.
        embed_prefix: Boolean, whether class and register tokens have position
            vectors too.
        gelu: `"tanh"` (official weights), `"erf"` (exact) or `"quick"`
            (`x * sigmoid(1.702 * x)`, of OpenAI's CLIP). Defaults to what `weights`
            were trained with, without them to `"tanh"`.
        swiglu: Boolean, whether the blocks' MLPs have a SwiGLU in the place of the
            GELU, as the largest DINOv2; see `keras_vit.layers.MLP`.
        epsilon: Float, of every layer norm. Defaults to that of `weights`, without
            them to `1e-6`.
        qkv_bias: Boolean, whether query, key and value of the blocks have a bias.
        patch_bias: Boolean, whether the projection of the patches has a bias.
        pre_norm: Boolean, whether a norm (layer `pre_norm`) stands before the first
            block, as in CLIP.
        qk_norm: Boolean, whether query and key are normalised per head.
        layer_scale: Float or `None`, the initial value of a learned factor per
            channel at the end of each residual branch.
        pooled_norm: Boolean, whether the last norm follows the pooling (layer
            `pooled_norm`, as in timm's models with mean pooling) instead of
            preceding it (layer `encoder_norm`).
        position_grid: Pair `(rows, columns)`, the grid of patches that learned
            positions are for; only with `image_size=(None, None)`.
        position_kernel: How learned positions are resized to another grid of
            patches: `"official"` (bilinear, corners aligned), `"bilinear"`,
            `"bicubic"` or `"bicubic_antialias"`. Defaults to the way of the project
            that `weights` are from, without them to `"official"`.
    """


def computation(
    *,
    include_preprocessing=False,
    input_scaling=FROM_WEIGHTS,
    remat=False,
    dtype=None,
    name=None,
):
    """Arguments of every model, on how it computes.

    Args:
        include_preprocessing: Boolean, whether the model takes pixels in `[0, 255]`
            and scales them itself. Otherwise it takes `[-1, 1]`: see
            `keras_vit.preprocess_input`.
        input_scaling: What the first layer reads of images: `(mean, deviation)` of
            images in `[0, 1]`, numbers or one for each channel, or the names
            `"imagenet"`, `"clip"`, `"inception"`, `"caffe"` and `"unit"` of published
            ones. The layer `input_scaling` makes `(x - mean) / deviation` of what the
            model takes, which stays as it is. Defaults to `"weights"`: what `weights`
            were trained with, without them nothing. `None` for no layer: the model
            then takes what its first kernel reads.
        remat: Boolean, whether training keeps the input of each block only and computes
            the rest again: the same gradients from less memory, and about a third more
            computation. Defaults to `False`.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Norms, softmax and head
            compute in float32 at least. Defaults to Keras's global policy.
        name: String, the name of the model.
    """


def integers(values, name, count=None):
    """A sequence of positive integers as a list.

    Args:
        values: What the user gave for the argument `name`.
        name: String.
        count: Integer, how many they must be; by default any number.
    """
    found = list(values) if np.iterable(values) else [None]
    positive = all(is_integer(value) and value > 0 for value in found)
    if not positive or count not in (None, len(found)):
        many = "" if count is None else f"{count} "
        raise ValueError(
            f"`{name}` must be a sequence of {many}positive integers. "
            f"Received: {name}={values!r}"
        )
    return [int(value) for value in found]


def check_batch_norm(a):
    """Checks `batch_norm_momentum` and `batch_norm_epsilon`."""
    check_rate(batch_norm_momentum=a.batch_norm_momentum)
    if not is_number(a.batch_norm_epsilon) or a.batch_norm_epsilon <= 0:
        raise ValueError(
            "`batch_norm_epsilon` must be a positive number. Received: "
            f"batch_norm_epsilon={a.batch_norm_epsilon!r}"
        )


def refuse_remat(a):
    """Raises for `remat=True`: there are no blocks that could be computed again."""
    check_boolean(remat=a.remat)
    if a.remat:
        raise ValueError(
            "`remat` must be False: this network has no residual blocks whose inputs "
            "alone could be kept. Received: remat=True. Use smaller batches or images."
        )


def plain_numbers(options):
    """`options` with Python's numbers for NumPy's, which Keras layers refuse."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in options.items()
    }


def resolve(options, default_size, default_channels=3, default_classes=1000):
    """The arguments of every model as plain values, their aliases resolved.

    Args:
        options: Dictionary of all arguments of a constructor but `weights`, `name`.
        default_size: Integer or pair, pixels, where no size is given.
        default_channels: Integer, of the images, where none is given.
        default_classes: Integer, where no number of classes is given.

    Returns:
        A dictionary of what a model keeps: values that a JSON file can hold.
    """
    check_data_format()
    options = dict(options)
    num_classes = resolve_classes(
        *(options.pop(name) for name in ("num_classes", "classes", "include_top")),
        default_classes,
    )
    image_size, num_channels = resolve_image_size(
        *(options.pop(name) for name in ("image_size", "input_shape", "num_channels")),
        default_size,
        default_channels,
    )
    return {
        **options,
        "num_classes": num_classes,
        "image_size": list(image_size),  # a list, as JSON gives it back
        "num_channels": num_channels,
        "input_scaling": resolve_scaling(options["input_scaling"], num_channels),
        "classifier_activation": activation_name(options["classifier_activation"]),
        "dtype": policy_config(options["dtype"]),
    }


def resolve_classes(num_classes, classes, include_top, default_classes=1000):
    """The number of classes from `num_classes` and its keras.applications aliases.

    Returns 0 for a model that gives features.
    """
    default = isinstance(num_classes, Unset)
    if default:
        num_classes = default_classes if classes is None else classes
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
    if not is_integer(num_classes) or num_classes < 0:
        raise ValueError(
            "`num_classes` must be a positive integer, or 0 or None for features. "
            f"Received: num_classes={num_classes!r}"
        )
    return int(num_classes)


def resolve_image_size(image_size, input_shape, num_channels, default, channels=3):
    """`(height, width), num_channels` from `image_size` or the alias `input_shape`.

    Height and width may be `None`, for images of every size.
    """
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
        size = _known_or_not(shape[:2], "input_shape")
        if image_size is not None and _known_or_not(image_size, "image_size") != size:
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
        size = _known_or_not(
            default if image_size is None else image_size, "image_size"
        )
    num_channels = channels if num_channels is None else num_channels
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
    """Raises unless Keras is set to images with the channels last."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "keras_vit models are channels-last. Received: "
            "keras.config.image_data_format()="
            f"{keras.config.image_data_format()!r}. Call "
            "keras.config.set_image_data_format('channels_last') first."
        )


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
