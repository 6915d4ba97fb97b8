"""Table of the known checkpoint layouts, and what layouts of one project share.

A new layout is one row of `LAYOUTS`, and its tables of names.
"""

import functools
import re
from dataclasses import dataclass, field

from keras_vit.checkpoints.names import resnet, vit
from keras_vit.checkpoints.names.rows import rows_of


@dataclass(frozen=True)
class Layout:
    """How one project writes one family of models.

    Attributes:
        name: String, the project and the family.
        family: `"vit"`, `"hybrid"`, `"bit"`, or `None` for any.
        table: Rows of names, as in `names.rows`.
        anchors: Regular expressions of names, each of which must occur.
        facts: Arguments of a model that the project fixes and the arrays do not show.
        prefixes: What may stand before every name.
        ignored: `(pattern, what)` of arrays that belong to no model of this package
            and are left unread by design: optimizer slots, decoders, buffers.
        required: Values that a `config.json` must have where it has these names.
        prefixed_positions: Names of position tables that always begin with the
            vectors of class and register tokens; of others the length decides.
        position_kernel: How the project resizes position embeddings.
        normalised: Whether names go through `spelling.normalised` first.
    """

    name: str
    family: str | None = None
    table: tuple = ()
    anchors: tuple = ()
    facts: dict = field(default_factory=dict)
    prefixes: tuple = ("",)
    ignored: tuple = ()
    required: dict = field(default_factory=dict)
    prefixed_positions: tuple = ()
    position_kernel: str = "official"
    normalised: bool = False

    @functools.cached_property
    def rows(self):
        """A `Row` for every array."""
        return rows_of(self.table)

    def ignored_as(self, name):
        """What an array is that is set aside, or `None`."""
        return next((w for p, w in self.ignored if re.fullmatch(p, name)), None)


_JAX_PREFIXES = tuple(
    tree + tower
    for tree in ("", "params/", "target/", "opt/target/", "optimizer/target/")
    for tower in ("", "img/", "resnet/")
)
_OPTIMIZER = "state of the training run"
_TEXT = "of the text half of a two-tower model"
_MASKED = "of masked pretraining, which a classifier does not have"
_BUFFER = "a buffer, not a weight"

_JAX_IGNORED = (
    (r"(?:opt|opt_state|optimizer|extra)/.*|(?:state/)?step", _OPTIMIZER),
    # Besides the text tower the temperature and bias of LiT and SigLIP.
    (r"(?:params/)?(?:txt/.*|t|b)", _TEXT),
)
_TORCH_IGNORED = ((r".*num_batches_tracked|.*\.relative_position_index", _BUFFER),)
# The decoder of SimMIM and MAE; what it reads is a plain ViT.
_TIMM_MASKED = (
    (r"mask_token|decoder_pos_embed|decoder_(?:embed|blocks|norm|pred)\..*", _MASKED),
)
_HUGGING_FACE_MASKED = ((r"embeddings\.mask_token|decoder\..*", _MASKED),)

_JAX = {
    "prefixes": _JAX_PREFIXES,
    "ignored": _JAX_IGNORED,
    "prefixed_positions": ("Transformer/posembed_input/pos_embedding",),
    "normalised": True,
}
_TIMM = {"prefixes": ("", "module.", "model."), "position_kernel": "bicubic_antialias"}
_HUGGING_FACE = {
    "prefixes": ("vit.", ""),
    "prefixed_positions": ("embeddings.position_embeddings",),
    "position_kernel": "bicubic",
}

# Arithmetic of each project.
_FLAX = {"gelu": "tanh", "epsilon": 1e-6}
_ERF = {"gelu": "erf", "epsilon": 1e-6}
_ERF_OF_HUGGING_FACE = {"gelu": "erf", "epsilon": 1e-12}
_OFFICIAL_RESNET = {
    "group_norm_epsilon": 1e-6,
    "standardization": "std",
    "standardization_epsilon": 1e-5,
}
_TORCH_RESNET = {
    "group_norm_epsilon": 1e-5,
    "standardization": "variance",
    "standardization_epsilon": 1e-8,
}
_OFFICIAL_BIT = {**_TORCH_RESNET, "standardization_epsilon": 1e-10}

# Of files of this package, whose names are the variables' paths.
KERAS = Layout(
    "Keras", ignored=((r"(?:patch_encoder/corruption|prediction)/.*", _MASKED),)
)

LAYOUTS = (
    Layout(
        "official hybrid",
        "hybrid",
        vit.OFFICIAL + resnet.OFFICIAL_HYBRID,
        (r"conv_root/kernel", r"embedding/kernel", r"Transformer/.*"),
        _FLAX | _OFFICIAL_RESNET,
        **_JAX,
    ),
    Layout(
        "official ViT",
        "vit",
        vit.OFFICIAL,
        (r"embedding/kernel", r"Transformer/encoder_norm/.*"),
        _FLAX,
        **_JAX,
    ),
    Layout(
        "official BiT",
        "bit",
        resnet.OFFICIAL_BIT,
        (r"root_block/.*", r"block1/.*"),
        _OFFICIAL_BIT,
        **_JAX,
    ),
    Layout(
        "timm hybrid",
        "hybrid",
        vit.TIMM + resnet.TIMM_HYBRID,
        (r"patch_embed\.backbone\.stem\.conv\.weight",),
        _ERF | _TORCH_RESNET,
        ignored=_TORCH_IGNORED,
        **_TIMM,
    ),
    Layout(
        "timm ViT",
        "vit",
        vit.TIMM,
        (r"patch_embed\.proj\.weight", r"blocks\.0\.attn\.proj\.weight"),
        _ERF,
        ignored=_TORCH_IGNORED + _TIMM_MASKED,
        **_TIMM,
    ),
    Layout(
        "timm BiT",
        "bit",
        resnet.TIMM_BIT,
        (r"stem\.conv\.weight", r"stages\.0\.blocks\.0\.conv1\.weight"),
        _TORCH_RESNET,
        ignored=_TORCH_IGNORED,
        **_TIMM,
    ),
    Layout(
        "Hugging Face hybrid",
        "hybrid",
        vit.HUGGING_FACE + resnet.HUGGING_FACE_HYBRID,
        (r"embeddings\.patch_embeddings\.backbone\.bit\..*",),
        _ERF_OF_HUGGING_FACE | _TORCH_RESNET,
        ignored=_TORCH_IGNORED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face ViT",
        "vit",
        vit.HUGGING_FACE,
        (r"embeddings\.patch_embeddings\.projection\.weight",),
        _ERF_OF_HUGGING_FACE,
        ignored=_TORCH_IGNORED + _HUGGING_FACE_MASKED,
        **_HUGGING_FACE,
    ),
    Layout(
        "Hugging Face BiT",
        "bit",
        resnet.HUGGING_FACE_BIT,
        (r"embedder\.convolution\.weight", r"encoder\.stages\.0\..*"),
        _TORCH_RESNET,
        prefixes=("bit.", ""),
        ignored=_TORCH_IGNORED,
        required={"layer_type": "preactivation", "global_padding": None},
    ),
)

# The arguments that some project fixes without its arrays showing them.
FACTS = tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.facts))

# What is recognised and refused: a pattern of a name, and what such a file holds.
FOREIGN = (
    (r"(.*/)?MixerBlock_0/.*|(.*/)?Mixer/encoderblock_0/.*", "an MLP-Mixer"),
    (r"(.*\.)?layers\.0\.blocks\.0\.attn\..*", "a Swin Transformer"),
    (r".*beit\..*", "a BEiT model"),
    (r".*visual\.transformer\..*|.*vision_model\.embeddings\..*", "a CLIP-like tower"),
    (r"layer1\.0\.conv1\.weight|bn1\.running_mean", "a ResNet with batch norm"),
)
