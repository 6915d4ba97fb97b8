from types import SimpleNamespace

from keras_vit.models.building import arguments
from keras_vit.models.building.encoder import check_encoder, encode
from keras_vit.models.building.ends import image_input
from keras_vit.models.building.initial_values import values_later
from keras_vit.models.pretrained.weights import fill_new_model, open_weights
from keras_vit.models.variants.constructors import named_constructor
from keras_vit.models.variants.rows import VIT_VARIANTS
from keras_vit.models.vision_model import VisionModel


def ViT(
    num_classes=arguments.UNSET,
    *,
    patch_size,
    num_layers,
    hidden_dim,
    mlp_dim,
    num_heads,
    image_size=None,
    input_shape=None,
    classes=None,
    include_top=None,
    weights=None,
    num_channels=None,
    stride=None,
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
    include_preprocessing=False,
    remat=False,
    dtype=None,
    name=None,
):
    """Vision Transformer of any size.

    Args:
        num_classes: Integer, the number of classes; 0 or `None` for a model that
            returns features. Defaults to 1000.
        patch_size: Integer or pair `(height, width)`, pixels.
        num_layers: Integer, the number of Transformer blocks.
        hidden_dim: Integer, the width of the tokens; a multiple of `num_heads`.
        mlp_dim: Integer, the inner width of the MLPs.
        num_heads: Integer, the number of attention heads.
        image_size: Integer or pair `(height, width)`, pixels; patches must tile it.
            Defaults to 224. `(None, None)` makes a model for images of every size:
            learned positions are then resized on the fly from `position_grid`.
        input_shape: `(height, width, channels)`: what keras.applications has for
            `image_size` and `num_channels`.
        classes: What keras.applications has for `num_classes`.
        include_top: `False` is the keras.applications way to ask for features.
        weights: `None` for random weights, or anything that `keras_vit.load_weights`
            takes: a registered name such as `"imagenet"`, a path, a URL, a
            dictionary of arrays, another model.
        num_channels: Integer, image channels. Defaults to 3.
        stride: Integer or pair, pixels, the distance between neighbouring patches,
            at most `patch_size`. Defaults to `patch_size`.
        pooling: What the head reads: `"token"` (the class token), `"gap"` (the mean
            of the patch tokens), `"gap_all"` (the mean of all tokens), `"map"`
            (multi-head attention pooling of all tokens), or `None` (every token).
        class_token: Boolean, whether there is a class token. By default only
            `pooling="token"` has one.
        register_tokens: Integer, the number of learned tokens without a patch.
        classifier_activation: Activation of the head. `None` returns logits.
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
        gelu: `"tanh"` (official weights) or `"erf"` (exact). Defaults to what
            `weights` were trained with, without them to `"tanh"`.
        epsilon: Float, of every layer norm. Defaults to that of `weights`, without
            them to `1e-6`.
        qk_norm: Boolean, whether query and key are normalised per head.
        layer_scale: Float or `None`, the initial value of a learned factor per
            channel at the end of each residual branch.
        pooled_norm: Boolean, whether the last norm follows the pooling (layer
            `pooled_norm`, as in timm's models with mean pooling) instead of
            preceding it (layer `encoder_norm`).
        position_grid: Pair `(rows, columns)`, the grid of patches that learned
            positions are for; only with `image_size=(None, None)`.
        include_preprocessing: Boolean, whether the model takes pixels in `[0, 255]`
            and scales them itself. Otherwise it takes `[-1, 1]`: see
            `keras_vit.preprocess_input`.
        remat: Boolean, whether training keeps the input of each block only and computes
            the rest again: the same gradients from less memory, and about a third more
            computation. Defaults to `False`.
        dtype: Dtype policy, such as `"mixed_bfloat16"`. Norms, softmax and head
            compute in float32 at least. Defaults to Keras's global policy.
        name: String, the name of the model.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features `(batch, hidden_dim)`; with
        `pooling=None` a row for each token: `(batch, tokens, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `patches`, `patch_encoder`,
        `block_00`, `block_01`, ..., `encoder_norm`, `pooling`, `pre_logits` and
        `head`; `model.get_layer(name).output` reaches each of them.

    Raises:
        ValueError: if patches do not tile the image, heads do not divide
            `hidden_dim`, an option is unknown, or aliases contradict each other.

    Example:

    >>> model = keras_vit.ViT(
    ...     10, patch_size=4, num_layers=4, hidden_dim=64, mlp_dim=128, num_heads=4,
    ...     image_size=32,
    ... )
    >>> model(keras.ops.zeros((1, 32, 32, 3))).shape
    (1, 10)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929);
    `vit_jax/models_vit.py: VisionTransformer`.
    """
    options = arguments.plain_numbers(dict(locals()))
    name = options.pop("name")
    weights = open_weights("vit", options)
    settings = _check(**options)
    with values_later(weights is not None):
        model = _build(SimpleNamespace(**settings), name or "vit")
    model.settings.update(family="vit", arguments=settings)
    return fill_new_model(model, weights)


def _build(a, name):
    """The architecture; `a` holds the checked arguments."""
    images, x = image_input(a)
    return VisionModel(images, encode(x, a), name=name)


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
    options.update(check_encoder(**options))
    options.update(position_grid=arguments.check_position_grid(image_size, **options))
    patch_size, stride = arguments.check_patches(
        image_size, options["patch_size"], options["stride"]
    )
    options.update(
        num_classes=num_classes,
        image_size=list(image_size),  # lists, as JSON gives them back
        num_channels=num_channels,
        patch_size=list(patch_size),
        stride=list(stride),
    )
    return options


def constructor(variant_name):
    """`ViT` with the defaults of one row of the table of variants."""
    row = VIT_VARIANTS[variant_name]
    count = f" ({row.params:,} parameters)" if row.params else ""
    return named_constructor(
        ViT,
        variant_name,
        dict(
            patch_size=row.patch_size,
            num_layers=row.num_layers,
            hidden_dim=row.hidden_dim,
            mlp_dim=row.mlp_dim,
            num_heads=row.num_heads,
        ),
        f"""{variant_name}, a published Vision Transformer{count}.

    {row.num_layers} blocks of width {row.hidden_dim} with {row.num_heads} heads and
    an MLP of {row.mlp_dim}; patches of {row.patch_size} pixels.""",
    )


ViT_Ti16 = constructor("ViT_Ti16")
ViT_S16 = constructor("ViT_S16")
ViT_S32 = constructor("ViT_S32")
ViT_B8 = constructor("ViT_B8")
ViT_B16 = constructor("ViT_B16")
ViT_B32 = constructor("ViT_B32")
ViT_L16 = constructor("ViT_L16")
ViT_L32 = constructor("ViT_L32")
ViT_H14 = constructor("ViT_H14")
