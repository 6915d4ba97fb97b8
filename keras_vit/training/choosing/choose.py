"""Which recipe a newcomer's data calls for, and why."""

import math

from keras_vit.models.variants.listing import canonical_name
from keras_vit.models.variants.rows import BIT_VARIANTS, VIT_VARIANTS
from keras_vit.training.choosing.hyperrule import Reason, advise_by_rule
from keras_vit.training.recipes.look_up import find_run
from keras_vit.training.recipes.recipe import Recipe

# Below so many training images, the published run of that name: (ViT's, AugReg's). The
# data sets of the papers have 1,020 (Flowers), 3,680 (Pets), about 6,000 (Kitti),
# 18,900 (Resisc45), 50,000 (CIFAR) and 1,281,167 (ImageNet) images; the last two
# limits are also those of BiT-HyperRule.
FINE_TUNING = (
    (5_000, "vit_finetune_pets", "augreg_finetune_pets"),
    (20_000, "augreg_finetune_pets_long", "augreg_finetune_pets_long"),
    (500_000, "vit_finetune_cifar10", "augreg_finetune_cifar100"),
    (math.inf, "vit_finetune_imagenet", "augreg_finetune_imagenet"),
)

# From here on, training from scratch follows a paper.
LARGE = 500_000

# Ours, from scratch on less: so many images in all, within these passes.
SEEN, FEWEST_PASSES, MOST_PASSES = 250_000, 30, 200
SCRATCH_BATCH = 64

# Images up to this side are padded and cut, larger ones zoomed into.
SMALL_IMAGE = 96


def choose_recipe(
    num_examples,
    num_classes,
    image_size,
    model="small",
    weights=None,
    *,
    images_at_once=None,
    quick=False,
):
    """The published recipe for that much data, with a reason for every choice.

    With published weights, ViT and hybrids are fine-tuned as in the ViT paper's table
    4 and in AugReg, BiT by its HyperRule. From random weights, much data is trained
    on as in "Better plain ViT" or BiT, and little data by a recipe of our own.

    Args:
        num_examples: Integer, training images.
        num_classes: Integer.
        image_size: Integer or `(height, width)`, pixels of the images as they come;
            `None` where they have many sizes.
        model: `"small"`, or a name from `keras_vit.list_models()`.
        weights: What `Recipe.weights` takes, or `None` for random weights.
        images_at_once: Integer, the largest batch that the memory holds, such as
            `Estimate.images_that_fit()` says; `None` where it is not known. Larger
            batches are then computed in parts.
        quick: Boolean, whether a ViT is fine-tuned as in the official notebook: 100
            updates at 224 pixels, a fortieth of the work or less. Defaults to `False`.

    Returns:
        (fields, reasons): a dictionary of `Recipe` fields, without the data, and a
        list of sentences, `Reason`.

    Raises:
        ValueError: if a number is not positive, the model is unknown, or `quick` is
            asked of another model than a ViT with weights.

    Example:

    >>> fields, reasons = choose_recipe(3_680, 37, None, "ViT_B16", "augreg")
    >>> fields["total_steps"], fields["learning_rate"], fields["image_size"]
    (500, 0.003, 384)
    >>> Recipe(data="./photos", **fields)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), table 4;
    [Steiner et al., 2022](https://arxiv.org/abs/2106.10270), section 3;
    [Kolesnikov et al., 2020](https://arxiv.org/abs/1912.11370), section 3.3.
    """
    _check(num_examples, num_classes, image_size, images_at_once)
    sides = image_size if isinstance(image_size, tuple | list) else (image_size,) * 2
    if model != "small":
        model = canonical_name(model)
    family = "bit" if model in BIT_VARIANTS else "vit"
    if quick and (weights is None or family == "bit" or model == "small"):
        raise ValueError(
            "`quick` is the official notebook's way of fine-tuning a ViT or hybrid "
            f"with published weights. Received: model={model!r}, weights={weights!r}"
        )
    if weights is None or model == "small":  # which has no published weights
        make = _large_from_scratch if num_examples >= LARGE else _small_from_scratch
        fields, reasons = make(num_examples, sides, model, family)
    elif family == "bit":
        fields, reasons = advise_by_rule(num_examples, sides, model)
    else:
        fields, reasons = _fine_tuning(num_examples, model, weights, quick)
    fields = {"model": model, "weights": weights, **fields}
    reasons += fit_batch(fields, num_examples, images_at_once)
    if num_classes == 1:
        reasons.append(Reason("With one class only there is nothing to learn."))
    return fields, reasons


def _check(num_examples, num_classes, image_size, images_at_once):
    sides = image_size if isinstance(image_size, tuple | list) else (image_size,)
    values = {"num_examples": num_examples, "num_classes": num_classes}
    values |= {f"image_size[{i}]": side for i, side in enumerate(sides)}
    values["images_at_once"] = images_at_once
    for name, value in values.items():
        optional = name not in ("num_examples", "num_classes")
        if not (value is None and optional) and (value is None or value < 1):
            raise ValueError(
                f"`{name.partition('[')[0]}` must be positive. Received: {name}={value}"
            )


def _published(name):
    """The fields of a published run that concern neither data nor model."""
    run = find_run(name)
    others = ("data", "model", "weights", "accumulation_steps")
    return {k: v for k, v in run.values.items() if k not in others}, run


def _fine_tuning(num_examples, model, weights, quick):
    augreg = "augreg" in str(weights).lower()
    limit, *names = next(row for row in FINE_TUNING if num_examples < row[0])
    name = names[augreg]
    fields, run = _published(name)
    fields["image_size"] = _multiple_of_patch(model, fields["image_size"])
    fields.setdefault("evaluate_every", fields["total_steps"] // 10)
    size = "500,000 or more" if limit == math.inf else f"fewer than {limit:,}"
    rates = ", ".join(f"{rate:g}" for rate in run.sweep.get("learning_rate", ()))
    reasons = [
        Reason(
            f"{num_examples:,} training images, {size}: {fields['total_steps']:,} "
            f"updates with {fields['warmup_steps']} of warm-up, as {name} "
            f"({run.source}).",
            *("total_steps", "warmup_steps"),
        ),
        Reason(
            "SGD with momentum 0.9 in bfloat16, cosine decay, gradients of norm 1 at "
            "most, no weight decay and no dropout: fine-tuning of all ViT and hybrids "
            "(Dosovitskiy et al. 2021, table 4; vit_jax/configs/common.py).",
            *("optimizer", "momentum", "momentum_dtype", "decay", "global_clipnorm"),
            *("weight_decay", "dropout_rate"),
        ),
        Reason(
            f"Learning rate {fields['learning_rate']:g}, that of the run"
            + (f"; the paper tried {rates} and kept the best." if rates else "."),
            "learning_rate",
        ),
        Reason(
            f"Images of {fields['image_size']} pixels: higher than in pre-training, "
            "which gains accuracy (section 3.2)"
            + (
                "." if fields["image_size"] == 384 else ", and a multiple of the patch."
            ),
            "image_size",
        ),
        Reason(
            "Random parts of the image, mirrored at random (the official input "
            "pipeline). Choose augment='inception_crop' where a mirrored image has "
            "another label.",
            "augment",
        ),
    ]
    if quick:
        size = _multiple_of_patch(model, 224)
        fields.update(total_steps=100, warmup_steps=5, learning_rate=0.03)
        fields.update(image_size=size, evaluate_every=50)
        reasons = [
            Reason(
                f"Quick: 100 updates at {size} pixels, learning rate 0.03 after 5 of "
                "warm-up, as in the notebook vit_jax.ipynb, where ViT-B/32 reaches "
                "97.7 % on CIFAR-10; the whole recipe reaches 98.9 %.",
                *("total_steps", "warmup_steps", "image_size", "learning_rate"),
            ),
            reasons[1],
            reasons[4],
        ]
    return fields, reasons


def _large_from_scratch(num_examples, sides, model, family):
    name = "bit_s" if family == "bit" else "plain_vit_s16_90ep"
    fields, run = _published(name)
    if model != "ViT_S16":
        fields.pop("representation_size", None)  # as wide as that model
    if model == "small":
        fields.pop("image_size")
    if family == "bit" or model not in VIT_VARIANTS:
        fields.pop("position_embedding", None)
    return fields, [
        Reason(
            f"Without published weights, on {num_examples:,} images: "
            f"{fields['epochs']} passes as {name} ({run.source}).",
            *fields,
        )
    ]


def _small_from_scratch(num_examples, sides, model, family):
    epochs = min(MOST_PASSES, max(FEWEST_PASSES, SEEN // num_examples))
    small = None not in sides and max(sides) <= SMALL_IMAGE
    small = small or model == "small"  # makes its images small
    fields = {
        "epochs": epochs,
        "batch_size": SCRATCH_BATCH,
        "optimizer": "adamw",
        "learning_rate": 1e-3,
        "weight_decay": 0.05,
        "decay": "cosine",
        "label_smoothing": 0.1,
        "augment": "crop_flip" if small else "inception",
    }
    cut = "shifted by up to an eighth" if small else "random parts"
    return fields, [
        Reason(
            f"Without published weights, on {num_examples:,} images, our own recipe: "
            f"{epochs} passes, for a quarter of a million images seen in all, but "
            f"{FEWEST_PASSES} at least and {MOST_PASSES} at most. Published weights, "
            "if the model has any, need far less data (Dosovitskiy et al. 2021, "
            "section 4.3).",
            "epochs",
        ),
        Reason(
            "AdamW at 0.001 with cosine decay and a tenth of the updates for warm-up, "
            "as for plain ViT (Beyer et al. 2022); weight decay 0.05 and label "
            "smoothing 0.1 because little data is soon learned by heart (ours).",
            *("optimizer", "learning_rate", "decay", "warmup_steps", "weight_decay"),
            "label_smoothing",
        ),
        Reason(
            f"Images {cut}, mirrored at random. Choose augment='crop' where a mirrored "
            "image has another label.",
            "augment",
        ),
    ]


def _multiple_of_patch(model, image_size):
    """The largest multiple of the patch up to a size: official code cuts the rest."""
    row = VIT_VARIANTS.get(model)
    return image_size - image_size % row.patch_size if row else image_size


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
