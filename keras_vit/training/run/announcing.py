"""What a run says of itself before its first update."""

import logging

from keras_vit.devices import current
from keras_vit.training.optimizers.class_weights import listed

logger = logging.getLogger(__name__)

# The parts of the data in run.json, and what a line calls their images.
PARTS = {"train": "training", "validation": "validation", "test": "test"}


def announce(recipe, folder, record, position, own_rule):
    """Logs data, model, lengths and devices.

    Args:
        recipe: A `Recipe`.
        folder: The `RunFolder`.
        record: The content of run.json.
        position: The `Position` from which the run goes on.
        own_rule: Boolean, whether the model learns by a rule of its own.
    """
    resolved, data = record["resolved"], record["data"]
    counts = [
        f"{data[part]['num_examples']} {word}"
        for part, word in PARTS.items()
        if part in data
    ]
    logger.info(
        "Data: %s, %s and %s images, %s.",
        recipe.data,
        ", ".join(counts[:-1]),
        counts[-1],
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
    rules = {"adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSProp"}
    rule = f"{rules[recipe.optimizer]} at {recipe.learning_rate:g}"
    if own_rule:
        rule = "by the model's own rule"
    logger.info(
        "Training: %d updates, %d of them an epoch%s, batches of %d, %s.",
        resolved["total_steps"],
        resolved["steps_per_epoch"],
        f", a test every {resolved['steps_per_test']}" if recipe.evaluate_every else "",
        resolved["batch_size"],
        rule,
    )
    if "class_weights" in resolved:
        logger.info("Weights of the classes: %s.", listed(resolved["class_weights"]))
    if recipe.sampling == "balanced":
        logger.info(
            "Sampling: every class equally often, in %d draws an epoch.",
            resolved["steps_per_epoch"] * resolved["batch_size"],
        )
    devices = current()
    if devices.num_replicas > 1:
        logger.info(
            "Devices: %s; each computes %d images of a batch at a time. The learning "
            "rate of the recipe is not changed.",
            devices,
            devices.per_replica_batch_size(
                resolved["batch_size"], recipe.accumulation_steps
            ),
        )
    if resolved["jit_compile"] is True:
        logger.info("XLA compiles the training step first, which takes a while.")
    if position.step:
        logger.info("Resuming after %d updates.", position.step)
    logger.info("Run folder: %s", folder)
