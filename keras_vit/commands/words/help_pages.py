"""Help: a guide of ten lines, all commands, and one command with its options."""

import shutil
import textwrap

from keras_vit.commands.words.options import options_of
from keras_vit.common.interrupts import PROGRAM

GUIDE = """\
Look at your images, train on them, use what was learned; each command says what next:
  keras-vit data ./photos                         what the folder holds
  keras-vit train ./photos                        a small model, in minutes on a laptop
  keras-vit train ./photos --model ViT_B16 --weights augreg         a published one
  keras-vit evaluate RUN                          how good it is, class by class
  keras-vit predict RUN ./new --out new.html      classes of new images, with a page
  keras-vit explain RUN photo.jpg                 what the model sees in an image
  keras-vit export RUN model.onnx                 for use without this package
A folder has a folder for each class. RUN is the folder that train prints at its end.
All commands: keras-vit --help     Most needed options of one: keras-vit train --help
"""

# What most people need first, of commands with many options.
_TRAINED = ("photos", "model", "weights", "image_size", "epochs", "max_minutes")
_TRAINED += ("batch_size", "learning_rate", "run", "resume")
FIRST = {
    "train": _TRAINED,
    "pretrain": _TRAINED,
    "study": (
        *("name", "photos", "preset", "folder", "seeds", "workers", "dry_run"),
        *("report_only", "check", "set"),
    ),
    "tune": (
        *("photos", "model", "weights", "image_size", "space", "fields", "trials"),
        *("epochs", "folder", "resume"),
    ),
}
# Of a recipe, what says nothing about pretraining: it has neither classes nor a head.
NOT_SHOWN = {
    "pretrain": (
        *("task", "head", "freeze", "head_bias", "loss", "pixel_loss"),
        *("label_smoothing", "representation_size", "pooling", "focal_gamma"),
        *("class_weights", "sampling", "lora_rank", "early_stopping", "keep"),
        *("monitor", "mode"),
    )
}

# The groups of a recipe's fields (`Recipe`), and of a run's, in the order of the help.
TITLES = {
    "": "Options",
    "data": "Data",
    "pretraining": "Pretraining",
    "model": "Model",
    "weights": "Weights",
    "length": "Length and seeds",
    "schedule": "Schedule of the learning rate",
    "optimizer": "Optimizer and loss",
    "regularisation": "Regularisation",
    "memory": "Precision and memory",
    "machine": "Devices",
    "run": "Run folder",
}
_MARGIN, _WIDEST = 6, 88


def overview(commands):
    """All commands, each with the first sentence of its description."""
    width = max(map(len, commands)) + 2
    lines = [f"usage: {PROGRAM} COMMAND [arguments]", "", "Commands"]
    for name, kind in commands.items():
        first = " ".join(kind.__doc__.split("\n\n")[0].split())
        lines += _wrapped(first, f"  {name:<{width}}", width + 2)
    lines += [
        "",
        f"{PROGRAM} COMMAND --help shows what most people need, --help-all everything.",
        f"{PROGRAM} --version prints the version. The exit status is 0 for success, 1",
        "for a failure, 2 for wrong usage. With the environment variable",
        "KERAS_VIT_DEBUG=1 errors come with a traceback. Completion of words in a",
        f"shell: {PROGRAM} --tyro-print-completion bash (or zsh, tcsh).",
    ]
    return "\n".join(lines) + "\n"


def page(name, kind, whole=False):
    """The help of one command.

    Args:
        name: String, of the command.
        kind: Its dataclass.
        whole: Boolean, whether to show every option.
    """
    hidden = NOT_SHOWN.get(name, ())
    options = [o for o in options_of(kind) if o.name not in hidden]
    words = [o for o in options if o.positional]
    lines = [" ".join(["usage:", PROGRAM, name, *map(_usage, words), "[options]"]), ""]
    for paragraph in kind.__doc__.strip().split("\n\n"):
        lines += [*_wrapped(" ".join(paragraph.split()), "", 0), ""]
    first = FIRST.get(name)
    if first and not whole:
        shown = sorted(
            (o for o in options if o.name in first), key=lambda o: first.index(o.name)
        )
        lines += ["Most needed", *_entries(shown), ""]
        lines += [
            f"All {len(options)} options, in groups: {PROGRAM} {name} --help-all",
            "Common names of other tools, such as --lr, --imgsz or --num_train_epochs, "
            "are understood.",
        ]
        return "\n".join(lines) + "\n"
    if words:
        lines += ["Words", *_entries(words), ""]
    rest = [o for o in options if not o.positional]
    for group, title in TITLES.items():
        entries = _entries([o for o in rest if (o.group if first else "") == group])
        if entries:
            lines += [title, *entries, ""]
    return "\n".join(lines[:-1]) + "\n"


def _usage(option):
    place = option.place.strip("[]")
    if option.required or option.place.startswith("["):
        return option.place
    return f"[{place}]"


def _entries(options):
    lines = []
    for option in options:
        name = option.place if option.positional else ", ".join(option.flags)
        if option.place and not option.positional:
            name += f" {option.place}"
        default = _default(option)
        choices = ""
        if len(name) > _WIDEST - 2:
            name, choices = f"{option.flags[0]} NAME", option.place.replace("|", ", ")
            choices = f" One of {choices}."
        text = option.help + choices + (f" (default: {default})" if default else "")
        if option.required and not option.positional:
            text += " (required)"
        lines += [*_wrapped(name, "  ", _MARGIN), *_wrapped(text, " " * _MARGIN)]
    return lines


def _default(option):
    """The default as it would be typed; nothing where help or a flag says it."""
    value = option.default
    if option.required or value is None or value in ((), "") or option.positional:
        return ""
    if not option.place:
        return option.flags[0] if value and len(option.flags) > 1 else ""
    if isinstance(value, tuple):
        return " ".join(map(_number, value))
    return _number(value)


def _number(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _wrapped(text, indent, further=None):
    """Lines of a text: the first after `indent`, the others after so many spaces."""
    width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST)
    rest = indent if further is None else " " * further
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
