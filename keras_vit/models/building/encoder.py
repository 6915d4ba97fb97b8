"""Options and checks that the Transformers of ViT and the hybrids share."""

from keras_vit.common.checks import (
    check_boolean,
    check_choice,
    check_positive,
    check_rate,
)
from keras_vit.layers import PositionEmbedding
from keras_vit.layers.resize import KERNELS
from keras_vit.layers.tokens.grids import pair
from keras_vit.layers.tokens.pooling import TOKEN_POOLINGS
from keras_vit.layers.tokens.position_embedding import KINDS, check_width
from keras_vit.layers.transformer.attention import check_heads
from keras_vit.layers.transformer.mlp import GELUS

POOLINGS = (*TOKEN_POOLINGS, "map", None)
# Those that read the class token.
_OF_CLASS_TOKEN = ("token", "prefix", "token+gap")
# Those that leave the width of a token as it is, and may precede the last norm.
_OF_ONE_WIDTH = ("token", "gap", "gap_all")
SCOPES = ("input", "every_layer", "shared")


class Positions:
    """Where a model adds its positions: to the tokens once, before blocks, or in them.

    Args:
        a: Namespace of the model's checked arguments.
        grid: Pair `(rows, columns)`, the patches that positions are for.
    """

    def __init__(self, a, grid):
        self.a, self.grid = a, grid
        self.prefix = a.class_token + a.register_tokens  # tokens before the patches
        self.relative = a.position_embedding == "relative"
        self.at_input = a.position_scope == "input"
        self.shared = None

    @property
    def of_encoder(self):
        """Arguments of `PatchEncoder`."""
        kind = self.a.position_embedding
        here = self.at_input and not self.relative
        return {
            "position_embedding": kind if here else "none",
            "grid_size": self.grid,
            "embed_prefix": self.a.embed_prefix,
            "position_kernel": self.a.position_kernel,
        }

    @property
    def of_block(self):
        """Arguments of `TransformerBlock`."""
        if not self.relative:
            return {}
        return {"relative_grid": self.grid, "prefix_tokens": self.prefix}

    def before_block(self, x, i):
        """The tokens that block `i` reads, `(B, prefix + N, D)` as before."""
        if self.at_input:
            return x
        if self.a.position_scope == "every_layer":
            return self._layer(f"position_embedding_{i:02d}")(x)
        self.shared = self.shared or self._layer("position_embedding")
        return self.shared(x)

    def _layer(self, name):
        return PositionEmbedding(
            self.a.position_embedding,
            self.grid,
            prefix_tokens=self.prefix,
            embed_prefix=self.a.embed_prefix,
            name=name,
            dtype=self.a.dtype,
        )


# Arguments of a model that its blocks have under the same names.
_OF_BLOCK = (
    "dropout_rate",
    "attention_dropout_rate",
    "gelu",
    "swiglu",
    "epsilon",
    "qkv_bias",
    "qk_norm",
    "layer_scale",
    "remat",
)


def options_of_block(a):
    """Arguments of `TransformerBlock` that are the same in every block."""
    return {name: getattr(a, name) for name in _OF_BLOCK}


def check_transformer(a):
    """Checks the arguments of a Transformer, and fills in what depends on others."""
    check_positive(
        num_layers=a.num_layers,
        hidden_dim=a.hidden_dim,
        mlp_dim=a.mlp_dim,
        num_heads=a.num_heads,
    )
    if a.representation_size is not None:
        check_positive(representation_size=a.representation_size)
    if a.register_tokens != 0:
        check_positive(register_tokens=a.register_tokens)
    check_heads(a.hidden_dim, a.num_heads)
    check_choice(a.pooling, POOLINGS, "pooling")
    kinds = (*KINDS, "relative")
    check_choice(a.position_embedding, kinds, "position_embedding")
    check_width(a.position_embedding, a.hidden_dim)
    check_choice(a.position_scope, SCOPES, "position_scope")
    a.position_kernel = a.position_kernel or KERNELS[0]
    check_choice(a.position_kernel, KERNELS, "position_kernel")
    check_choice(a.gelu, tuple(GELUS), "gelu")
    check_rate(
        dropout_rate=a.dropout_rate,
        attention_dropout_rate=a.attention_dropout_rate,
        drop_path_rate=a.drop_path_rate,
    )
    check_boolean(
        qkv_bias=a.qkv_bias,
        patch_bias=a.patch_bias,
        pre_norm=a.pre_norm,
        swiglu=a.swiglu,
    )
    if a.pooling in _OF_CLASS_TOKEN and a.class_token is False:
        raise ValueError(
            f"`pooling={a.pooling!r}` reads the class token. Received: "
            "class_token=False. Use pooling='gap' or pooling='map', or keep the class "
            "token."
        )
    if a.position_embedding == "relative" and a.position_scope != "input":
        raise ValueError(
            "Relative positions are part of every block's attention; `position_scope` "
            "must be left out. Received: position_embedding='relative', "
            f"position_scope={a.position_scope!r}"
        )
    if a.pooled_norm and a.pooling not in _OF_ONE_WIDTH:
        raise ValueError(
            "`pooled_norm=True` needs a pooling of 'token', 'gap' or 'gap_all'. "
            f"Received: pooling={a.pooling!r}"
        )
    if a.class_token is None:
        a.class_token = a.pooling in _OF_CLASS_TOKEN
    a.position_grid = _position_grid(a)


def _position_grid(a):
    """`position_grid` as a list, needed where the image size is unknown."""
    size, grid = tuple(a.image_size), a.position_grid
    if None not in size:
        if grid is not None:
            raise ValueError(
                "`position_grid` is only for models of every image size. Received: "
                f"position_grid={grid}, image_size={size}. Pass "
                "image_size=(None, None), or leave it out."
            )
        return None
    if a.position_embedding == "none":
        return None
    if a.position_embedding == "relative":
        raise ValueError(
            "Relative positions need a known image size. Received: "
            f"position_embedding='relative', image_size={size}"
        )
    if a.position_scope != "input":
        raise ValueError(
            "`position_scope` must be 'input' where the image size is unknown. "
            f"Received: position_scope={a.position_scope!r}, image_size={size}"
        )
    if grid is None and a.position_embedding == "sincos2d":
        return [1, 1]  # computed for every size, so that any grid will do
    if grid is None:
        raise ValueError(
            "`position_grid=(rows, columns)` must be given where the image size is "
            "unknown: it says for how many patches positions are learned. "
            f"Received: position_grid=None, image_size={size}"
        )
    return list(pair(grid, "position_grid"))
