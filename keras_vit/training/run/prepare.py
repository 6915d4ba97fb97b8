"""Everything before the first update: data, model, checks, and the run's record."""

import dataclasses
import datetime
import logging

import keras

import keras_vit.data
from keras_vit.data.steps.spelling import step_to_json
from keras_vit.devices import current
from keras_vit.models.vision_model import image_shape
from keras_vit.pretraining import corruption_step
from keras_vit.training.choosing.validation import chosen_by_score
from keras_vit.training.datasets import (
    Parts,
    check_unchanged,
    data_facts,
    load_parts,
    located,
    write_split,
)
from keras_vit.training.folder.state import Position, SavedState, last_state
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.optimizers.build import build_schedule
from keras_vit.training.optimizers.class_weights import weights_of_classes
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.replicas import prepare_model
from keras_vit.training.run import batches, budget
from keras_vit.training.run.announcing import announce
from keras_vit.training.run.build import build_model, check_model, compile_model
from keras_vit.training.run.environment import (
    compare_environments,
    describe_environment,
)
from keras_vit.training.run.first_look import look_at_cost, look_at_data, look_at_sides
from keras_vit.training.run.guests import sets_rate, steering
from keras_vit.training.run.images import check_images, write_images
from keras_vit.training.run.self_organisation import organiser, organises_itself

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Data:
    """The data of a run, and the length of the run on it."""

    parts: Parts
    # What run.json says about them.
    facts: dict
    batch_size: int
    # Updates of one pass over the training images, from one test to the next, and of
    # the whole run.
    steps_per_epoch: int
    steps_per_test: int
    total_steps: int
    # What means these data from every working folder.
    name: str
    # The weight of each class in the loss, or `None`.
    class_weights: list | None = None

    @property
    def train(self):
        return self.parts.train

    @property
    def validation(self):
        return self.parts.validation

    @property
    def test(self):
        return self.parts.test


@dataclasses.dataclass(frozen=True)
class Network:
    """The model of a run."""

    # The model that is saved, and the one to fit: the same, or one around its layers.
    model: keras.Model
    trainer: keras.Model
    # The evaluation steps of its images, as JSON values.
    preprocessing: dict
    # What is restored when `fit` begins, if the run is resumed.
    state: SavedState | None
    # What run.json says about the model, and about how it is trained.
    arguments: dict
    jit_compile: bool | str


@dataclasses.dataclass
class Job:
    """A run that is ready for `fit`."""

    recipe: Recipe
    data: Data
    network: Network
    # Where the run begins or resumes.
    position: Position
    # The content of run.json.
    record: dict

    @property
    def has_validation(self):
        """Whether the tests are on images that may choose something."""
        return self.data.validation is not None


def prepare(
    recipe,
    folder,
    before=None,
    *,
    check=True,
    notes=None,
    progress=None,
    place=None,
    callbacks=(),
):
    """Loads the data, builds the model, and logs what will be done.

    Args:
        recipe: A `Recipe`.
        folder: A `RunFolder`.
        before: Content of run.json if a run is resumed, else `None`.
        check: Boolean, whether to look at the data of a new run first.
        notes: Dictionary that run.json keeps, or `None`.
        progress: Boolean or `None`, whether to show a bar meanwhile; see `train`.
        place: The opened place of the data, or `None`; see `train`.
        callbacks: List of the user's callbacks.

    Returns:
        A `Job`.
    """
    start, asked = budget.clock(), recipe
    recipe = budget.laid_out(recipe, before and before.get("laid_out"))
    batches.check_batch(recipe)
    check_model(recipe)
    if not _judged_by_model(recipe):
        check_augmentation(recipe, recipe.image_size or 224)
    found = dict(notes or {})
    choosing = chosen_by_score(recipe, callbacks)
    data = load(recipe, folder, before, place, choosing)
    if before is None and check:
        found["check"] = current().chief_first(
            lambda: look_at_data(
                recipe, data.train, data.test, progress, data.validation
            )
        )
    rate = sets_rate(callbacks)
    build_start = budget.clock()
    network = build(recipe, folder, data, settable_rate=rate)
    if before is None and recipe.max_minutes is not None:
        built = budget.clock() - build_start  # which comes again
        seconds = 60 * recipe.max_minutes
        pace = budget.measure(Job(recipe, data, network, Position(), {}), seconds)
        left = seconds - (budget.clock() - start) - built
        found["laid_out"] = budget.lay_out(recipe, data, pace, left)
        recipe = budget.laid_out(recipe, found["laid_out"])
        data = dataclasses.replace(data, **lengths(recipe, data.steps_per_epoch))
        network = build(recipe, folder, data, settable_rate=rate)
    if before is None:
        names, size = data.facts["class_names"], image_shape(network.model)[:2]
        look_at_sides(recipe, names, size)
        found["estimate"] = look_at_cost(recipe, network, data)
    position = network.state.position if network.state else Position()
    _check_position(position, data, folder)
    record = make_record(recipe, data, network, before, found, position)
    record["recipe"] = asked.to_json()
    if before is not None and "laid_out" in record:
        budget.say_what_is_left(record["laid_out"], position)
    if steering(callbacks):
        record["callbacks"] = steering(callbacks)
    own_rule = organises_itself(network.model)
    announce(recipe, folder, record, position, own_rule)
    return Job(recipe, data, network, position, record)


def begin_files(job, folder, progress=None):
    """Writes the files that a run has, besides run.json, before its first update."""
    folder.write_history(job.position.history)
    parts = job.data.parts
    write_split(folder, parts)
    if not folder.images.exists():
        sources = (source for _, source in parts.named())
        write_images(folder, *sources, progress=progress)


def _check_position(position, data, folder):
    """Raises a `ValueError` where a checkpoint cannot be one of this run."""
    done, length = position.step, data.total_steps
    tested = done >= data.steps_per_test and not position.stopped
    if done > length or (tested and not position.history):
        raise ValueError(
            f"The checkpoints in {folder.checkpoints} are not those of this run, which "
            f"has {length} updates. Received: {done} updates, "
            f"{len(position.history)} tests. Delete them to train from the beginning."
        )


def load(recipe, folder, before, place, choosing=()):
    """The first step of `prepare`: the `Data` of a run.

    Args:
        recipe, folder, before, place: As for `prepare`.
        choosing: What the run chooses by a score, in words.

    Raises:
        ValueError: if they are not what they were, or the run is too short for its
            recipe.
    """
    named = located(recipe, folder, before) if place is None else recipe
    # The first process downloads; the others then find it on the disk.
    if before is not None:  # what an older run chose by, and what it began with
        choosing = choosing if "validation" in before["data"] else ()
    loaded = current().chief_first(lambda: load_parts(named, place, choosing))
    parts = loaded or load_parts(named, place, choosing)
    train = parts.train
    name = (place or keras_vit.data.open_place(named.data)).full_name
    facts = data_facts(parts)
    if before is not None:
        old = "validation" not in before["data"]
        noted = (train, parts.judged) if old else (s for _, s in parts.named())
        check_images(folder, *noted)
        check_unchanged(folder, before["data"], facts)
    batch_size = recipe.batch_size
    if train.num_examples < batch_size:
        batch_size = batches.check_batch(recipe, train.num_examples)
    steps_per_epoch = train.steps_per_epoch(recipe.batch_size)
    length = lengths(recipe, steps_per_epoch)
    weights = _class_weights(recipe, parts.train, before)
    return Data(
        *(parts, facts, batch_size, steps_per_epoch),
        name=name,
        class_weights=weights,
        **length,
    )


def lengths(recipe, steps_per_epoch):
    """The updates of a run, and from one test to the next, as fields of `Data`.

    Raises:
        ValueError: if the run is too short for its recipe.
    """
    total_steps = recipe.resolve_steps(steps_per_epoch)
    steps_per_test = min(recipe.evaluate_every or steps_per_epoch, total_steps)
    batches.check_executions(recipe, steps_per_test, total_steps)
    build_schedule(recipe, total_steps)  # which refuses a warm-up beyond the end
    return {"steps_per_test": steps_per_test, "total_steps": total_steps}


def _class_weights(recipe, train, before):
    """The weight of each class in the loss, as the run began with it, or `None`."""
    known = {} if before is None else before["resolved"].get("class_weights") or {}
    if known:
        return [known[name] for name in train.class_names]
    return weights_of_classes(
        recipe.class_weights, train.class_names, train.amount_per_class
    )


def build(recipe, folder, data, *, settable_rate=False):
    """The second step of `prepare`: the `Network` of a run on its `Data`.

    Args:
        recipe, folder, data: Those of the run.
        settable_rate: Boolean, as for `compile_model`.

    Raises:
        ValueError: if recipe, data and model contradict each other.
    """
    state = last_state(folder.checkpoints)
    given = recipe
    if state and recipe.weights is not None and folder.model.exists():
        # The initial weights of a resumed run need no longer be there.
        given = dataclasses.replace(recipe, weights=str(folder.model))
    arguments = model_arguments(
        given, native_size=data.train.image_size, num_channels=data.train.num_channels
    )
    if _judged_by_model(recipe):
        check_augmentation(recipe, arguments.get("image_size", 224))
    model = build_model(recipe, data.train.num_classes, arguments)
    if organises_itself(model):
        trainer = organiser(model, data.total_steps)
    else:
        trainer = prepare_model(model, recipe)
    jit_compile = compile_model(
        trainer,
        recipe,
        total_steps=data.total_steps,
        pretrained=model,
        settable_rate=settable_rate,
        class_weights=data.class_weights,
    )
    preprocessing = _describe_to_itself(model, recipe, data)
    if recipe.masked_target is not None:
        # Not for whoever predicts with the model, or fine-tunes it.
        last = corruption_step(model, recipe.corruption_rate)
        last.grid(*image_shape(model)[:2])  # raises where nothing would be hidden
        preprocessing["steps"] = [*preprocessing["steps"], step_to_json(last)]
    return Network(model, trainer, preprocessing, state, arguments, jit_compile)


def make_record(recipe, data, network, before, found, position):
    """The third step of `prepare`: the content of run.json."""
    weights = {} if recipe.weights is None else {"weights": recipe.weights}
    class_weights = {}
    if data.class_weights is not None:
        names = data.train.class_names
        class_weights["class_weights"] = dict(zip(names, data.class_weights))
    kept = (
        "check",
        "estimate",
        "reasons",
        "laid_out",
        "tracking",
    )  # which a new run has found out
    return {
        "status": "prepared",
        "recipe": recipe.to_json(),
        "resolved": {
            "model": {**network.arguments, **weights},
            "image_size": network.model.metadata["image_size"],
            "parameters": network.model.count_params(),
            "batch_size": data.batch_size,
            "steps_per_epoch": data.steps_per_epoch,
            "steps_per_test": data.steps_per_test,
            "total_steps": data.total_steps,
            "warmup_steps": recipe.resolve_warmup(data.total_steps),
            "jit_compile": network.jit_compile,
            **class_weights,
        },
        "data": data.facts,
        "judged_by": _judge(data),
        "data_name": data.name,
        **{name: before[name] for name in kept if before and name in before},
        **found,
        "sessions": _sessions(before, position),
    }


def _judge(data):
    """Which images the `val_*` numbers of the run are of, in words."""
    if data.validation is None:
        return "test images: the run has no validation part"
    return "validation images: the test images are looked at once, at the end"


def _judged_by_model(recipe):
    """Whether the augmentation can be judged only when the model's size is known."""
    return recipe.image_size is None and "(" in recipe.augment


def check_augmentation(recipe, image_size):
    """Raises a `ValueError` unless the data package knows the augmentation."""
    steps = keras_vit.data.preprocessing(image_size)
    keras_vit.data.augmentation(recipe.augment, steps)


def _describe_to_itself(model, recipe, data):
    """Writes into a model what prediction and evaluation need to know of the run.

    Returns:
        The preprocessing, as JSON values.
    """
    height, width, channels = image_shape(model)
    preprocessing = keras_vit.data.preprocessing(
        (height, width), num_channels=channels
    ).to_json()
    if recipe.masked_target is None:
        names = data.facts["class_names"]
        model.metadata.update(task=recipe.task, class_names=names)
    model.metadata.update(
        image_size=[height, width],
        num_channels=channels,
        preprocessing=dict(preprocessing),
        recipe=recipe.to_json(),
        data=data.facts,
        data_name=data.name,
    )
    return preprocessing


def _sessions(before, position):
    """One entry for each process that worked on the run, the new one last."""
    earlier = before["sessions"] if before else []
    last = earlier[-1].get("environment") if earlier else None
    environment = describe_environment()
    if last:
        for line in compare_environments(last, environment):
            logger.warning(
                "The result may differ in its last bits from an uninterrupted run: %s",
                line,
            )
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {"started": started, "step": position.step, "environment": environment}
    return [*earlier, entry]
