from types import SimpleNamespace

from keras_vit.layers.tokens.patches import pair
from keras_vit.models.building import arguments
from keras_vit.models.building.encoder import check_encoder, encode
from keras_vit.models.building.initial_values import values_later
from keras_vit.models.building.resnet import check_resnet, hybrid_stem
from keras_vit.models.pretrained.weights import fill_new_model, open_weights
from keras_vit.models.variants.constructors import named_constructor
from keras_vit.models.variants.rows import HYBRID_VARIANTS
from keras_vit.models.vision_model import VisionModel

_EPSILON = arguments.Default(1e-6)  # as the official files, like the next two
_STANDARDIZATION = arguments.Default("std")
_STANDARDIZATION_EPSILON = arguments.Default(1e-5)


def HybridViT(
    num_classes=arguments.UNSET,
    *,
    num_blocks,
    num_layers,
    hidden_dim,
    mlp_dim,
    num_heads,
    width_factor=1,
    patch_size=1,
    image_size=None,
    input_shape=None,
    classes=None,
    include_top=None,
    weights=None,
    num_channels=None,
    pooling="token",
    class_token=None,
    register_tokens=0,
    classifier_activation=None,
    representation_size=None,
    dropout_rate=0.0,
    attention_dropout_rate=0.0,
    drop_path_rate=0.0,
    position_embedding="learned",
    position_scope="input",
    embed_prefix=True,
    gelu=arguments.GELU,
    epsilon=arguments.EPSILON,
    qk_norm=False,
    layer_scale=None,
    pooled_norm=False,
    position_grid=None,
    group_norm_epsilon=_EPSILON,
    standardization=_STANDARDIZATION,
    standardization_epsilon=_STANDARDIZATION_EPSILON,
    include_preprocessing=False,
    remat=False,
    dtype=None,
    name=None,
):
    """Hybrid of any size: a ResNet whose feature map a Vision Transformer reads.

    The stem (a 7x7 convolution and a max pool) divides the resolution by 4, every
    stage but the first by 2 more, always rounding up. Patches are cut from the
    feature map that results, and everything after them is a Vision Transformer.

    Args:
        num_classes: Integer, the number of classes; 0 or `None` for a model that
            returns features. Defaults to 1000.
        num_blocks: Sequence of integers, the number of post-activation units in
            each stage; empty for the stem alone.
        num_layers: Integer, the number of Transformer blocks.
        hidden_dim: Integer, the width of the tokens; a multiple of `num_heads`.
        mlp_dim: Integer, the inner width of the MLPs.
        num_heads: Integer, the number of attention heads.
        width_factor: Number, the width of the ResNet in multiples of ResNet-50's; a
            multiple of 0.5, because norms have 32 groups.
        patch_size: Integer or pair `(height, width)`, positions of the feature map.
            Rows and columns that do not fill a patch are left out. Defaults to 1.
        image_size: Integer or pair `(height, width)`, pixels; any size. Defaults to
            224. `(None, None)` takes every size, as in `keras_vit.ViT`.
        input_shape: `(height, width, channels)`: what keras.applications has for
            `image_size` and `num_channels`.
        classes: What keras.applications has for `num_classes`.
        include_top: `False` is the keras.applications way to ask for features.
        weights: `None` for random weights, or anything that `keras_vit.load_weights`
            takes: a registered name such as `"imagenet"`, a path, a URL, a
            dictionary of arrays, another model.
        num_channels: Integer, image channels. Defaults to 3.
        pooling: What the head reads: `"token"`, `"gap"`, `"map"` or `None`; this
            and every argument up to `position_grid` as in `keras_vit.ViT`.
        class_token, register_tokens: Boolean or `None`; integer.
        classifier_activation: Activation of the head. `None` returns logits.
        representation_size: Integer or `None`.
        dropout_rate: Float in `[0, 1)`, of the Transformer.
        attention_dropout_rate: Float in `[0, 1)`.
        drop_path_rate: Float in `[0, 1)`, of the Transformer.
        position_embedding: `"learned"`, `"learned_2d"`, `"sincos2d"`, `"relative"` or
            `"none"`; see `keras_vit.ViT`.
        position_scope: `"input"`, `"every_layer"` or `"shared"`.
        gelu: `"tanh"` (official weights) or `"erf"` (exact).
        epsilon: Float, of every layer norm.
        layer_scale: Float or `None`.
        embed_prefix, qk_norm, pooled_norm: Booleans.
        position_grid: Pair `(rows, columns)`; only with `image_size=(None, None)`.
        group_norm_epsilon: Float, of every group norm.
        standardization: How kernels are standardised: `"std"` divides by
            `sqrt(variance) + standardization_epsilon`, as the official hybrids;
            `"variance"` by `sqrt(variance + standardization_epsilon)`; `None` not
            at all: see `keras_vit.fold_weight_standardization`.
        standardization_epsilon: Float. timm uses `"variance"` with 1e-8.
        include_preprocessing: Boolean, whether the model takes pixels in `[0, 255]`
            and scales them itself. Otherwise it takes `[-1, 1]`: see
            `keras_vit.preprocess_input`.
        remat: Boolean, whether training keeps the input of each unit and block only.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Norms, standardisation,
            softmax and head compute in float32 at least. Defaults to Keras's global
            policy.
        name: String, the name of the model.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features `(batch, hidden_dim)`; with
        `pooling=None` a row for each token: `(batch, tokens, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `root_conv`, `root_norm`,
        `root_relu`, `root_pooling`, `stage1_unit01`, `stage1_unit02`, ..., then
        those of `keras_vit.ViT` from `patches` on; `model.get_layer(name).output`
        reaches each of them.

    Raises:
        ValueError: if the feature map is smaller than a patch, heads do not divide
            `hidden_dim`, an option is unknown, or aliases contradict each other.

    Example:

    >>> model = keras_vit.HybridViT(
    ...     10, num_blocks=(1, 1), num_layers=2, hidden_dim=64, mlp_dim=128,
    ...     num_heads=4, image_size=(60, 90),
    ... )
    >>> model.get_layer("patches").output.shape  # 8 * 12 patches
    (None, 96, 512)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), section
    3.1; `vit_jax/models_vit.py: VisionTransformer`, `vit_jax/models_resnet.py`.
    """
    options = arguments.plain_numbers(dict(locals()))
    name = options.pop("name")
    weights = open_weights("hybrid", options)
    settings = _check(**options)
    with values_later(weights is not None):
        model = _build(SimpleNamespace(**settings), name or "hybrid_vit")
    model.settings.update(family="hybrid", arguments=settings)
    return fill_new_model(model, weights)


def _build(a, name):
    """The architecture, top to bottom; `a` holds the checked arguments."""
    images, x = hybrid_stem(a)
    return VisionModel(images, encode(x, a), name=name)


def _check(num_classes, classes, include_top, image_size, input_shape, **options):
    """The arguments as plain values, aliases resolved, after every check."""
    arguments.check_data_format()
    num_classes = arguments.resolve_classes(num_classes, classes, include_top)
    image_size, num_channels = arguments.resolve_image_size(
        image_size, input_shape, options["num_channels"], 224, allow_unknown=True
    )
    options.update(check_resnet(**options))
    options.update(check_encoder(**options))
    options.update(position_grid=arguments.check_position_grid(image_size, **options))
    patch_size = pair(options["patch_size"], "patch_size")
    factor = 4 * 2 ** max(len(options["num_blocks"]) - 1, 0)
    for size, patch in zip(image_size, patch_size):
        if size is not None and -(-size // factor) < patch:
            raise ValueError(
                "The feature map must hold at least one patch. "
                f"Received: image_size={tuple(image_size)}, which the ResNet divides "
                f"by {factor}, and patch_size={options['patch_size']}. Images need "
                f"at least {(patch - 1) * factor + 1} pixels on this side."
            )
    options.update(
        num_classes=num_classes,
        image_size=list(image_size),  # lists, as JSON gives them back
        num_channels=num_channels,
        patch_size=list(patch_size),
    )
    return options


def constructor(variant_name):
    """`HybridViT` with the defaults of one row of the table of variants."""
    row = HYBRID_VARIANTS[variant_name]
    stages = ", ".join(map(str, row.num_blocks))
    resnet = f"a ResNet with stages of {stages} units" if stages else "a ResNet's stem"
    count = f" ({row.params:,} parameters)" if row.params else ""
    return named_constructor(
        HybridViT,
        variant_name,
        dict(
            num_blocks=row.num_blocks,
            patch_size=row.patch_size,
            num_layers=row.num_layers,
            hidden_dim=row.hidden_dim,
            mlp_dim=row.mlp_dim,
            num_heads=row.num_heads,
        ),
        f"""{variant_name}, a published hybrid{count}.

    {resnet.capitalize()}, then {row.num_layers} blocks of width {row.hidden_dim} with
    {row.num_heads} heads and an MLP of {row.mlp_dim}.""",
    )


R_ViT_Ti16 = constructor("R_ViT_Ti16")
R26_ViT_S32 = constructor("R26_ViT_S32")
R26_ViT_B32 = constructor("R26_ViT_B32")
R50_ViT_B16 = constructor("R50_ViT_B16")
R50_ViT_L32 = constructor("R50_ViT_L32")
