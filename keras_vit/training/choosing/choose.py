"""Chooses a recipe for a data set, with reasons: rules in tables."""

import math

from keras_vit.common.checks import check_positive
from keras_vit.models.variants.identify import image_size_of
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.variants.listing import canonical_name
from keras_vit.models.variants.rows import BIT_VARIANTS, VIT_VARIANTS
from keras_vit.training.choosing.hyperrule import BiTHyperRule
from keras_vit.training.model_arguments import SMALL, family_of
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

# A ViT, as in the official notebook.
QUICK = {"total_steps": 100, "warmup_steps": 5, "learning_rate": 0.03}
QUICK |= {"evaluate_every": 50, "image_size": 224}

# From here on, training from scratch follows a paper.
LARGE = 500_000

# Ours, from scratch on less: so many images in all, within these passes.
SEEN, FEWEST_PASSES, MOST_PASSES = 250_000, 30, 200
SCRATCH = {
    "batch_size": 64,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "decay": "cosine",
    "label_smoothing": 0.1,
}

# Images up to this side are padded and cut, larger ones zoomed into.
SMALL_IMAGE = 96

# Why: fields of a recipe, and the sentence about them.
WHY_FINE_TUNED = (
    (
        "total_steps warmup_steps",
        "{num_examples:,} training images, {size}: {total_steps:,} updates with "
        "{warmup_steps} of warm-up, as {name} ({source}).",
    ),
    (
        "optimizer momentum momentum_dtype decay global_clipnorm weight_decay "
        "dropout_rate",
        "SGD with momentum 0.9 in bfloat16, cosine decay, gradients of norm 1 at most, "
        "no weight decay and no dropout: fine-tuning of all ViT and hybrids "
        "(Dosovitskiy et al. 2021, table 4; vit_jax/configs/common.py).",
    ),
    ("learning_rate", "Learning rate {learning_rate:g}, that of the run{tried}."),
    (
        "image_size",
        "Images of {image_size} pixels: higher than in pre-training, which gains "
        "accuracy (section 3.2){rounded}.",
    ),
    (
        "augment",
        "Random parts of the image, mirrored at random (the official input pipeline). "
        "Choose augment='inception_crop' where a mirrored image has another label.",
    ),
)
# Of the networks before ViT; the paper fine-tunes ResNets as it does ViT.
WHY_CONVOLUTIONAL = (
    WHY_FINE_TUNED[0],
    (
        WHY_FINE_TUNED[1][0],
        "SGD with momentum 0.9 in bfloat16, cosine decay, gradients of norm 1 at most, "
        "no weight decay: fine-tuning of all models, ResNets too (Dosovitskiy et al. "
        "2021, section 4.1 and table 4).",
    ),
    WHY_FINE_TUNED[2],
    ("image_size", "Images of {image_size} pixels, those of the published model."),
    WHY_FINE_TUNED[4],
)
WHY_QUICK = (
    (
        "total_steps warmup_steps image_size learning_rate",
        "Quick: 100 updates at {image_size} pixels, learning rate 0.03 after 5 of "
        "warm-up, as in the notebook vit_jax.ipynb, where ViT-B/32 reaches 97.7 % on "
        "CIFAR-10; the whole recipe reaches 98.9 %.",
    ),
    WHY_FINE_TUNED[1],
    WHY_FINE_TUNED[4],
)
WHY_BY_RULE = (
    (
        "total_steps augment",
        "{num_examples:,} training images are a {rule.size} data set: "
        "{rule.total_steps:,} updates, {mixup} (BiT-HyperRule; bit_hyperrule.py).",
    ),
    (
        "image_size augment",
        "Images of {size} are resized to {rule.resize} pixels, of which a random part "
        "of {rule.crop} is trained on (BiT-HyperRule; bit_hyperrule.py). Leave out "
        "flip from augment where a mirrored image has another label.",
    ),
    (
        "optimizer momentum learning_rate batch_size decay decay_at weight_decay",
        "SGD with momentum 0.9 at 0.003 for batches of 512, a tenth of it in steps, no "
        "weight decay (BiT-HyperRule; bit_hyperrule.py).",
    ),
)
WHY_LARGE = (
    "Without published weights, on {num_examples:,} images: {epochs} passes as {name} "
    "({source})."
)
WHY_SCRATCH = (
    (
        "epochs",
        "Without published weights, on {num_examples:,} images, our own recipe: "
        "{epochs} passes, for a quarter of a million images seen in all, but 30 at "
        "least and 200 at most. Published weights, if the model has any, need far less "
        "data (Dosovitskiy et al. 2021, section 4.3).",
    ),
    (
        "optimizer learning_rate decay warmup_steps weight_decay label_smoothing",
        "AdamW at 0.001 with cosine decay and a tenth of the updates for warm-up, as "
        "for plain ViT (Beyer et al. 2022); weight decay 0.05 and label smoothing 0.1 "
        "because small data sets are soon memorised (ours).",
    ),
    (
        "augment",
        "Images {cut}, mirrored at random. Choose augment='crop' where a mirrored "
        "image has another label.",
    ),
)
WHY_SMALLER_BATCHES = (
    "Batches of {batch} instead of {wanted}, because there are only {num_examples:,} "
    "images; {kept}."
)
WHY_WHOLE_BATCHES = (
    "Batches of {batch} instead of {wanted}, because the memory holds "
    "{images_at_once} images at once, and batch norms must see a batch as a whole; "
    "{kept}."
)
KEPT = {
    "none": "the learning rate stays, as its source does not scale it",
    "rate": "the learning rate shrinks with it",
    "rate_and_steps": "the learning rate shrinks and the updates grow with it, as in "
    "BiT's notebooks",
}
WHY_PARTS = (
    "A batch is computed in {parts} parts of {part}, because the memory holds "
    "{images_at_once} images at once; the result is the same but for dropout (the "
    "official fine-tuning accumulates gradients, too)."
)


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
    """The published recipe for a given amount of data, with a reason for every choice.

    With published weights, ViT and hybrids are fine-tuned as in the ViT paper's table
    4 and in AugReg, BiT by its HyperRule. From random weights, much data is trained
    on as in "Better plain ViT" or BiT, and little data by a recipe of our own.

    Args:
        num_examples: Integer, training images.
        num_classes: Integer.
        image_size: Integer or `(height, width)`, pixels of the images as they come;
            `None` where they have many sizes.
        model: `"small"`, `"small_bit"`, `"small_hybrid"`, or a name from
            `keras_vit.list_models()`.
        weights: What `Recipe.weights` takes, or `None` for random weights.
        images_at_once: Integer, the largest batch that the memory holds, such as
            `Estimate.images_that_fit()` says; `None` where it is not known. Larger
            batches are then computed in parts.
        quick: Boolean, whether a ViT is fine-tuned as in the official notebook: 100
            updates at 224 pixels, a fortieth of the work or less. Defaults to `False`.

    Returns:
        (fields, reasons): a dictionary of `Recipe` fields, without the data, and a
        list of sentences.

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
    fields, reasons = choose(
        num_examples, num_classes, image_size, model, weights, images_at_once, quick
    )
    return fields, [why for why, _ in reasons]


def choose(
    num_examples, num_classes, image_size, model, weights, at_once=None, quick=False
):
    """As `choose_recipe`; each reason is a pair of a sentence and names of fields."""
    check_positive(num_examples=num_examples, num_classes=num_classes)
    sides = image_size if isinstance(image_size, tuple | list) else (image_size,) * 2
    for name, values in ("image_size", sides), ("images_at_once", (at_once,)):
        for value in values:
            check_positive(**({} if value is None else {name: value}))
    if model not in SMALL:
        model = canonical_name(model)
    published = weights is not None and model not in SMALL
    is_bit, in_lineage = model in BIT_VARIANTS, _in_lineage(model)
    if quick and (is_bit or in_lineage or not published):
        raise ValueError(
            "`quick` is the official notebook's way of fine-tuning a ViT or hybrid "
            f"with published weights. Received: model={model!r}, weights={weights!r}"
        )
    if not published:
        make = _large_from_scratch if num_examples >= LARGE else _small_from_scratch
        fields, reasons = make(num_examples, sides, model)
    elif is_bit:
        fields, reasons = _by_rule(num_examples, sides, model)
    else:
        augreg = "augreg" in str(weights).lower()
        fields, reasons = _fine_tuning(num_examples, model, augreg, quick)
    fields = {"model": model, "weights": weights, **fields}
    reasons += fit_batch(fields, num_examples, at_once)
    if num_classes == 1:
        reasons.append(("With only one class there is nothing to learn.", ()))
    return fields, reasons


def _in_lineage(model):
    """Whether a model is no ViT, hybrid or BiT."""
    return family_of(model) in LINEAGE


def _has_batch_norms(model):
    """Whether a published model keeps statistics of its batches."""
    row = LINEAGE[family_of(model)].rows[model] if _in_lineage(model) else None
    return bool(getattr(row, "statistics", 0))


def _reasons(rules, **facts):
    return [(why.format(**facts), names.split()) for names, why in rules]


def _published(name):
    """A published run, and its fields that concern neither data nor model."""
    run, plain = find_run(name), Recipe()
    others = ("data", "model", "weights", "accumulation_steps")
    values = {k: v for k, v in run.values.items() if k not in others}
    return run, {k: v for k, v in values.items() if v != getattr(plain, k)}


def _fine_tuning(num_examples, model, augreg, quick):
    limit, *names = next(row for row in FINE_TUNING if num_examples < row[0])
    run, fields = _published(names[augreg])
    fields.setdefault("evaluate_every", fields["total_steps"] // 10)
    if quick:
        fields |= QUICK
    rules = WHY_FINE_TUNED
    if _in_lineage(model):
        rules = WHY_CONVOLUTIONAL
        fields.pop("dropout_rate", None)  # it keeps its own
        fields["image_size"] = image_size_of(model)
    row, size = VIT_VARIANTS.get(model), fields["image_size"]
    # A multiple of the patch: the official code cuts the rest.
    fields["image_size"] = size - size % row.patch_size if row else size
    rates = ", ".join(f"{rate:g}" for rate in run.sweep.get("learning_rate", ()))
    return fields, _reasons(
        WHY_QUICK if quick else rules,
        **fields,
        num_examples=num_examples,
        name=names[augreg],
        source=run.source,
        size="500,000 or more" if limit == math.inf else f"fewer than {limit:,}",
        tried=f"; the paper tried {rates} and kept the best" if rates else "",
        rounded="" if fields["image_size"] == size else ", and a multiple of the patch",
    )


def _by_rule(num_examples, sides, model):
    known = None not in sides
    rule = BiTHyperRule(num_examples, tuple(sides) if known else 224, model=model)
    plain = Recipe().to_json()
    fields = rule.to_recipe().to_json()
    return {k: v for k, v in fields.items() if v != plain[k]}, _reasons(
        WHY_BY_RULE,
        num_examples=num_examples,
        rule=rule,
        size="x".join(map(str, sides)) if known else "various sizes",
        mixup=f"mixup {rule.mixup:g}" if rule.mixup else "no mixup",
    )


def _large_from_scratch(num_examples, sides, model):
    convolutional = family_of(model) == "bit" or _in_lineage(model)
    name = "bit_s" if convolutional else "plain_vit_s16_90ep"
    run, fields = _published(name)
    if _in_lineage(model):
        fields["image_size"] = image_size_of(model)
    if model != "ViT_S16":
        fields.pop("representation_size", None)  # as wide as that model
    if model in SMALL:
        fields.pop("image_size")
    if model not in VIT_VARIANTS:
        fields.pop("position_embedding", None)
    facts = {"num_examples": num_examples, "name": name, "source": run.source}
    return fields, [(WHY_LARGE.format(**facts, **fields), tuple(fields))]


def _small_from_scratch(num_examples, sides, model):
    small = None not in sides and max(sides) <= SMALL_IMAGE
    small = small or model in SMALL  # makes its images small
    fields = {
        "epochs": min(MOST_PASSES, max(FEWEST_PASSES, SEEN // num_examples)),
        **SCRATCH,
        "augment": "crop_flip" if small else "inception",
    }
    cut = "shifted by up to an eighth" if small else "random parts"
    return fields, _reasons(WHY_SCRATCH, num_examples=num_examples, cut=cut, **fields)


def fit_batch(fields, num_examples, images_at_once=None):
    """Changes fields of a recipe so that there are images and memory for a batch.

    Args:
        fields: Dictionary of `Recipe` fields, which is changed.
        num_examples: Integer, training images.
        images_at_once: Integer, the largest batch that the memory holds, or `None`.

    Returns:
        What was changed and why: a list of reasons, as of `choose`.
    """
    reasons = []
    wanted, why = fields["batch_size"], WHY_SMALLER_BATCHES
    batch = min(wanted, 2 ** int(math.log2(num_examples)))
    if images_at_once and _has_batch_norms(fields["model"]) and batch > images_at_once:
        batch, why = 2 ** int(math.log2(images_at_once)), WHY_WHOLE_BATCHES
    if batch < wanted:
        recipe = Recipe(**fields)
        scaled = recipe.scaled_to(batch).to_json()
        names = ("total_steps", "warmup_steps", "evaluate_every", "learning_rate")
        fields |= {n: scaled[n] for n in (*names, "batch_size") if n in fields}
        kept = KEPT[recipe.batch_scaling]
        facts = {"batch": batch, "wanted": wanted, "num_examples": num_examples}
        why = why.format(kept=kept, images_at_once=images_at_once, **facts)
        reasons.append((why, ("batch_size",)))
    if images_at_once is not None and batch > images_at_once:
        parts = 2 ** math.ceil(math.log2(batch / images_at_once))
        parts = next(n for n in range(parts, batch + 1) if batch % n == 0)
        fields["accumulation_steps"] = parts
        facts = {"parts": parts, "part": batch // parts}
        why = WHY_PARTS.format(images_at_once=images_at_once, **facts)
        reasons.append((why, ("batch_size", "accumulation_steps")))
    return reasons
