"""The ten commonest causes of another number, each checked before a run."""

import dataclasses

import numpy as np

from keras_vit import published
from keras_vit.checkpoints.registry import is_registered
from keras_vit.data import steps_to_text
from keras_vit.evaluation.forward import steps_of
from keras_vit.inference.loaded import range_of_steps
from keras_vit.models.variants.identify import variant_of
from keras_vit.models.vision_model import settings_of, value_range_of
from keras_vit.studies.reproducing.trials import FEW, NUM_CLASSES, same_name
from keras_vit.training.recipes.recipe import Recipe

OK, DIFFERS, UNKNOWN = "ok", "differs", "cannot tell"
UNFIT = "the steps make images of another size than the model takes"
# A difference here makes two numbers incomparable; the others explain a difference.
DECISIVE = {3, 5, 6, 7, 9, 10}

# Fields of a recipe that each check compares.
LENGTH = (
    "epochs",
    "total_steps",
    "warmup_steps",
    "cooldown_steps",
    "decay",
    "decay_at",
)
BATCH = ("batch_size", "learning_rate", "batch_scaling")
OPTIMIZER = (
    *("optimizer", "momentum", "weight_decay", "weight_decay_form", "weight_decay_on"),
    *("loss", "head_bias", "label_smoothing", "global_clipnorm", "layer_decay"),
)
DATA = ("validation_fraction", "test_split")
# What one row has and another one of the same model and task has not.
VARIANT = (
    *("dropout_rate", "attention_dropout_rate", "drop_path_rate", "augment"),
    *("ema_momentum", "freeze", "pooling", "position_embedding"),
    "representation_size",
)


@dataclasses.dataclass(frozen=True)
class Check:
    """One check; prints as a line."""

    number: int
    name: str
    # "ok", "differs" or "cannot tell".
    status: str
    text: str

    def __str__(self):
        return f"{self.number:>2}  {self.status:<12}{self.name}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Found:
    """What is about to be run, as far as it was looked at."""

    # Our run; `None` where published weights are only tested.
    recipe: Recipe | None = None
    # The weights that were given.
    weights: str | None = None
    # The model that is tested, or the file's own before it is fine-tuned.
    model: object = None
    # Steps of the test; the model's own where `None`.
    steps: object = None
    # Sources to learn from and to test on.
    train: object = None
    test: object = None
    # Devices that share a batch.
    num_devices: int = 1


def check_all(trial, found):
    """The ten checks of a `Trial`: a list of `Check`.

    Args:
        trial: A `Trial` of class A, B or C.
        found: What is about to be run, a `Found`.
    """
    checks = (
        ("updates and warm-up", _length),
        ("which row", _variant),
        ("value range", _range),
        ("test resize", _resize),
        ("image size", _image_size),
        ("head", _head),
        ("batch and rate", _batch),
        ("optimizer, decay, loss", _optimizer),
        ("data", _data),
        ("pre-training", _pretraining),
    )
    return [
        Check(number, name, *check(trial, found))
        for number, (name, check) in enumerate(checks, 1)
    ]


def obstacles_of(checks):
    """Why a result cannot be compared, one sentence for each decisive difference."""
    return [
        f"{check.name}: {check.text}"
        for check in checks
        if check.status == DIFFERS and check.number in DECISIVE
    ]


def hints_of(checks):
    """What may explain a difference without making it meaningless."""
    return [
        f"{check.name}: {check.text}"
        for check in checks
        if check.status == DIFFERS and check.number not in DECISIVE
    ]


def _fields(trial, found, names):
    """Status and text of fields of the recipes."""
    if found.recipe is None:
        return OK, "nothing is trained"
    if trial.recipe is None:
        return UNKNOWN, "the row's own recipe is not known"
    differing = [
        f"{name} {_shown(getattr(found.recipe, name))} instead of "
        f"{_shown(getattr(trial.recipe, name))}"
        for name in names
        if getattr(found.recipe, name) != getattr(trial.recipe, name)
    ]
    if differing:
        return DIFFERS, "; ".join(differing)
    values = [(name, getattr(found.recipe, name)) for name in names[:3]]
    said = [f"{name} {_shown(value)}" for name, value in values if value is not None]
    return OK, ", ".join(said) or "as in the row's recipe"


def _shown(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def _length(trial, found):
    return _fields(trial, found, LENGTH)


def _variant(trial, found):
    others = [r for r in published.sisters(trial.row) if r.image_size]
    values = ", ".join(f"{r.text} ({r.setting})" for r in others[:4])
    many = f" and {len(others) - 4} more" if len(others) > 4 else ""
    beside = f"; others were published: {values}{many}" if others else ""
    if found.recipe is None:
        return OK, f"{trial.row.text} is of {trial.row.setting}{beside}"
    status, text = _fields(trial, found, VARIANT)
    if status == OK and "dropout as" in trial.row.setting:
        status, text = UNKNOWN, "the row does not say which dropout it had"
    return status, f"{text}{beside}"


def _range(trial, found):
    if found.model is None:
        if same_name(found.weights, trial.weights) and trial.weights:
            return OK, "[-1, 1], as the published files take them"
        if not found.weights and found.recipe is not None:
            return OK, "[-1, 1]; nothing was learned with another range"
        return UNKNOWN, "the file was not opened"
    steps = _steps(found.model, found.steps)
    if steps is None:
        return UNKNOWN, UNFIT
    own = tuple(map(float, value_range_of(found.model)))
    used = tuple(map(float, range_of_steps(steps)))
    text = f"[{used[0]:g}, {used[1]:g}]"
    if used != own:
        return DIFFERS, f"{text}, but the weights take [{own[0]:g}, {own[1]:g}]"
    return OK, f"{text}, as the weights take them"


def _steps(model, given):
    """The steps of a test; `None` where they make images that the model cannot take."""
    try:
        return steps_of(model, given)
    except ValueError:
        return None


def _resize(trial, found):
    if found.model is None:
        if trial.steps == found.steps:
            return OK, trial.steps or "stretched to a square, as in the official code"
        return DIFFERS, f"{found.steps or 'stretched'} instead of {trial.steps}"
    both = [_steps(found.model, given) for given in (trial.steps, found.steps)]
    if None in both:
        return UNKNOWN, UNFIT
    wanted, used = map(_geometry, both)
    if used != wanted:
        return DIFFERS, f"{used} instead of {wanted}"
    return OK, used


def _geometry(steps):
    """The text of evaluation steps without the range of values."""
    parts = steps_to_text(steps.image_steps).split("|")
    return "|".join(p for p in parts if not p.startswith("value_range"))


def _image_size(trial, found):
    wanted = _pixels(trial.recipe.image_size if trial.recipe else trial.row.image_size)
    if wanted is None:
        return UNKNOWN, "the row does not say"
    if found.recipe is not None:
        used = _pixels(found.recipe.image_size)
    elif found.model is not None:
        steps = _steps(found.model, found.steps)
        used = found.model.input_shape[1:3] if steps is None else steps.image_size
    else:
        return UNKNOWN, f"{_size(wanted)} in the row; the file was not opened"
    if used is None or tuple(used) != wanted:
        text = "not given" if used is None else _size(used)
        return DIFFERS, f"{text} instead of {_size(wanted)}"
    return OK, _size(used)


def _pixels(size):
    if size is None or isinstance(size, int):
        return None if size is None else (size, size)
    return tuple(size)


def _size(size):
    return f"{size[0]} x {size[1]} pixels"


def _head(trial, found):
    if found.recipe is not None:
        return OK, "a new head is trained"
    if found.model is None:
        return UNKNOWN, "the file was not opened"
    head = next((la for la in found.model.layers if la.name == "head"), None)
    if head is None:
        return DIFFERS, "the model has no head"
    kernels = [np.asarray(w) for w in head.get_weights()]
    if not any(kernel.any() for kernel in kernels):
        return DIFFERS, "its weights are all zero: the head was withheld from the file"
    return OK, f"{found.model.output_shape[-1]} classes, loaded"


def _batch(trial, found):
    status, text = _fields(trial, found, BATCH)
    if found.recipe is None:
        return status, text
    run, devices = found.recipe, found.num_devices
    images = trial.counts[0] if found.train is None else found.train.num_examples
    if images is not None and images < run.batch_size:
        text = f"{images} images make batches of {images}, not of {run.batch_size}"
        return DIFFERS, text
    at_once = -(-run.batch_size // (devices * run.accumulation_steps))
    where = f"each of {devices} devices" if devices > 1 else "one device"
    return status, f"{text}, {at_once} images at once on {where}"


def _optimizer(trial, found):
    return _fields(trial, found, OPTIMIZER)


def _data(trial, found):
    status, text = _fields(trial, found, DATA)
    if status == DIFFERS:
        return status, f"{text}: a part was held out"
    train, test = trial.counts
    wanted = [("train", train), ("test", test)]
    if trial.pretraining is None and found.recipe is None:
        wanted = wanted[1:]
    told = []
    for name, count in wanted:
        source = getattr(found, name)
        if source is None:
            return UNKNOWN, "the images were not looked at"
        if count is None:
            return UNKNOWN, f"the row does not say how many images its {name} part has"
        here = source.num_examples
        if here != count:
            return DIFFERS, f"{here:,} {name} images instead of {count:,}"
        told.append(f"{here:,} {name} images")
    task = FEW.match(trial.row.task)
    classes = NUM_CLASSES.get(task[1] if task else trial.row.task)
    here = len(found.test.class_names)
    if classes is not None and here != classes:
        return DIFFERS, f"{here:,} classes instead of {classes:,}"
    return OK, f"{', '.join(told)}, {here:,} classes"


def _pretraining(trial, found):
    if trial.pretraining is not None:
        return OK, f"learned first here, as {trial.pretraining.model} in the paper"
    wanted, given = trial.weights, found.weights
    other = _variant_of(found.model)
    if other is not None and other != trial.row.model:
        return DIFFERS, f"{given} is of {other}, the row of {trial.row.model}"
    if wanted is None:
        if given is None:
            return OK, "from the beginning, as in the row"
        return DIFFERS, f"begins with {given}, the row from the beginning"
    if given is None:
        return DIFFERS, f"from the beginning, the row with {wanted}"
    if same_name(given, wanted):
        return OK, str(given)
    if is_registered(str(given)):
        return DIFFERS, f"{given} instead of {wanted}"
    return UNKNOWN, f"{given}: whether it is {wanted} only you know"


def _variant_of(model):
    """The published model of these sizes, or `None`."""
    settings = settings_of(model) if model is not None else {}
    if not settings:
        return None
    return variant_of(settings["family"], settings["arguments"])
