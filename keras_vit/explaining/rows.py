"""Facts about a model and its training, as rows of a table."""

from keras_vit.common.wording import percent
from keras_vit.costs.flops import forward_flops
from keras_vit.data import steps_to_text
from keras_vit.models.preprocessing import scaling_text
from keras_vit.models.variants.identify import sizes_of, variant_of
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.vision_model import arguments_of, image_shape, settings_of
from keras_vit.visualize.anatomy import (
    geometry_at,
    layer_named,
    patch_and_stride,
    reduction,
)

FAMILIES = {
    "vit": "Vision Transformer",
    "hybrid": "Hybrid: a ResNet, then a Transformer",
    "bit": "BiT, a ResNet with group norm and weight standardisation",
    "yolos": "YOLOS: a Vision Transformer with detection tokens",
    **{name: family.title for name, family in LINEAGE.items()},
}
SIZES = {
    "num_blocks": "Blocks by stage",
    "stage_widths": "Channels of the stages",
    "stem_width": "Channels before the stages",
    "top_width": "Channels after the stages",
    "num_convs": "Convolutions by block",
}
HEADS = {
    "token": "the class token",
    "gap": "the mean of the patches",
    "gap_all": "the mean of all tokens",
    "prefix": "class and register tokens, side by side",
    "token+gap": "the class token and the mean of the patches, side by side",
    "map": "attention pooling (MAP)",
    None: "every token",
}


def model_facts(subject):
    """Pairs `(what, value)` of strings: the architecture and its cost."""
    model = subject.model
    settings, a = settings_of(model), arguments_of(model)
    height, width = size = subject.steps.image_size
    rows, family = [], settings.get("family")
    if settings:
        variant = variant_of(family, a)
        kind = FAMILIES.get(family, str(family))
        rows.append(("Kind", f"{kind} ({variant})" if variant else kind))
    rows.append(("Parameters", f"{model.count_params():,}"))
    flops = forward_flops(model, size)
    if flops is not None:
        rows.append(("Cost of one image", f"{flops / 1e9:.3g} GFLOPs, forward"))
    channels = image_shape(model)[-1]
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    rows.append(("Images", f"{width} × {height} pixels, {kind}"))
    rows.append(("Prepared by", steps_to_text(subject.steps.image_steps)))
    if a.get("input_scaling"):
        rows.append(("Scaled inside to", scaling_text(a["input_scaling"])))
    if layer_named(model, "patch_encoder"):
        rows += _transformer(model, a, size)
    elif family in LINEAGE:
        rows += _sizes(family, a)
    elif "num_blocks" in a:
        blocks = ", ".join(map(str, a["num_blocks"]))
        rows.append(("Residual units by stage", blocks))
        rows.append(("Width", f"{a.get('width_factor', 1):g} × 64 channels"))
        if a.get("stage_widths"):
            widths = ", ".join(map(str, a["stage_widths"]))
            rows.append(("Channels of the stages", widths))
    if subject.classes is not None:
        rows.append(("Classes", f"{len(subject.classes):,}"))
    rows.append(("Precision", model.dtype_policy.name))
    return rows


def _sizes(family, a):
    """The sizes in which the published models of a family differ."""
    names = sizes_of(next(iter(LINEAGE[family].rows.values())))
    rows = []
    for name in names:
        value = a.get(name)
        listed = isinstance(value, (list, tuple))
        text = ", ".join(map(str, value)) if listed else str(value)
        rows.append((SIZES.get(name, name.replace("_", " ").capitalize()), text))
    return rows


def _transformer(model, a, size):
    patch, stride = patch_and_stride(model)
    factor, grid = reduction(model), geometry_at(model, size).grid
    what = "pixels" if factor == 1 else f"places of the ResNet's map, 1/{factor} size"
    text = f"{grid[1]} × {grid[0]} of {patch[1]} × {patch[0]} {what}"
    if stride != patch:
        text += f", {stride[1]} × {stride[0]} apart"
    rows = [("Patches", text)]
    extra = ["a class token"] if a.get("class_token") else []
    if a.get("register_tokens"):
        extra.append(f"{a['register_tokens']} register tokens")
    if a.get("detection_tokens"):
        extra = [f"a class token and {a['detection_tokens']} detection tokens"]
    if extra:
        rows.append(("Other tokens", " and ".join(extra)))
    for name, label in (
        ("num_layers", "Layers"),
        ("num_heads", "Heads of each layer"),
        ("hidden_dim", "Width of a token"),
        ("mlp_dim", "Width of the MLPs"),
    ):
        if a.get(name):
            rows.append((label, f"{a[name]:,}"))
    if "pooling" in a:
        rows.append(("The head reads", HEADS.get(a["pooling"], str(a["pooling"]))))
    if "position_embedding" in a:
        rows.append(("Positions", a["position_embedding"]))
    return rows


def run_facts(subject):
    """Pairs `(what, value)` of strings: the training run, if there is a record."""
    if subject.record is None:
        return []
    recipe = subject.record["recipe"]
    result = subject.record.get("result") or {}
    rows = [
        ("Data", recipe.get("data")),
        ("First weights", recipe.get("weights") or "random"),
        ("Status", subject.record["status"]),
        ("Epochs done", len(subject.history) or None),
    ]
    for key, label in (("val_accuracy", "Test accuracy"), ("val_loss", "Test loss")):
        value = result.get(key)
        if value is None and subject.history:
            value = subject.history[-1].get(key)
        if value is not None:
            rows.append((label, _cell(key, value)))
    rows += [
        ("Batch size", recipe.get("batch_size")),
        ("Highest learning rate", recipe.get("learning_rate")),
        ("Seed", recipe.get("seed")),
    ]
    return [(label, str(value)) for label, value in rows if value is not None]


def epoch_table(history):
    """`(header, rows)` of strings: the history of a run, or `None` without one."""
    if not history:
        return None
    names = {
        "epoch": "epoch",
        "loss": "training loss",
        "accuracy": "training accuracy",
        "val_loss": "test loss",
        "val_accuracy": "test accuracy",
    }
    shown = [key for key in names if any(key in row for row in history)]
    rows = [[_cell(key, row.get(key)) for key in shown] for row in history]
    return [names[key] for key in shown], rows


def _cell(key, value):
    if value is None or "accuracy" in key:
        return percent(value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)
