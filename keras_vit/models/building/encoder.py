"""The Transformer that ViT applies to images and the hybrids to feature maps."""

from types import SimpleNamespace

from keras_vit.layers import (
    LayerNorm,
    PatchEncoder,
    Patches,
    PositionEmbedding,
    TransformerBlock,
)
from keras_vit.layers.tokens.position_embedding import KINDS
from keras_vit.layers.transformer.attention import check_heads
from keras_vit.layers.transformer.mlp import GELUS
from keras_vit.models.building import arguments
from keras_vit.models.building.ends import add_head, pool_tokens

POOLINGS = ("token", "gap", "gap_all", "map", None)
SCOPES = ("input", "every_layer", "shared")


def encode(x, a):
    """From images or feature maps `(B, H, W, C)` to logits or features.

    Args:
        x: Symbolic tensor; patches must tile it.
        a: Namespace of the model's checked arguments.
    """
    x = encode_tokens(x, a)  # (B, prefix + N, D)
    if not a.pooled_norm:
        x = last_norm(x, a)
    x = pool_tokens(
        x,
        a.pooling,
        skip=a.class_token + a.register_tokens,
        num_heads=a.num_heads,
        mlp_dim=a.mlp_dim,
        gelu=a.gelu,
        epsilon=a.epsilon,
        dtype=a.dtype,
    )  # (B, D)
    if a.pooled_norm:
        x = last_norm(x, a)
    return add_head(
        x,
        num_classes=a.num_classes,
        representation_size=a.representation_size,
        classifier_activation=a.classifier_activation,
        dtype=a.dtype,
    )  # (B, K)


def last_norm(x, a):
    """The norm after the last block, wherever it stands."""
    name = "pooled_norm" if a.pooled_norm else "encoder_norm"
    return LayerNorm(epsilon=a.epsilon, name=name, dtype=a.dtype)(x)


def encode_tokens(x, a, shown=None):
    """From images or feature maps to the tokens after the last block.

    Args:
        x: Symbolic tensor `(B, H, W, C)`; patches must tile it.
        a: Namespace of the model's checked arguments.
        shown: Symbolic tensor `(B, N)` or `None`, what is shown in the place of each
            patch; see `keras_vit.layers.PatchCorruption`.
    """
    layer = {"dtype": a.dtype}
    at_input = a.position_scope == "input"
    any_size = None in x.shape[1:3]
    grid = a.position_grid if any_size else patch_grid(x.shape[1:3], a)
    prefix = a.class_token + a.register_tokens
    relative = a.position_embedding == "relative"
    place = {"relative_grid": grid, "prefix_tokens": prefix} if relative else {}

    def add_positions(name):
        return PositionEmbedding(
            a.position_embedding,
            grid,
            prefix_tokens=prefix,
            embed_prefix=a.embed_prefix,
            name=name,
            **layer,
        )

    x = Patches(a.patch_size, a.stride, keep_grid=any_size, name="patches", **layer)(
        x
    )  # (B, N, P*P*C)
    encoder = PatchEncoder(
        a.hidden_dim,
        a.class_token,
        position_embedding=a.position_embedding
        if at_input and not relative
        else "none",
        grid_size=grid,
        register_tokens=a.register_tokens,
        embed_prefix=a.embed_prefix,
        dropout_rate=a.dropout_rate,
        corruption=shown is not None,
        name="patch_encoder",
        **layer,
    )
    x = encoder(x) if shown is None else encoder(x, shown=shown)  # (B, prefix + N, D)
    shared = (
        add_positions("position_embedding") if a.position_scope == "shared" else None
    )
    for i in range(a.num_layers):
        if not at_input:
            x = (shared or add_positions(f"position_embedding_{i:02d}"))(x)
        x = TransformerBlock(
            a.num_heads,
            a.mlp_dim,
            dropout_rate=a.dropout_rate,
            attention_dropout_rate=a.attention_dropout_rate,
            drop_path_rate=a.drop_path_rate * i / max(a.num_layers - 1, 1),
            gelu=a.gelu,
            epsilon=a.epsilon,
            qk_norm=a.qk_norm,
            layer_scale=a.layer_scale,
            remat=a.remat,
            **place,
            name=f"block_{i:02d}",
            **layer,
        )(x)
    return x


def patch_grid(size, a):
    """`(rows, columns)` of the patches of a feature map or an image."""
    return tuple(
        (side - patch) // stride + 1
        for side, patch, stride in zip(size, a.patch_size, a.stride)
    )


def check_encoder(**options):
    """Checks the arguments that `encode` reads; those to replace, as plain values."""
    a = SimpleNamespace(**options)
    for name in ("num_layers", "hidden_dim", "mlp_dim", "num_heads"):
        arguments.check_positive(**{name: options[name]})
    if a.representation_size is not None:
        arguments.check_positive(representation_size=a.representation_size)
    if a.register_tokens != 0:
        arguments.check_positive(register_tokens=a.register_tokens)
    check_heads(a.hidden_dim, a.num_heads)
    arguments.check_choice(a.pooling, POOLINGS, "pooling")
    kinds = (*KINDS, "relative")
    arguments.check_choice(a.position_embedding, kinds, "position_embedding")
    arguments.check_position_width(a.position_embedding, a.hidden_dim)
    arguments.check_choice(a.position_scope, SCOPES, "position_scope")
    arguments.check_choice(a.gelu, tuple(GELUS), "gelu")
    for name in ("dropout_rate", "attention_dropout_rate", "drop_path_rate"):
        arguments.check_rate(**{name: options[name]})
    if a.pooling == "token" and a.class_token is False:
        raise ValueError(
            "`pooling='token'` reads the class token. Received: class_token=False. "
            "Use pooling='gap' or pooling='map', or keep the class token."
        )
    if a.position_embedding == "relative" and a.position_scope != "input":
        raise ValueError(
            "Relative positions are part of every block's attention; `position_scope` "
            "must be left out. Received: position_embedding='relative', "
            f"position_scope={a.position_scope!r}"
        )
    if a.pooled_norm and a.pooling in ("map", None):
        raise ValueError(
            "`pooled_norm=True` needs a pooling of 'token', 'gap' or 'gap_all'. "
            f"Received: pooling={a.pooling!r}"
        )
    return dict(
        class_token=a.pooling == "token" if a.class_token is None else a.class_token,
        classifier_activation=arguments.activation_name(a.classifier_activation),
        dtype=arguments.policy_config(a.dtype),
    )
