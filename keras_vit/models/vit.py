"""ViT, the Vision Transformer: a Transformer that reads the patches of an image."""

from keras_vit.layers import (
    AttentionPooling,
    LayerNorm,
    PatchEncoder,
    Patches,
    TokenPooling,
    TransformerBlock,
)
from keras_vit.layers.tokens.grids import check_divisible, patch_and_stride, patch_grid
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.encoder import (
    Positions,
    check_transformer,
    options_of_block,
)
from keras_vit.models.building.ends import add_head


def _build(x, a, shown=None):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, images or feature maps that patches tile.
        a: Namespace of the model's checked arguments.
        shown: Symbolic tensor `(B, N)` or `None`, what is shown in the place of each
            patch; see `keras_vit.layers.PatchCorruption`.
    """
    dtype = {"dtype": a.dtype}
    any_size = None in x.shape[1:3]
    grid = patch_grid(x.shape[1:3], a.patch_size, a.stride)
    positions = Positions(a, a.position_grid if any_size else grid)

    cut = Patches(a.patch_size, a.stride, keep_grid=any_size, name="patches", **dtype)
    x = cut(x)  # (B, N, P*P*C)
    encode = PatchEncoder(  # projection, class token, positions
        a.hidden_dim,
        a.class_token,
        use_bias=a.patch_bias,
        register_tokens=a.register_tokens,
        dropout_rate=a.dropout_rate,
        corruption=shown is not None,
        **positions.of_encoder,
        name="patch_encoder",
        **dtype,
    )
    x = encode(x) if shown is None else encode(x, shown=shown)  # (B, prefix + N, D)
    if a.pre_norm:
        x = LayerNorm(epsilon=a.epsilon, name="pre_norm", **dtype)(x)
    for i in range(a.num_layers):
        x = positions.before_block(x, i)
        x = TransformerBlock(  # attention, then an MLP
            a.num_heads,
            a.mlp_dim,
            drop_path_rate=a.drop_path_rate * i / max(a.num_layers - 1, 1),
            **positions.of_block,
            **options_of_block(a),
            name=f"block_{i:02d}",
            **dtype,
        )(x)  # (B, prefix + N, D)
    if not a.pooled_norm:
        x = LayerNorm(epsilon=a.epsilon, name="encoder_norm", **dtype)(x)
    if a.pooling == "map":
        own = {"gelu": a.gelu, "epsilon": a.epsilon, "name": "pooling", **dtype}
        x = AttentionPooling(a.num_heads, a.mlp_dim, **own)(x)  # (B, D)
    elif a.pooling is not None:
        pool = TokenPooling(a.pooling, positions.prefix, name="pooling", **dtype)
        x = pool(x)  # (B, D)
    if a.pooled_norm:
        x = LayerNorm(epsilon=a.epsilon, name="pooled_norm", **dtype)(x)
    return add_head(x, a, a.representation_size)  # (B, K)


def _check(a):
    """Checks the arguments of a ViT, and fills in what depends on others."""
    check_transformer(a)
    patch, stride = patch_and_stride(a.patch_size, a.stride)
    check_divisible(tuple(a.image_size), patch, stride)
    a.patch_size, a.stride = list(patch), list(stride)


@constructor("vit", _build, _check, arguments.transformer)
def ViT(num_classes=arguments.UNSET, *, patch_size, stride=None):
    """Vision Transformer of any size.

    Args:
        patch_size: Integer or pair `(height, width)`, pixels.
        image_size: Integer or pair `(height, width)`, pixels; patches must tile it.
            Defaults to 224. `(None, None)` makes a model for images of every size:
            learned positions are then resized on the fly from `position_grid`.
        stride: Integer or pair, pixels, the distance between neighbouring patches,
            at most `patch_size`. Defaults to `patch_size`.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: `(batch, num_classes)`, or features `(batch, hidden_dim)`, wider with
        a `pooling` that puts tokens side by side; with `pooling=None` a row for each
        token: `(batch, tokens, ...)`.

    Returns:
        A functional `keras.Model`. Its layers are `patches`, `patch_encoder`,
        `pre_norm`, `block_00`, `block_01`, ..., `encoder_norm`, `pooling`,
        `pre_logits` and `head`, as far as the arguments ask for them;
        `model.get_layer(name).output` reaches each of them.

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
