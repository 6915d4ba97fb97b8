"""`resolve`: the whole recipe that a user means by a few fields, with reasons."""

import dataclasses

import keras_vit.models
from keras_vit.costs.machine import available_memory
from keras_vit.costs.memory import estimate_training
from keras_vit.data.sets.known import num_training_images
from keras_vit.models.variants.aliases import alias_of
from keras_vit.training.choosing.choose import choose, fit_batch
from keras_vit.training.choosing.validation import with_validation
from keras_vit.training.datasets import load_data
from keras_vit.training.model_arguments import OF_WHOLE_IMAGES, SMALL
from keras_vit.training.recipes.cost import images_trained_on
from keras_vit.training.recipes.files import find_recipe, model_of_run
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.recipes.starts import (
    DETECTION,
    PRETRAINING,
    SEGMENTATION,
    fine_tuned_detection,
    fine_tuned_segmentation,
)

# The lengths of a run, of which a recipe has one; and updates at its beginning and its
# end, which a recipe chooses for its own length.
LENGTHS = ("epochs", "total_steps")
PARTS = ("warmup_steps", "cooldown_steps")


def resolve(base=None, given=None, *, place=None):
    """The recipe that `keras-vit train` and `keras-vit pretrain` would train with.

    In this order: the base; where no base is named and the weights are those of a run,
    that run's model; where the weights are published, or `base` is `"auto"`, the recipe
    that suits so much data (`advise`); and above all what is given. A run of another
    length than its base keeps the shares of its warm-up and cool-down. Where no base is
    named, or `"auto"`, the run has a validation part: the data set's own, or a tenth of
    the training images; `validation_fraction=0` wants none.

    Args:
        base: A `Recipe`; what `find_recipe` takes, such as the name of a published run
            or a run folder; `"auto"` for the recipe that suits model, weights and data;
            or `None` for the default, of pretraining if `masked_target` is given.
        given: Dictionary of `Recipe` fields. `epochs` takes the place of the base's
            `total_steps`, and the other way round.
        place: What `keras_vit.data.open_place` made of the data's name, if that was
            opened before. The data are looked at only where a choice depends on them.

    Returns:
        `(recipe, reasons)`: a `Recipe`, and a list of sentences that say why it is what
        it is; empty where the base and what was given say it all.

    Raises:
        ValueError: if there is no such base, data or model, a value is out of its
            range, or two contradict each other.

    Example:

    >>> given = {"data": "./photos", "model": "ViT_B16", "weights": "augreg"}
    >>> recipe, reasons = keras_vit.training.resolve(given={**given, "epochs": 5})
    >>> result = keras_vit.training.train(recipe, notes={"reasons": reasons})
    """
    given = dict(given or {})
    start, model = _start(base, given)
    recipe, reasons = _changed(start, given), []
    published = recipe.weights is not None and recipe.model not in SMALL
    published = base is None and published and not recipe.masked_target
    if published and recipe.task not in OF_WHOLE_IMAGES:
        if recipe.task == "segmentation":
            start, reasons = fine_tuned_segmentation(recipe.head)
        else:
            start, reasons = fine_tuned_detection()
        start = dataclasses.replace(start, **model)
        recipe = _changed(start, given)
    elif base == "auto" or published:
        fields, reasons = _advise(recipe, place)
        start = Recipe(**{**model, **fields})
        recipe = _changed(start, given)
    parted = []
    if base in (None, "auto"):
        recipe, parted = with_validation(recipe, given, place)
    recipe, kept = keep_shares(recipe, start, given, place)
    instead = [_instead(names, start, recipe) for _, names in reasons]
    return recipe, [why + more for (why, _), more in zip(reasons, instead)] + [
        *parted,
        *kept,
    ]


def start_recipe(base=None, given=None):
    """The recipe of `resolve` before it looks at the data: base, model, what is given.

    Args:
        base: As for `resolve`.
        given: As for `resolve`.

    Returns:
        A `Recipe`; that of `resolve` has the same data.

    Raises:
        ValueError: as `resolve`.
    """
    given = dict(given or {})
    return _changed(_start(base, given)[0], given)


def _start(base, given):
    """The base, with the model of a run that the weights are of; and that model."""
    if base not in (None, "auto"):
        return base if isinstance(base, Recipe) else find_recipe(base), {}
    weights = given.get("weights")
    model = {} if weights is None else model_of_run(weights)
    task = given.get("task", model.get("task", "classification"))
    if model:  # whose head may be for another task
        unread = dict.fromkeys(OF_WHOLE_IMAGES, ("head",))
        unread["segmentation"] = ("pooling",)
        unread = unread.get(task, ("head", "pooling"))
        model = {name: model[name] for name in model if name not in unread}
        model["task"] = task
    masked = given.get("masked_target")
    if base == "auto" and (masked is not None or task not in OF_WHOLE_IMAGES):
        what = f"task={task!r}" if masked is None else f"masked_target={masked!r}"
        raise ValueError(
            "The recipe 'auto' learns classes of images; there is none for "
            f"pretraining, segmentation or detection. Received: auto with {what}"
        )
    start = Recipe() if masked is None else PRETRAINING
    if task not in OF_WHOLE_IMAGES:
        start = SEGMENTATION if task == "segmentation" else DETECTION
    return dataclasses.replace(start, **model), model


def _changed(recipe, given):
    """A recipe with what was given; one kind of length takes the other's place."""
    of_length = any(name in given for name in LENGTHS)
    free = dict.fromkeys(LENGTHS) if of_length else {}
    named = alias_of(given.get("model"))  # its image size counts as given
    size = {"image_size": named[1]} if named and named[1] else {}
    return dataclasses.replace(recipe, **{**free, **size, **given})


def _instead(names, advised, recipe):
    """Behind a reason: what of its fields is something else in the end."""
    length = [name for name in LENGTHS if getattr(recipe, name)]
    changed = []
    for name in names:
        # Of the length, the kind of it that the recipe has.
        same = length if name in LENGTHS else [name]
        changed += [n for n in same if getattr(recipe, n) != getattr(advised, n)]
    text = ", ".join(f"{name}={getattr(recipe, name)!r}" for name in changed)
    return f" Given instead: {text}." if changed else ""


def keep_shares(recipe, base, given=(), place=None):
    """The shares of warm-up and cool-down that another recipe has.

    Args:
        recipe: A `Recipe`, which may be longer or shorter than `base`. Where its
            length is in epochs and the size of its data is not known, the data are
            loaded.
        base: The `Recipe` that it was made of.
        given: Names of fields, which stay as they are.
        place: As for `resolve`.

    Returns:
        `(recipe, reasons)`: the same recipe, or one whose warm-up and cool-down fit its
        length, and a sentence for each that was changed.

    Raises:
        ValueError: if the data must be loaded and cannot.

    Example:

    >>> base = keras_vit.training.recipe("vit_finetune_pets")  # 100 of 500 updates
    >>> keep_shares(dataclasses.replace(base, total_steps=10), base)[0].warmup_steps
    2
    """
    names = [name for name in PARTS if name not in given and getattr(base, name)]
    same = (recipe.epochs, recipe.total_steps) == (base.epochs, base.total_steps)
    if same or not names:
        return recipe, []
    total, before = (_updates(r, recipe, place) for r in (recipe, base))
    changes = {n: min(total * getattr(base, n) // before, total - 1) for n in names}
    return dataclasses.replace(recipe, **changes), [
        f"{name} is {value} instead of {getattr(base, name)}, the same share of a run "
        f"of {total} updates."
        for name, value in changes.items()
    ]


def _updates(recipe, loadable, place):
    """The updates of a run; on the data of another recipe where its own are unknown."""
    if recipe.total_steps is not None:
        return recipe.total_steps
    images = None if recipe.fold else num_training_images(recipe.data)
    if images is None:
        # To read every image, for the few that may be broken, would take too long.
        loadable = dataclasses.replace(loadable, corrupt="error")
        images = load_data(loadable, place)[0].num_examples
    else:
        images = images_trained_on(recipe, images)
    return recipe.resolve_steps(images // min(recipe.batch_size, images))


def advise(recipe, place=None):
    """Chooses a recipe for the data, the model and the weights of another one.

    Args:
        recipe: A `Recipe`, of which those three count.
        place: As for `resolve`.

    Returns:
        `(fields, reasons)`: a dictionary of `Recipe` fields, and a sentence for each
        choice; see `choose_recipe`. The batch is computed in parts where the memory of
        this machine would not hold it.

    Raises:
        ValueError: if there is no such data or model.

    Example:

    >>> fields, reasons = advise(Recipe("./photos", model="ViT_B16", weights="augreg"))
    >>> train(Recipe("./photos", **fields))
    """
    fields, reasons = _advise(recipe, place)
    return fields, [why for why, _ in reasons]


def _advise(recipe, place):
    data, _ = load_data(recipe, place)
    images, classes = data.num_examples, data.num_classes
    size, model, weights = data.image_size, recipe.model, recipe.weights
    fields, reasons = choose(images, classes, size, model, weights)
    at_once = None if model in SMALL else _images_that_fit(fields, classes)
    if at_once:  # where nothing fits, the run itself says so
        reasons += fit_batch(fields, images, at_once)
    return fields, reasons


def _images_that_fit(fields, num_classes):
    available = available_memory()
    if available is None:
        return None
    size = fields.get("image_size")
    options = {} if size is None else {"image_size": size}
    model = keras_vit.models.build(fields["model"], num_classes, **options)
    estimate = estimate_training(
        model,
        fields["batch_size"],
        optimizer=fields.get("optimizer", "adamw"),
        momentum_dtype=fields.get("momentum_dtype", "float32"),
        accumulation_steps=2,  # as it would be
    )
    room = available * 3 // 4 - estimate.fixed - estimate.pixels
    return max(0, room // estimate.activations_per_image)
