"""Tables: the layouts of checkpoints that are known, and what their projects share.

`anchors` are regular expressions of names, each of which must occur. `prefixes` are
what may stand before every name. `ignored` are arrays that belong to no model of
this package and are left unread by design, with what they are: optimizer slots,
decoders of masked pretraining, buffers. `facts` are the arguments of a model that the
project fixes and the arrays do not show.
"""

from dataclasses import dataclass, field

from keras_vit.checkpoints.names import resnet as names_resnet
from keras_vit.checkpoints.names import vit as names


@dataclass(frozen=True)
class Layout:
    """How one project writes one family of models."""

    name: str
    family: str
    rows: tuple
    anchors: tuple
    facts: dict = field(default_factory=dict)
    prefixes: tuple = ("",)
    ignored: tuple = ()
    position_kernel: str = "official"
    normalised: bool = False  # whether names go through `spelling.normalised` first


_JAX_PREFIXES = (
    "",
    "opt/target/",
    "params/",
    "params/img/",
    "img/",
    "target/",
    "opt/target/img/",
    "optimizer/target/",
)
_OPTIMIZER = "state of the training run"
_TEXT = "of the text half of a two-tower model"
_MASKED = "of masked pretraining, which a classifier does not have"
_BUFFER = "a buffer, not a weight"

_JAX_IGNORED = (
    (r"opt/.*", _OPTIMIZER),
    (r"opt_state/.*", _OPTIMIZER),
    (r"optimizer/.*", _OPTIMIZER),
    (r"extra/.*", _OPTIMIZER),
    (r"(?:state/)?step", _OPTIMIZER),
    (r"(?:params/)?txt/.*", _TEXT),
    (r"(?:params/)?(?:t|b)", _TEXT),  # temperature and bias of LiT and SigLIP
)
_TORCH_IGNORED = (
    (r".*num_batches_tracked", _BUFFER),
    (r".*\.relative_position_index", _BUFFER),
)
# The decoder of SimMIM and MAE; what it reads is a plain ViT.
_TIMM_MASKED = (
    (r"mask_token", _MASKED),
    (r"decoder_(?:embed|blocks|norm|pred)\..*|decoder_pos_embed", _MASKED),
)
_HUGGING_FACE_MASKED = (
    (r"embeddings\.mask_token", _MASKED),
    (r"decoder\..*", _MASKED),
)

_FLAX = {"gelu": "tanh", "epsilon": 1e-6}
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

# Of files of this package, whose names are the variables' paths.
KERAS = Layout(
    "Keras",
    None,
    (),
    (),
    ignored=((r"patch_encoder/corruption/.*", _MASKED), (r"prediction/.*", _MASKED)),
)

LAYOUTS = (
    Layout(
        "official hybrid",
        "hybrid",
        names.OFFICIAL + names_resnet.OFFICIAL_HYBRID,
        (r"conv_root/kernel", r"embedding/kernel", r"Transformer/.*"),
        {**_FLAX, **_OFFICIAL_RESNET},
        prefixes=_JAX_PREFIXES,
        ignored=_JAX_IGNORED,
        normalised=True,
    ),
    Layout(
        "official ViT",
        "vit",
        names.OFFICIAL,
        (r"embedding/kernel", r"Transformer/encoder_norm/.*"),
        _FLAX,
        prefixes=_JAX_PREFIXES,
        ignored=_JAX_IGNORED,
        normalised=True,
    ),
    Layout(
        "official BiT",
        "bit",
        names_resnet.OFFICIAL_BIT,
        (r"root_block/.*", r"block1/.*"),
        {
            "group_norm_epsilon": 1e-5,
            "standardization": "variance",
            "standardization_epsilon": 1e-10,
        },
        prefixes=("resnet/", *_JAX_PREFIXES, "opt/target/resnet/"),
        ignored=_JAX_IGNORED,
        normalised=True,
    ),
    Layout(
        "timm hybrid",
        "hybrid",
        names.TIMM + names_resnet.TIMM_HYBRID,
        (r"patch_embed\.backbone\.stem\.conv\.weight",),
        {"gelu": "erf", "epsilon": 1e-6, **_TORCH_RESNET},
        prefixes=("", "module.", "model."),
        ignored=_TORCH_IGNORED,
        position_kernel="bicubic_antialias",
    ),
    Layout(
        "timm ViT",
        "vit",
        names.TIMM,
        (r"patch_embed\.proj\.weight", r"blocks\.0\.attn\.proj\.weight"),
        {"gelu": "erf", "epsilon": 1e-6},
        prefixes=("", "module.", "model."),
        ignored=_TORCH_IGNORED + _TIMM_MASKED,
        position_kernel="bicubic_antialias",
    ),
    Layout(
        "timm BiT",
        "bit",
        names_resnet.TIMM_BIT,
        (r"stem\.conv\.weight", r"stages\.0\.blocks\.0\.conv1\.weight"),
        _TORCH_RESNET,
        prefixes=("", "module.", "model."),
        ignored=_TORCH_IGNORED,
    ),
    Layout(
        "Hugging Face hybrid",
        "hybrid",
        names.HUGGING_FACE + names_resnet.HUGGING_FACE_HYBRID,
        (r"embeddings\.patch_embeddings\.backbone\.bit\..*",),
        {"gelu": "erf", "epsilon": 1e-12, **_TORCH_RESNET},
        prefixes=("vit.", ""),
        ignored=_TORCH_IGNORED,
        position_kernel="bicubic",
    ),
    Layout(
        "Hugging Face ViT",
        "vit",
        names.HUGGING_FACE,
        (r"embeddings\.patch_embeddings\.projection\.weight",),
        {"gelu": "erf", "epsilon": 1e-12},
        prefixes=("vit.", ""),
        ignored=_TORCH_IGNORED + _HUGGING_FACE_MASKED,
        position_kernel="bicubic",
    ),
    Layout(
        "Hugging Face BiT",
        "bit",
        names_resnet.HUGGING_FACE_BIT,
        (r"embedder\.convolution\.weight", r"encoder\.stages\.0\..*"),
        _TORCH_RESNET,
        prefixes=("bit.", ""),
        ignored=_TORCH_IGNORED,
    ),
)

# What is recognised and refused: a pattern of a name, and what such a file holds.
FOREIGN = (
    (r"(.*/)?MixerBlock_0/.*|(.*/)?Mixer/encoderblock_0/.*", "an MLP-Mixer"),
    (r"(.*\.)?layers\.0\.blocks\.0\.attn\..*", "a Swin Transformer"),
    (r".*beit\..*", "a BEiT model"),
    (r".*visual\.transformer\..*|.*vision_model\.embeddings\..*", "a CLIP-like tower"),
    (r"layer1\.0\.conv1\.weight|bn1\.running_mean", "a ResNet with batch norm"),
)
