"""YOLOS: a ViT whose detection tokens each tell the class and the box of an object."""

import keras

from keras_vit.common.checks import (
    check_boolean,
    check_choice,
    check_positive,
    check_rate,
)
from keras_vit.layers import (
    CropToMultiple,
    LayerNorm,
    PatchEncoder,
    Patches,
    PositionEmbedding,
    TakeTokens,
    TransformerBlock,
)
from keras_vit.layers.resize import KERNELS
from keras_vit.layers.tokens.grids import check_divisible, pair, patch_grid
from keras_vit.layers.transformer.attention import check_heads
from keras_vit.layers.transformer.mlp import GELUS
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import float_policy

# Options of `TransformerBlock` that the model has too.
_OF_BLOCK = ("dropout_rate", "attention_dropout_rate", "gelu", "epsilon", "remat")


def _build(x, a):
    """The architecture, from images to classes and boxes.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype, any_size = {"dtype": a.dtype}, None in a.image_size
    if any_size:  # as a convolution without padding, which reads whole patches
        x = CropToMultiple(a.patch_size, name="image_crop", **dtype)(x)
    grid = a.position_grid or patch_grid(a.image_size, a.patch_size, a.patch_size)
    prefix = {"kernel": a.position_kernel, "prefix_tokens": 1 + a.detection_tokens}

    cut = Patches(a.patch_size, keep_grid=any_size, name="patches", **dtype)
    patches = cut(x)  # (B, N, P*P*C)
    x = PatchEncoder(  # projection, class and detection tokens, positions
        a.hidden_dim,
        grid_size=grid,
        register_tokens=a.detection_tokens,
        dropout_rate=a.dropout_rate,
        position_kernel=a.position_kernel,
        name="patch_encoder",
        **dtype,
    )(patches)  # (B, 1 + T + N, D)
    for i in range(a.num_layers):
        if i and a.mid_positions:
            name = f"position_embedding_{i:02d}"
            add = PositionEmbedding("learned", grid, name=name, **prefix, **dtype)
            x = add(x, patches=patches) if any_size else add(x)
        x = TransformerBlock(
            a.num_heads,
            a.mlp_dim,
            drop_path_rate=a.drop_path_rate * i / max(a.num_layers - 1, 1),
            **{name: getattr(a, name) for name in _OF_BLOCK},
            name=f"block_{i:02d}",
            **dtype,
        )(x)  # (B, 1 + T + N, D)
    x = LayerNorm(epsilon=a.epsilon, name="encoder_norm", **dtype)(x)
    take = TakeTokens(a.detection_tokens, start=1, name="detection_tokens", **dtype)
    x = take(x)  # (B, T, D)
    return {
        "logits": _head(x, "class_head", a.num_classes + 1, None, a),  # (B, T, K + 1)
        "boxes": _head(x, "box_head", 4, "sigmoid", a),  # (B, T, 4)
    }


def _head(x, name, units, activation, a):
    """Three dense layers, in float32 at least."""
    sizes = [(a.hidden_dim, "relu"), (a.hidden_dim, "relu"), (units, activation)]
    for i, (size, function) in enumerate(sizes, start=1):
        kernel = "zeros" if (name, i) == ("class_head", 3) else "glorot_uniform"
        x = keras.layers.Dense(
            size,
            activation=function,
            kernel_initializer=kernel,
            name=f"{name}_{i}",
            dtype=float_policy(a.dtype),
        )(x)
    return x


def _check(a):
    """Checks the arguments of a YOLOS, and fills in what depends on others."""
    check_positive(
        num_layers=a.num_layers,
        hidden_dim=a.hidden_dim,
        mlp_dim=a.mlp_dim,
        num_heads=a.num_heads,
        detection_tokens=a.detection_tokens,
    )
    check_heads(a.hidden_dim, a.num_heads)
    check_choice(a.gelu, tuple(GELUS), "gelu")
    a.position_kernel = a.position_kernel or "bicubic"
    check_choice(a.position_kernel, KERNELS, "position_kernel")
    check_boolean(mid_positions=a.mid_positions)
    check_rate(
        dropout_rate=a.dropout_rate,
        attention_dropout_rate=a.attention_dropout_rate,
        drop_path_rate=a.drop_path_rate,
    )
    if a.num_classes < 1 or a.classifier_activation is not None:
        raise ValueError(
            "A YOLOS tells the logits of at least one class. Received: "
            f"num_classes={a.num_classes}, "
            f"classifier_activation={a.classifier_activation!r}. For features use "
            "`keras_vit.feature_maps(model)`."
        )
    a.patch_size = list(pair(a.patch_size, "patch_size"))
    check_divisible(tuple(a.image_size), a.patch_size, a.patch_size)
    if None not in a.image_size and a.position_grid is not None:
        raise ValueError(
            "`position_grid` is only for models of every image size. Received: "
            f"position_grid={a.position_grid}, image_size={tuple(a.image_size)}. Pass "
            "image_size=(None, None), or leave it out."
        )
    if None in a.image_size:
        if a.position_grid is None:
            raise ValueError(
                "`position_grid=(rows, columns)` must be given where the image size is "
                "unknown: it says for how many patches positions are learned. "
                f"Received: position_grid=None, image_size={tuple(a.image_size)}"
            )
        a.position_grid = list(pair(a.position_grid, "position_grid"))


@constructor("yolos", _build, _check, image_size=512)
def YOLOS(
    num_classes=arguments.Unset(91),  # noqa: B008
    *,
    patch_size=16,
    num_layers,
    hidden_dim,
    mlp_dim,
    num_heads,
    detection_tokens=100,
    mid_positions=True,
    dropout_rate=0.0,
    attention_dropout_rate=0.0,
    drop_path_rate=0.0,
    gelu="erf",
    epsilon=1e-12,
    position_grid=None,
    position_kernel=None,
):
    """YOLOS of any size: You Only Look at One Sequence.

    A ViT with detection tokens beside its patches. What the last block makes of each
    of them goes through two MLPs of three layers: one tells a class, or that there is
    no object, the other a box. There is no suppression of double boxes: each object
    has one token. Trained from few images this does not work (DETR's authors say
    10,000 and more): fine-tune published weights, or take `keras_vit.Detector`.

    The tokens stand in front of the patches here, behind them in the original; loading
    and positions follow, and the numbers are the same.

    Args:
        num_classes: Integer, the classes of objects; the output has one more, the last
            one: no object. Defaults to 91: COCO's numbers as they are, with holes.
        image_size: Integer or pair `(height, width)`, pixels; patches must tile it.
            `(None, None)` makes a model for images of every size: positions are then
            resized on the fly from `position_grid`, and what does not fill a patch at
            right and bottom is not looked at, as in the original. Defaults to 512.
        classifier_activation: `None`: the output has logits.
        patch_size: Integer or pair `(height, width)`, pixels.
        num_layers: Integer, the number of Transformer blocks.
        hidden_dim: Integer, the width of the tokens; a multiple of `num_heads`.
        mlp_dim: Integer, the inner width of the blocks' MLPs.
        num_heads: Integer, the number of attention heads.
        detection_tokens: Integer, the most objects of an image.
        mid_positions: Boolean, whether learned positions are added after each block
            but the last too, as in YOLOS-S and B.
        dropout_rate: Float in `[0, 1)`, dropout after the position embeddings and
            after each dense layer of the blocks except query, key and value.
        attention_dropout_rate: Float in `[0, 1)`, dropout of the attention scores.
        drop_path_rate: Float in `[0, 1)`, stochastic depth of the last block; the
            rate grows linearly from 0 at the first.
        gelu: `"erf"` (exact), `"tanh"` or `"quick"`.
        epsilon: Float, of every layer norm.
        position_grid: Pair `(rows, columns)`, the grid of patches that positions are
            for; only with `image_size=(None, None)`.
        position_kernel: How positions are resized to another grid of patches:
            `"official"` (bilinear, corners aligned), `"bilinear"`, `"bicubic"` or
            `"bicubic_antialias"`. Defaults to `"bicubic"`, the original's.

    Input shape: `(batch, height, width, num_channels)`, floats.

    Output shape: a dictionary: `"logits"`, `(batch, detection_tokens, num_classes +
        1)`, and `"boxes"`, `(batch, detection_tokens, 4)`: centre x, centre y, width
        and height, as shares of the image. Float32 at least.

    Returns:
        A functional `keras.Model`. Its layers are `patches`, `patch_encoder`,
        `block_00`, `position_embedding_01`, `block_01`, ..., `encoder_norm`,
        `detection_tokens`, `class_head_1` to `3` and `box_head_1` to `3`.

    Raises:
        ValueError: if patches do not tile the image, heads do not divide
            `hidden_dim`, or an option is unknown.

    Example:

    >>> model = keras_vit.YOLOS_Ti(3, image_size=(64, 96))
    >>> out = model(keras.ops.zeros((1, 64, 96, 3)))
    >>> out["logits"].shape, out["boxes"].shape
    ((1, 100, 4), (1, 100, 4))

    Reference: [Fang et al., 2021](https://arxiv.org/abs/2106.00666);
    `transformers/models/yolos/modeling_yolos.py`.
    """
