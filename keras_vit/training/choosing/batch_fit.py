"""How a recipe's batch is made to fit little data and little memory."""

import math

from keras_vit.training.choosing.reasons import Reason
from keras_vit.training.recipes.recipe import Recipe


def fit_batch(fields, num_examples, images_at_once=None):
    """Changes fields of a recipe so that there are images and memory for a batch.

    Args:
        fields: Dictionary of `Recipe` fields, which is changed.
        num_examples: Integer, training images.
        images_at_once: Integer, the largest batch that the memory holds, or `None`.

    Returns:
        What was changed and why: a list of sentences.
    """
    reasons = []
    wanted = fields["batch_size"]
    batch = min(wanted, 2 ** int(math.log2(num_examples)))
    if batch < wanted:
        scaled = Recipe(**fields).scaled_to(batch).to_json()
        names = ("total_steps", "warmup_steps", "evaluate_every", "learning_rate")
        changed = {n: scaled[n] for n in names if n in fields}
        rule = fields.get("batch_scaling", "none")
        kept = {
            "none": "the learning rate stays, as its source does not scale it",
            "rate": "the learning rate shrinks with it",
            "rate_and_steps": "the learning rate shrinks and the updates grow with it, "
            "as in BiT's notebooks",
        }
        fields.update(changed, batch_size=batch)
        reasons.append(
            Reason(
                f"Batches of {batch} instead of {wanted}, because there are only "
                f"{num_examples:,} images; {kept[rule]}.",
                "batch_size",
            )
        )
    if images_at_once is not None and batch > images_at_once:
        parts = 2 ** math.ceil(math.log2(batch / images_at_once))
        parts = next(n for n in range(parts, batch + 1) if batch % n == 0)
        fields["accumulation_steps"] = parts
        reasons.append(
            Reason(
                f"A batch is computed in {parts} parts of {batch // parts}, because "
                f"the memory holds {images_at_once} images at once; the result is the "
                "same but for dropout (the official fine-tuning accumulates gradients, "
                "too).",
                *("batch_size", "accumulation_steps"),
            )
        )
    return reasons
