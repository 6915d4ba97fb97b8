from types import SimpleNamespace

import keras

from keras_vit.layers import GroupNorm, PreActivationUnit, StandardizedConv2D
from keras_vit.models.building import arguments
from keras_vit.models.building.ends import add_head, image_input
from keras_vit.models.building.initial_values import values_later
from keras_vit.models.building.resnet import check_resnet
from keras_vit.models.pretrained.weights import fill_new_model, open_weights
from keras_vit.models.variants.constructors import named_constructor
from keras_vit.models.variants.rows import BIT_VARIANTS
from keras_vit.models.vision_model import VisionModel

# What the official files were trained with.
_EPSILON = arguments.Default(1e-5)
_STANDARDIZATION = arguments.Default("variance")
_STANDARDIZATION_EPSILON = arguments.Default(1e-10)


def BiT(
    num_classes=arguments.UNSET,
    *,
    num_blocks,
    width_factor=1,
    image_size=None,
    input_shape=None,
    classes=None,
    include_top=None,
    weights=None,
    num_channels=None,
    pooling="gap",
    classifier_activation=None,
    group_norm_epsilon=_EPSILON,
    standardization=_STANDARDIZATION,
    standardization_epsilon=_STANDARDIZATION_EPSILON,
    include_preprocessing=False,
    remat=False,
    dtype=None,
    name=None,
):
    """BiT ResNet of any size: pre-activation units, group norm, standardised kernels.

    Args:
        num_classes: Integer, the number of classes; 0 or `None` for a model that
            returns features. Defaults to 1000.
        num_blocks: Sequence of integers, the number of units in each stage; every
            stage but the first halves the resolution and doubles the width.
        width_factor: Number, the width of every layer in multiples of ResNet-50's;
            a multiple of 0.5, because norms have 32 groups.
        image_size: Integer or pair `(height, width)`, pixels; any size, and
            `(None, None)` for a model that takes images of every size. Defaults to
            224.
        input_shape: `(height, width, channels)`: what keras.applications has for
            `image_size` and `num_channels`.
        classes: What keras.applications has for `num_classes`.
        include_top: `False` is the keras.applications way to ask for features.
        weights: `None` for random weights, or anything that `keras_vit.load_weights`
            takes: a registered name such as `"imagenet"`, a path, a URL, a
            dictionary of arrays, another model.
        num_channels: Integer, image channels. Defaults to 3.
        pooling: What the head reads: `"gap"` (the mean over the image) or `None`
            (every position of the last feature map).
        classifier_activation: Activation of the head. `None` returns logits.
        group_norm_epsilon: Float, of every group norm.
        standardization: How kernels are standardised: `"variance"` divides by
            `sqrt(variance + standardization_epsilon)`, as the official BiT;
            `"std"` by `sqrt(variance) + standardization_epsilon`; `None` not at
            all: see `keras_vit.fold_weight_standardization`.
        standardization_epsilon: Float. timm and Hugging Face use 1e-8.
        include_preprocessing: Boolean, whether the model takes pixels in `[0, 255]`
            and scales them itself. Otherwise it takes `[-1, 1]`: see
            `keras_vit.preprocess_input`.
        remat: Boolean, whether training keeps the input of each unit only and computes
            the rest again: the same gradients from less memory, and about a third more
            computation. Defaults to `False`.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Norms, standardisation and
            head compute in float32 at least. Defaults to Keras's global policy.
        name: String, the name of the model.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features
        `(batch, 256 * width_factor * 2 ** (stages - 1))`; with `pooling=None` one
        such row for each position: `(batch, rows, columns, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `root_conv`, `root_padding`,
        `root_pooling`, `stage1_unit01`, `stage1_unit02`, ..., `norm`, `relu`,
        `pooling` and `head`; `model.get_layer(name).output` reaches each of them.

    Raises:
        ValueError: if a size is not positive, an option is unknown, or aliases
            contradict each other.

    Example:

    >>> model = keras_vit.BiT(10, num_blocks=(1, 1, 1, 1), image_size=(75, 100))
    >>> model(keras.ops.zeros((1, 75, 100, 3))).shape
    (1, 10)

    Reference: [Kolesnikov et al., 2020](https://arxiv.org/abs/1912.11370);
    `bit_pytorch/models.py: ResNetV2`.
    """
    options = arguments.plain_numbers(dict(locals()))
    name = options.pop("name")
    weights = open_weights("bit", options)
    settings = _check(**options)
    with values_later(weights is not None):
        model = _build(SimpleNamespace(**settings), name or "bit")
    model.settings.update(family="bit", arguments=settings)
    return fill_new_model(model, weights)


def _build(a, name):
    """The architecture, top to bottom; `a` holds the checked arguments."""
    layer = {"dtype": a.dtype}
    standardization = {"standardization": a.standardization}
    width = int(64 * a.width_factor)

    images, x = image_input(a)  # (B, H, W, C)
    x = StandardizedConv2D(
        width,
        7,
        strides=2,
        epsilon=a.standardization_epsilon,
        name="root_conv",
        **standardization,
        **layer,
    )(x)
    # No norm and no ReLU here, so that a padded zero can win against values below it;
    # padding="same" would pad with -inf.
    x = keras.layers.ZeroPadding2D(1, name="root_padding", **layer)(x)
    x = keras.layers.MaxPooling2D(3, 2, name="root_pooling", **layer)(x)
    for stage, units in enumerate(a.num_blocks, start=1):
        for unit in range(1, units + 1):
            x = PreActivationUnit(
                width * 2 ** (stage - 1),
                strides=2 if stage > 1 and unit == 1 else 1,
                norm_epsilon=a.group_norm_epsilon,
                standardization_epsilon=a.standardization_epsilon,
                remat=a.remat,
                name=f"stage{stage}_unit{unit:02d}",
                **standardization,
                **layer,
            )(x)
    x = GroupNorm(epsilon=a.group_norm_epsilon, name="norm", **layer)(x)
    x = keras.layers.ReLU(name="relu", **layer)(x)
    if a.pooling == "gap":
        x = keras.layers.GlobalAveragePooling2D(name="pooling", **layer)(x)
    x = add_head(
        x,
        num_classes=a.num_classes,
        representation_size=None,
        classifier_activation=a.classifier_activation,
        dtype=a.dtype,
    )  # (B, K)
    return VisionModel(images, x, name=name)


def _check(num_classes, classes, include_top, image_size, input_shape, **options):
    """The arguments as plain values, aliases resolved, after every check."""
    arguments.check_data_format()
    num_classes = arguments.resolve_classes(num_classes, classes, include_top)
    image_size, num_channels = arguments.resolve_image_size(
        image_size,
        input_shape,
        options["num_channels"],
        default=224,
        allow_unknown=True,
    )
    arguments.check_choice(options["pooling"], ("gap", None), "pooling")
    options.update(check_resnet(**options))
    if not options["num_blocks"]:
        raise ValueError(
            "`num_blocks` must name at least one stage. Received: num_blocks=()"
        )
    options.update(
        num_classes=num_classes,
        image_size=list(image_size),  # lists, as JSON gives them back
        num_channels=num_channels,
        classifier_activation=arguments.activation_name(
            options["classifier_activation"]
        ),
        dtype=arguments.policy_config(options["dtype"]),
    )
    return options


def constructor(variant_name):
    """`BiT` with the defaults of one row of the table of variants."""
    row = BIT_VARIANTS[variant_name]
    count = f" ({row.params:,} parameters)" if row.params else ""
    return named_constructor(
        BiT,
        variant_name,
        dict(num_blocks=row.num_blocks, width_factor=row.width_factor),
        f"""{variant_name}, a published BiT ResNet{count}.

    Stages of {", ".join(map(str, row.num_blocks))} units, {row.width_factor} times as
    wide as ResNet-50's.""",
    )


BiT_R50x1 = constructor("BiT_R50x1")
BiT_R101x1 = constructor("BiT_R101x1")
BiT_R50x3 = constructor("BiT_R50x3")
BiT_R101x3 = constructor("BiT_R101x3")
BiT_R152x2 = constructor("BiT_R152x2")
BiT_R152x4 = constructor("BiT_R152x4")
