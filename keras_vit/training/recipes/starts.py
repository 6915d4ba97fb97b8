"""Recipes that a run begins with where none is named, by what it learns."""

from keras_vit.training.recipes.recipe import Recipe

# What `keras-vit pretrain` begins with.
PRETRAINING = Recipe(
    masked_target="mean_colour",
    epochs=50,
    augment="auto",
    weight_decay=0.05,
    dropout_rate=0.0,
    drop_path_rate=0.0,
)
# Segmentation from random weights, ours.
SEGMENTATION = Recipe(task="segmentation", epochs=50, batch_size=8, weight_decay=0.05)

# Detection from random weights, ours.
DETECTION = Recipe(
    task="detection", epochs=50, batch_size=16, weight_decay=0.05, learning_rate=2e-3
)
# Detection from weights of a backbone.
_DETECTOR = Recipe(
    task="detection",
    epochs=50,
    batch_size=16,
    learning_rate=1e-4,
    weight_decay=0.1,
)
_WHY_DETECTOR = (
    "AdamW at 0.0001 with weight decay 0.1, as ViTDet trains plain ViTs with a head "
    "for boxes (Li et al. 2022, and its configurations in detectron2); batches of 16, "
    "50 passes and the cosine are ours, for sets that are smaller than COCO."
)

# Segmentation from weights of a backbone. Both papers let the rate fall by a polynomial
# of power 0.9, which is almost a line.
_FINE_TUNED = {"task": "segmentation", "optimizer": "sgd", "decay": "linear"}
_FINE_TUNED |= {"warmup_steps": 0, "global_clipnorm": None}
_SEGMENTER = Recipe(
    **_FINE_TUNED,
    epochs=64,
    batch_size=8,
    learning_rate=1e-3,
    decay_end=1e-5,
    weight_decay=0.0,
)
_TRANSUNET = Recipe(
    **_FINE_TUNED,
    epochs=150,
    batch_size=24,
    learning_rate=1e-2,
    decay_end=0.0,
    weight_decay=1e-4,
)
_WHY_SEGMENTER = (
    "SGD at 0.001 for batches of 8 without weight decay, falling to 0.00001 in 64 "
    "passes: fine-tuning of Segmenter (Strudel et al. 2021, section 4.1)."
)
_WHY_TRANSUNET = (
    "SGD at 0.01 for batches of 24 with weight decay 0.0001, falling to 0 in 150 "
    "passes: fine-tuning of TransUNet (Chen et al. 2021, section 4.2)."
)


def fine_tuned_segmentation(head):
    """The recipe of segmentation from weights of a backbone, and why.

    Args:
        head: The `head` of the recipe.

    Returns:
        `(recipe, reasons)`; a reason is a sentence and the names of its fields.
    """
    upsampler = head == "upsampler"
    recipe = _TRANSUNET if upsampler else _SEGMENTER
    names = "optimizer learning_rate batch_size decay decay_end weight_decay "
    names += "warmup_steps epochs"
    why = _WHY_TRANSUNET if upsampler else _WHY_SEGMENTER
    return recipe, [(why, names.split())]


def fine_tuned_detection():
    """The recipe of detection from weights of a backbone, and why.

    Returns:
        As `fine_tuned_segmentation`.
    """
    names = "optimizer learning_rate weight_decay batch_size epochs decay"
    return _DETECTOR, [(_WHY_DETECTOR, names.split())]
