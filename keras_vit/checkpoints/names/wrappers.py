"""What stands before and beside the names of a model in files of training tools.

A wrapper is a chain of words before every name: `module.backbone.`. A file may hold
several towers of the same layout: the weights, and a moving average of them.
"""

import re

_WRAPPERS = (
    # PyTorch's and those of training tools
    *("module", "model", "encoder", "backbone", "base_encoder", "base_model"),
    *("_orig_mod", "state_dict", "model_state_dict", "model_state", "net", "network"),
    *("trunk", "visual", "student", "online_encoder", "vision_tower", "image_encoder"),
    *("timm_model", "feature_extractor", "classifier_model", "vision_encoder"),
    # what Hugging Face's models call their own body
    *("vit", "deit", "dinov2", "dinov2_with_registers", "ijepa", "vit_msn", "vit_mae"),
    *("bit", "vision_model", "clip", "siglip", "efficientnet", "bert"),
    "transformer_encoder",
    # of Flax
    *("params", "target", "state", "img", "resnet"),
)
_AVERAGES = (
    *("model_ema", "ema", "ema_model", "model_ema_state_dict", "state_dict_ema"),
    *("params_ema", "ema_params", "averaged_model", "average_model", "swa_model"),
    *("model_averaged", "ema_state_dict", "shadow", "model_avg", "avg_params"),
    *("teacher", "momentum_encoder", "target_encoder"),
)
_PLAIN = rf"(?:(?:opt|optimizer)[./](?=target[./])|(?:{'|'.join(_WRAPPERS)})[./])"
_AVERAGE = rf"(?:{'|'.join(_AVERAGES)})[./]"
_CHAIN = rf"(?:{_PLAIN}|{_AVERAGE})*"
_ROOT = re.compile(rf"{_PLAIN}*{_AVERAGE}")

# Of any project: a pattern of a name without its wrapper, and what it is.
_OPTIMIZER = "state of the training run"
BESIDE = (
    (
        r"(?:opt|opt_state|optimizer|optimizers?_states?|chrono|extra|lr_schedulers?"
        r"|scheduler|scaler|callbacks|loops|criterion|loss_fn)[./].*",
        _OPTIMIZER,
    ),
    (r"(?:state/)?(?:step|epoch|global_step|iteration|best_acc\w*)", _OPTIMIZER),
    (
        r"head\.(?:mlp2?\.\d+|last_layer2?|\d+)\..*"
        r"|(?:projector|projection_head|predictor|prototypes|dino_head|ibot_head"
        r"|dino_loss|ibot_patch_loss|proj_head)\..*",
        "of self-supervised training, which is no classifier",
    ),
    (r"queue|queue_ptr|center", "of self-supervised training, which is no classifier"),
)


def towers(anchors, names):
    """The prefixes below which all anchors stand, in the order of the file."""
    first, *others = anchors
    pattern = re.compile(rf"({_CHAIN})(?:{first})")
    ends = re.compile(rf"(?:{first})\Z")  # three times as fast, and rare
    found = (pattern.fullmatch(name) for name in names if ends.search(name))
    prefixes = dict.fromkeys(match[1] for match in found if match)

    def stands(prefix, anchor):
        whole = re.compile(re.escape(prefix) + f"(?:{anchor})")
        return any(whole.fullmatch(name) for name in names)

    return [p for p in prefixes if all(stands(p, anchor) for anchor in others)]


def average_root(name):
    """The beginning of a name that says that it is of an average, or `None`."""
    match = _ROOT.match(name)
    return match and match[0]


def outer(prefix):
    """A prefix and those around it: `"module.vit."`, `"module."`, `""`."""
    parts = re.findall(r"[^./]+[./]", prefix)
    return ["".join(parts[:count]) for count in range(len(parts), -1, -1)]
