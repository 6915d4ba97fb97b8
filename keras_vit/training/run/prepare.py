"""Everything before the first update: data, model, checks, and the run's record."""

import dataclasses
import datetime
import functools
import logging
from collections.abc import Callable

import keras

import keras_vit.data
from keras_vit.data.steps.spelling import step_to_json
from keras_vit.devices import current
from keras_vit.models.vision_model import image_shape
from keras_vit.pretraining import corruption_step
from keras_vit.training.datasets import (
    check_unchanged,
    data_facts,
    load_data,
    write_split,
)
from keras_vit.training.folder.state import Checkpoint, Position, last_checkpoint
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.optimizers.build import build_schedule
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.replicas import prepare_model
from keras_vit.training.run.batches import (
    check_batch,
    check_executions,
    test_batches,
    training_batches,
)
from keras_vit.training.run.build import (
    build_model,
    check_model,
    compile_model,
    with_own_weights,
)
from keras_vit.training.run.environment import (
    compare_environments,
    describe_environment,
)
from keras_vit.training.run.first_look import look_at_cost, look_at_data

logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Job:
    """A run that is ready for `fit`."""

    recipe: Recipe
    # The model that is saved, and the one to fit: the same, or one around its layers.
    model: keras.Model
    trainer: keras.Model
    # `training_batches(start_step=n)` yields the batches from update n on.
    training_batches: Callable
    # `test_batches()` gives every test image once, and the number of batches.
    test_batches: Callable
    # Updates from one test to the next, of the whole run, and tests in all.
    steps_per_epoch: int
    total_steps: int
    epochs: int
    # Where the run begins or goes on, and what it then restores.
    position: Position
    checkpoint: Checkpoint | None
    # The content of run.json.
    record: dict


def prepare(recipe, folder, before=None, check=True, notes=None, progress=None):
    """Loads the data, builds the model, and logs what will be done.

    Args:
        recipe: A `Recipe`.
        folder: A `RunFolder`.
        before: Content of run.json where a run goes on, else `None`.
        check: Boolean, whether to look at the data of a new run first.
        notes: Dictionary that run.json keeps, or `None`.
        progress: Boolean or `None`, whether to show a bar meanwhile; see `train`.

    Returns:
        A `Job`.
    """
    devices = current()
    check_batch(recipe)
    check_model(recipe)
    # Steps of their own sizes can be judged only when that of the model is known.
    if recipe.image_size is not None or "(" not in recipe.augment:
        check_augmentation(recipe, recipe.image_size or 224)
    # The first process downloads; the others then find it on the disk.
    loaded = devices.chief_first(lambda: load_data(recipe))
    train_data, test_data = loaded or load_data(recipe)
    facts = data_facts(train_data, test_data)
    if before is not None:
        check_unchanged(folder, before["data"], facts)
    batch_size = check_batch(recipe, train_data.num_examples)
    steps_per_epoch = train_data.steps_per_epoch(recipe.batch_size)
    total_steps = recipe.resolve_steps(steps_per_epoch)
    check_executions(recipe, steps_per_epoch, total_steps)
    build_schedule(recipe, total_steps)  # which refuses a warm-up beyond the end
    found = dict(notes or {})
    if before is None and check:
        found["check"] = devices.chief_first(
            lambda: look_at_data(recipe, train_data, test_data, progress)
        )
    checkpoint = last_checkpoint(folder.checkpoints)
    arguments = model_arguments(
        with_own_weights(recipe, folder) if checkpoint else recipe,
        native_size=train_data.image_size,
        num_channels=train_data.num_channels,
    )
    check_augmentation(recipe, arguments.get("image_size", 224))
    model = build_model(recipe, train_data.num_classes, arguments)
    trainer = prepare_model(model, recipe)
    jit_compile = compile_model(
        trainer, recipe, total_steps=total_steps, pretrained=model
    )
    if before is None:
        found["estimate"] = look_at_cost(
            recipe, model, trainer.optimizer, batch_size, total_steps
        )
    preprocessing = _describe_to_itself(model, recipe, facts)
    if recipe.masked_target is not None:
        # Not for whoever predicts with the model, or fine-tunes it.
        last = corruption_step(model, recipe.corruption_rate)
        last.grid(*image_shape(model)[:2])  # raises where nothing would be hidden
        preprocessing["steps"] = [*preprocessing["steps"], step_to_json(last)]
    position = checkpoint.position if checkpoint else Position()
    weights = {} if recipe.weights is None else {"weights": recipe.weights}
    record = {
        "status": "prepared",
        "recipe": recipe.to_json(),
        "resolved": {
            "model": {**arguments, **weights},
            "image_size": model.metadata["image_size"],
            "parameters": model.count_params(),
            "batch_size": batch_size,
            "steps_per_epoch": steps_per_epoch,
            "total_steps": total_steps,
            "warmup_steps": recipe.resolve_warmup(total_steps),
            "jit_compile": jit_compile,
        },
        "data": facts,
        **_kept(before),
        **found,
        "sessions": _sessions(before, position),
    }
    _announce(recipe, folder, record, position)
    # From here on the run can be resumed.
    folder.write_record(record)
    folder.write_history(position.history)
    write_split(folder, train_data, test_data)

    steps_per_epoch = min(recipe.evaluate_every or steps_per_epoch, total_steps)
    return Job(
        recipe=recipe,
        model=model,
        trainer=trainer,
        training_batches=functools.partial(
            training_batches, recipe, train_data, preprocessing
        ),
        test_batches=functools.partial(test_batches, recipe, test_data, preprocessing),
        steps_per_epoch=steps_per_epoch,
        total_steps=total_steps,
        epochs=-(-total_steps // steps_per_epoch),
        position=position,
        checkpoint=checkpoint,
        record=record,
    )


def _kept(before):
    """What a run that goes on has found out already."""
    names = ("check", "estimate", "reasons")
    return {name: before[name] for name in names if before and name in before}


def check_augmentation(recipe, image_size):
    """Raises a `ValueError` unless the data package knows the augmentation."""
    steps = keras_vit.data.preprocessing(image_size)
    keras_vit.data.augmentation(recipe.augment, steps)


def _describe_to_itself(model, recipe, facts):
    """Writes into a model what prediction and evaluation need to know of the run.

    Returns:
        The preprocessing, as JSON values.
    """
    height, width, channels = image_shape(model)
    preprocessing = keras_vit.data.preprocessing(
        (height, width), num_channels=channels
    ).to_json()
    if recipe.masked_target is None:
        model.metadata.update(class_names=facts["class_names"])
    model.metadata.update(
        image_size=[height, width],
        num_channels=channels,
        preprocessing=dict(preprocessing),
        recipe=recipe.to_json(),
        data=facts,
    )
    return preprocessing


def _sessions(before, position):
    """One entry for each process that worked on the run, the new one last."""
    earlier = before["sessions"] if before else []
    environment = describe_environment()
    if earlier:
        for line in compare_environments(earlier[-1]["environment"], environment):
            logger.warning(
                "The result may differ in its last bits from an uninterrupted run: %s",
                line,
            )
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {"started": started, "step": position.step, "environment": environment}
    return [*earlier, entry]


def _announce(recipe, folder, record, position):
    resolved, data = record["resolved"], record["data"]
    logger.info(
        "Data: %s, %d training and %d test images, %s.",
        recipe.data,
        data["train"]["num_examples"],
        data["test"]["num_examples"],
        f"{len(data['class_names'])} classes"
        if recipe.masked_target is None
        else "whose labels are not read",
    )
    logger.info(
        "Model: %s, %s parameters, images of %s pixels.",
        recipe.model,
        f"{resolved['parameters']:,}",
        "x".join(map(str, resolved["image_size"])),
    )
    logger.info(
        "Training: %d updates, %d of them an epoch, batches of %d, %s at %g.",
        resolved["total_steps"],
        resolved["steps_per_epoch"],
        resolved["batch_size"],
        {"adamw": "AdamW", "sgd": "SGD"}[recipe.optimizer],
        recipe.learning_rate,
    )
    devices = current()
    if devices.num_replicas > 1:
        logger.info(
            "Devices: %s; each computes %d images of a batch at a time. The learning "
            "rate stays as the recipe says.",
            devices,
            devices.per_replica_batch_size(
                resolved["batch_size"], recipe.accumulation_steps
            ),
        )
    if resolved["jit_compile"] is True:
        logger.info("XLA compiles the training step first, which takes a while.")
    if position.step:
        logger.info("Going on after %d updates.", position.step)
    logger.info("Run folder: %s", folder)
