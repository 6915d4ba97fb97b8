"""Checks of a recipe's fields, before any heavy work."""

import dataclasses
import math
from types import NoneType
from typing import Literal, get_args, get_origin

from keras_vit.common.checks import check_choice, is_integer, is_number
from keras_vit.training.model_arguments import OF_WHOLE_IMAGES, SMALL
from keras_vit.training.recipes.monitored import measured

# The sizes of the small models, of which each has some.
SIZES = ("num_layers", "hidden_dim", "mlp_dim", "num_heads")
SIZES += ("num_blocks", "width_factor")

# What only heads and losses of classification read, and of segmentation.
OF_IMAGES = ("pooling", "representation_size", "head_bias", "loss")
OF_PIXELS = ("head", "pixel_loss")
# The fields that a task does not read, and who reads each.
UNREAD = {
    "classification": {"segmentation": OF_PIXELS},
    "multilabel": {"segmentation": OF_PIXELS},
    "segmentation": {"classification": OF_IMAGES},
    "detection": {"classification": OF_IMAGES, "segmentation": OF_PIXELS},
}
# What is decided by the scores of the tests.
CHOOSING = ("keep", "early_stopping")


def _is_size(value):
    sides = value if isinstance(value, tuple) else (value, value)
    return len(sides) == 2 and all(is_integer(side) and side > 0 for side in sides)


def _are_shares(value):
    """Whether it is a tuple of ascending numbers, each in (0, 1)."""
    if not isinstance(value, tuple) or not all(map(is_number, value)):
        return False
    return list(value) == sorted(value) and all(0 < share < 1 for share in value)


def _are_rates(value):
    numbers = isinstance(value, tuple) and all(map(is_number, value))
    return numbers and all(0 < share <= 1 for share in value)


def _are_names(value):
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


def _are_units(value):
    positive = (is_integer(units) and 0 < units < 1000 for units in value)
    return len(value) > 0 and all(positive)


def _is_finite(value):
    try:
        return is_number(value) and math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _is_small(value):
    return is_integer(value) and abs(value) < 10**18


SIZE = "positive: an integer or a pair (height, width) of them, without the channels"
UNITS = "a tuple of the numbers of units in each stage, such as (1, 1, 1)"
WIDTH = "a positive multiple of 0.5, because group norms have 32 groups"
FOLD = "a part of two or more, such as '2/5', the second of five"
NAMES = "a tuple of names, such as ('backbone',)"
SHARES = "a tuple of numbers: ascending shares of the run, each in (0, 1)"
RATES = "a tuple of numbers: shares of the peak rate, each in (0, 1]"


def _is_fold(value):
    place, _, number = value.partition("/")
    numbers = place.isdecimal() and number.isdecimal()
    return numbers and 1 <= int(place) <= int(number) and int(number) > 1


# What a value must be; each field names its rule, and `None` passes.
RULES = {
    "at least 1": lambda value: value >= 1,
    "positive": lambda value: value > 0,
    "zero or more": lambda value: value >= 0,
    "in [0, 1)": lambda value: 0 <= value < 1,
    "in (0, 1)": lambda value: 0 < value < 1,
    "in (0, 1]": lambda value: 0 < value <= 1,
    "in [0, 2**31)": lambda value: 0 <= value < 2**31,
    SIZE: _is_size,
    UNITS: lambda value: isinstance(value, tuple) and _are_units(value),
    WIDTH: lambda value: value > 0 and value % 0.5 == 0,
    NAMES: _are_names,
    FOLD: _is_fold,
    SHARES: _are_shares,
    RATES: _are_rates,
}
TYPES = {
    int: ("an integer", _is_small),
    float: ("a number, and finite", _is_finite),
    str: ("a string", lambda value: isinstance(value, str)),
    bool: ("True or False", lambda value: isinstance(value, bool)),
}


def check(recipe):
    """Raises a `ValueError` naming the first rule that a recipe breaks."""
    for field in dataclasses.fields(recipe):
        name, rule = field.name, field.metadata["rule"]
        value = getattr(recipe, name)
        optional = NoneType in get_args(field.type)
        kinds = get_args(field.type) if optional else (field.type,)
        if value is None and optional:
            continue
        for kind in () if tuple in map(get_origin, kinds) else kinds:
            if get_origin(kind) is Literal:
                check_choice(value, get_args(kind) + (None,) * optional, name)
            words, holds = TYPES.get(kind, (None, None))
            if words and not holds(value):  # which would fail late
                _refuse(f"`{name}` must be {words}", recipe, name)
        if rule and not RULES[rule](value):
            _refuse(f"`{name}` must be {rule}", recipe, name)
    _check_pairs(recipe)


def _check_pairs(recipe):
    """Values that contradict each other."""
    unread = ("label_smoothing", "representation_size", "head_bias")
    unread = [name for name in unread if getattr(recipe, name)]
    dense, other_task, reader = recipe.task not in OF_WHOLE_IMAGES, [], None
    several = recipe.task == "multilabel"
    for task, fields in UNREAD[recipe.task].items():
        if changed := _changed(recipe, fields):
            other_task, reader = changed, task
            break
    chosen = [name for name in CHOOSING if _changed(recipe, [name])]
    numbers = [name for name in measured(recipe) if name.startswith("val_")]
    sizes = [name for name in SIZES if getattr(recipe, name) is not None]
    own = SMALL.get(recipe.model, ())
    wrong_sizes = [name for name in sizes if name not in own]
    for wrong, rule, names in (
        (
            recipe.epochs is not None and recipe.total_steps is not None,
            "Either `epochs` or `total_steps` gives the length of a run; the other one "
            "must be None",
            ("epochs", "total_steps"),
        ),
        (
            dense and recipe.masked_target is not None,
            "Pretraining needs no masks and no boxes: pretrain first, then give the "
            f"run as the weights of a run for {recipe.task}",
            ("task", "masked_target"),
        ),
        (
            several and recipe.masked_target is not None,
            "Pretraining needs no labels: pretrain first, then give the run as the "
            "weights of a run with several labels",
            ("task", "masked_target"),
        ),
        (
            recipe.loss == "binary" and not several,
            "The loss binary is for several labels an image: task='multilabel'",
            ("task", "loss"),
        ),
        (
            other_task,
            f"Only {reader} reads {', '.join(other_task)}",
            ("task", *other_task),
        ),
        (
            recipe.label_smoothing and recipe.pixel_loss != "crossentropy",
            "`label_smoothing` is for the cross-entropy only",
            ("pixel_loss", "label_smoothing"),
        ),
        (
            recipe.label_smoothing and recipe.task == "detection",
            "`label_smoothing` is for the cross-entropy, and boxes are learned by the "
            "focal loss",
            ("task", "label_smoothing"),
        ),
        (
            recipe.pixel_loss == "crossentropy_dice" and recipe.accumulation_steps > 1,
            "This loss divides by areas of the whole batch, which parts of a batch do "
            "not know. Use pixel_loss='dice' or 'crossentropy', or a smaller "
            "`batch_size` in one part",
            ("pixel_loss", "accumulation_steps"),
        ),
        (
            recipe.validation_fraction and recipe.validation_split,
            "Either a share of the training images or a split is the validation part",
            ("validation_fraction", "validation_split"),
        ),
        (
            recipe.fold is not None and recipe.test_split is not None,
            "A fold is the test part of a run, so that no other can be named",
            ("fold", "test_split"),
        ),
        (
            chosen
            and recipe.validation_fraction == 0
            and recipe.validation_split is None,
            "To choose by the tests of the model needs a validation part, because test "
            "images must choose nothing: leave `validation_fraction` out, or give 0.1",
            (*chosen, "validation_fraction"),
        ),
        (
            chosen and recipe.masked_target is not None,
            "What is best is known by the answers to the task, which pretraining does "
            "not measure: it is judged by what its weights are good for",
            ("masked_target", *chosen),
        ),
        (
            recipe.monitor is not None and recipe.monitor not in numbers,
            "`monitor` must be a number of the validation images, one of "
            f"{', '.join(numbers)}",
            ("task", "monitor"),
        ),
        (
            recipe.batch_size % recipe.accumulation_steps,
            "`batch_size` must be a multiple of `accumulation_steps`, the number of "
            "equal parts that it is computed in",
            ("batch_size", "accumulation_steps"),
        ),
        (
            recipe.decay_to and len(recipe.decay_to) != len(recipe.decay_at),
            "`decay_to` must have a rate for each share of the run in `decay_at`",
            ("decay_at", "decay_to"),
        ),
        (
            recipe.loss not in ("softmax", "binary") and recipe.label_smoothing,
            "`label_smoothing` is for the softmax loss only, and of several labels for "
            "the binary one",
            ("loss", "label_smoothing"),
        ),
        (
            recipe.lora_rank and recipe.weights is None,
            "LoRA adapts pretrained weights, which `weights` names; on random ones it "
            "would learn little",
            ("lora_rank", "weights"),
        ),
        (
            recipe.lora_rank and recipe.freeze,
            "LoRA freezes everything but its adapters and the head: leave `freeze` out",
            ("lora_rank", "freeze"),
        ),
        (
            recipe.lora_rank and recipe.masked_target is not None,
            "Pretraining learns all weights; LoRA adapts them to classes afterwards",
            ("lora_rank", "masked_target"),
        ),
        *_of_unequal_classes(recipe),
        (
            recipe.masked_target is not None and unread,
            "Pretraining has no classifier, which `masked_target` asks for, so that "
            f"{', '.join(unread)} would say nothing",
            ("masked_target", *unread),
        ),
        (
            sizes and not own,
            f"The sizes of {recipe.model} are fixed; {', '.join(sizes)} can be chosen "
            f"for {', '.join(map(repr, SMALL))} only",
            ("model", *sizes),
        ),
        (
            wrong_sizes,
            f"The model {recipe.model!r} has the sizes "
            f"{', '.join(name for name in SIZES if name in own)}",
            ("model", *wrong_sizes),
        ),
    ):
        if wrong:
            _refuse(rule, recipe, *names)


def _of_unequal_classes(recipe):
    """What corrects unequal classes, where it means nothing."""
    weighted, sampled = recipe.class_weights is not None, recipe.sampling == "balanced"
    given = [n for n in ("class_weights", "sampling") if _changed(recipe, [n])]
    focal = "focal" in (recipe.loss, recipe.pixel_loss)
    return (
        (
            given and recipe.masked_target is not None,
            "Pretraining reads no labels, and so knows no classes",
            ("masked_target", *given),
        ),
        (
            given and recipe.task == "detection",
            "Boxes are learned by a focal loss over all places, most of which hold "
            "nothing: that, not the classes, is unequal there. Class weights and "
            "balanced draws are for classes of images, the weights for those of pixels",
            ("task", *given),
        ),
        (
            sampled and recipe.task == "segmentation",
            "An image to segment shows several classes, which no draw of images makes "
            "equal. Use class_weights='balanced', which weighs pixels",
            ("task", "sampling"),
        ),
        (
            sampled and recipe.task == "multilabel",
            "An image with several labels is in several classes, which no draw of "
            "images makes equal. Use class_weights='balanced', which weighs labels",
            ("task", "sampling"),
        ),
        (
            recipe.loss == "focal" and recipe.task == "multilabel",
            "The loss focal is a softmax, for one class an image. Of several labels "
            "it is binary, or sigmoid; class_weights='balanced' weighs rare labels",
            ("task", "loss"),
        ),
        (
            weighted and recipe.pixel_loss in ("dice", "crossentropy_dice"),
            "Dice is a mean over classes already, whatever their areas. "
            "`class_weights` are for pixel_loss='crossentropy' and 'focal'",
            ("pixel_loss", "class_weights"),
        ),
        (
            sampled and recipe.class_weights == "balanced",
            "Balanced draws and balanced weights correct the same thing, which would "
            "be corrected twice. Give one of them",
            ("sampling", "class_weights"),
        ),
        (
            _changed(recipe, ["focal_gamma"]) and not focal,
            "`focal_gamma` belongs to the focal losses: loss='focal', or of "
            "segmentation pixel_loss='focal'",
            ("loss", "pixel_loss", "focal_gamma"),
        ),
    )


def _changed(recipe, names):
    """Those of some fields that have not their default."""
    fields = recipe.__dataclass_fields__
    return [name for name in names if getattr(recipe, name) != fields[name].default]


def _refuse(rule, recipe, *names):
    received = ", ".join(f"{name}={getattr(recipe, name)!r}" for name in names)
    raise ValueError(f"{rule}. Received: {received}")
