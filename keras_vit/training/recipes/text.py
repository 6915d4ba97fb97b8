"""Recipes and their differences as text."""

# Every field of a recipe, in the order of the sentence "data go through a model, which
# an optimizer changes along a schedule".
GROUPS = {
    "data": (
        *("data", "data_dir", "test_split", "test_fraction", "validation_fraction"),
        *("split_seed", "corrupt", "augment"),
    ),
    "pretraining": ("masked_target", "corruption_rate"),
    "model": (
        *("model", "weights", "freeze", "num_layers", "hidden_dim", "mlp_dim"),
        *("num_heads", "image_size", "patch_size", "num_channels", "pooling"),
        *("position_embedding", "representation_size", "head_bias", "dtype"),
    ),
    "regularisation": (
        *("dropout_rate", "attention_dropout_rate", "drop_path_rate"),
        *("weight_decay", "label_smoothing"),
    ),
    "length": ("epochs", "total_steps", "evaluate_every", "batch_size"),
    "schedule": (
        *("learning_rate", "decay", "warmup_steps", "decay_end", "decay_timescale"),
        *("decay_at", "cooldown_steps", "layer_decay", "batch_scaling"),
    ),
    "optimizer": (
        *("optimizer", "momentum", "momentum_dtype", "global_clipnorm"),
        *("accumulation_steps", "ema_momentum", "loss"),
    ),
    "machine": ("seed", "jit_compile", "steps_per_execution", "remat"),
}

# Fields that only some values of `decay` read.
_DECAY_OF = {"decay_end": "linear", "decay_timescale": "rsqrt", "decay_at": "bit"}


def as_text(recipe):
    """A recipe in groups of lines, without what it leaves to the data or model."""
    lines = []
    for group, names in GROUPS.items():
        shown = [name for name in names if _says_something(recipe, name)]
        for index, name in enumerate(shown):
            head = group if index == 0 else ""
            value = _value(getattr(recipe, name))
            lines.append(f"{head:<16}{name:<24}{value}")
    return "\n".join(lines)


class Difference(dict):
    """Name of a field to `(own value, the other's value)`; prints as a table."""

    def __str__(self):
        if not self:
            return "no difference"
        rows = [(name, _value(a), _value(b)) for name, (a, b) in self.items()]
        return aligned(rows)


def aligned(rows):
    """Rows of texts as lines whose columns begin below each other."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()
        for row in rows
    )


def _says_something(recipe, name):
    value = getattr(recipe, name)
    if value is None or value == ():
        return False
    if name == "corruption_rate":
        return recipe.masked_target is not None
    if name in _DECAY_OF:
        return recipe.decay == _DECAY_OF[name]
    field = recipe.__dataclass_fields__[name]
    # What hardly anybody changes is shown where it was changed.
    rare = {"test_fraction", "split_seed", "corrupt", "attention_dropout_rate"}
    rare |= {"head_bias", "cooldown_steps", "accumulation_steps", "label_smoothing"}
    rare |= {"jit_compile", "momentum_dtype", "position_embedding"}
    rare |= {"steps_per_execution", "remat"}
    return name not in rare or value != field.default


def _value(value):
    if value is None:
        return "-"
    if isinstance(value, (tuple, list)):
        return " ".join(map(_value, value)) or "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if value >= 10_000 else str(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
