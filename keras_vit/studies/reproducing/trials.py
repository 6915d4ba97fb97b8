"""What it takes to reproduce a published value: files, a recipe, or private data."""

import dataclasses
import functools
import math
import re

from keras_vit import published
from keras_vit.checkpoints.registry import list_weights
from keras_vit.data.sets.known import KNOWN
from keras_vit.data.sets.vtab import VTAB, VTAB_PREFIX
from keras_vit.published.rows import plain
from keras_vit.training.choosing.hyperrule import BiTHyperRule
from keras_vit.training.recipes.look_up import find_run
from keras_vit.training.recipes.recipe import Recipe, recipe

CLASSES = {
    "A": "evaluate a published file",
    "B": "fine-tune a published file",
    "C": "pre-train on public data",
    "D": "private data: cannot be run",
}
# A task to the recipe of its fine-tuning.
FINE_TUNING = {
    "imagenet2012": "imagenet",
    "imagenet2012_real": "imagenet",
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "oxford_iiit_pet": "pets",
    "oxford_flowers102": "flowers",
}
# What a task is tested on, where published weights are.
TESTS = {
    "imagenet2012": "imagenet2012:validation",
    "imagenet2012_real": "imagenet2012:validation",
    "imagenet_v2": "imagenet_v2/matched-frequency:test",
}
# Ends of timm's names of models, to our names of the files that it converted.
TIMM = {
    "orig_in21k_ft_in1k": ("imagenet21k+imagenet2012", "imagenet21k+imagenet2012-224"),
    "augreg_in21k_ft_in1k": ("augreg+imagenet2012-224",),
    "goog_in21k_ft_in1k": ("bit-m-imagenet2012",),
    "goog_distilled_in1k": ("bit-distilled",),
    "goog_teacher_in21k_ft_in1k": ("bit-distilled",),
    "sam_in1k": ("sam",),
    "ns_jft_in1k": ("noisy-student",),
    "ns_jft_in1k_475": ("noisy-student-475",),
}
# Settings of plain ViT-S/16 to the fields that differ from its recipe.
PLAIN = {
    "full": {},
    "posemb_learned": {"position_embedding": "learned"},
    "class_token": {"pooling": "token"},
    "head_linear": {"representation_size": None},
    "no_randaugment_mixup": {"augment": "inception_crop|flip"},
}
# Training steps of big_vision's configs/transfer.py, and its test.
BIG_VISION = {
    "inception_crop": "inception_crop|flip",
    "resmall_crop": "resize_small(448)|random_crop(384)|flip",
}
BIG_VISION_TEST = "resize_small(448)|central_crop(384)"
FEW = re.compile(r"(\w+),per_class=(\d+)$")
NUM_CLASSES = {
    **{"cifar10": 10, "cifar100": 100, "imagenet2012": 1000},
    **{"oxford_iiit_pet": 37, "oxford_flowers102": 102},
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """How a published value can be reproduced."""

    row: published.Row
    # A key of `CLASSES`; "" of a value that is no run's accuracy.
    kind: str
    # What is done, or why nothing can be.
    reason: str
    # The run as it was published; of class C what learns first, where two runs follow
    # each other.
    recipe: Recipe | None = None
    pretraining: Recipe | None = None
    # The name of the published file.
    weights: str | None = None
    # The test: the data of class A, and steps where the model's own are not meant.
    data: str | None = None
    steps: str | None = None
    # Learning rates of which the authors took the best on held-out images.
    rates: tuple[float, ...] = ()
    # Of private data: the nearest value that can be had.
    nearest: published.Row | None = None

    @property
    def can_run(self):
        """Whether anything can be run."""
        return self.kind in ("A", "B", "C")

    @property
    def counts(self):
        """Images to learn from, images of the test, as published; `None`: not known."""
        task = self.row.task
        if is_vtab(task):
            return 1000, VTAB[task.removeprefix(VTAB_PREFIX)].num_test
        few = FEW.match(task)
        facts = KNOWN.get(few[1] if few else task.removesuffix("_real"))
        splits = facts.splits if facts else {}
        train = splits.get("train")
        if few:
            train = int(few[2]) * NUM_CLASSES[few[1]]
        return train, splits.get("test", splits.get("validation"))


def is_vtab(task):
    """Whether a task is one of the 19 of VTAB."""
    return task.startswith(VTAB_PREFIX) and task.removeprefix(VTAB_PREFIX) in VTAB


def find_trial(row):
    """How a published value can be reproduced.

    Args:
        row: A `Row`, or its id.

    Returns:
        A `Trial`.
    """
    row = published.row(row) if isinstance(row, str) else row
    if row.metric != "top1" or row.kind != "printed":
        what = {"figure": "read from a figure", "derived": "derived from others"}
        what = what.get(row.kind, f"a value of {row.metric}")
        return Trial(row, "", f"It is {what}, not the printed accuracy of a run.")
    if "jft" in row.pretrain:
        return Trial(
            row,
            "D",
            "Its data set JFT-300M is private: it cannot be run.",
            nearest=_nearest(row),
        )
    for find in (_file, _big_vision, _augreg, _bit, _vit, _plain):
        if found := find(row):
            return found
    return Trial(row, "", "Its run is not known in enough detail, or takes several.")


def _file(row):
    """A published file that is only evaluated."""
    name, steps = None, None
    if row.source == "timm":
        _, _, end = row.id.split("/")[1].partition(".")
        files = [w for w in list_weights(row.model) if w.name in TIMM.get(end, ())]
        if row.model == "BiT_R152x4":  # whose images are larger than its row says
            files = [dataclasses.replace(w, image_size=480) for w in files]
        # An AugReg file whose accuracy is not known may be another one than timm's.
        names = [
            w.name
            for w in files
            if w.image_size == row.image_size
            and not (w.name.startswith("augreg") and w.accuracy is None)
        ]
        name, steps = next(iter(names), None), _steps_of_timm(row)
    elif row.source in ("augreg_index", "augreg") and row.task == "imagenet2012":
        index = "imagenet2012-steps" in row.setting
        table = "validation accuracy" in row.setting and row.image_size == 384
        if (
            row.pretrain_epochs == 300
            and row.pretrain == "imagenet21k"
            and index + table
        ):
            name = "augreg+imagenet2012"
            name = name if list_weights(row.model, name=name) else None
    elif row.source in ("plain_vit", "big_vision") and row.task in TESTS:
        if row.setting in ("full", "from scratch") and row.model == "ViT_S16":
            name = f"plain-{row.pretrain_epochs}ep"
    if name is None or row.task not in TESTS:
        return None
    weights = f"{row.model}/{name}"
    return Trial(
        row,
        "A",
        f"The published file {weights} is tested on {TESTS[row.task]}.",
        weights=weights,
        data=TESTS[row.task],
        steps=steps,
    )


def _steps_of_timm(row):
    """How timm prepared the test images."""
    values = dict(re.findall(r"(crop_pct) ([0-9.]+)", row.setting))
    side = math.floor(row.image_size / float(values["crop_pct"]))
    method = "bicubic" if row.setting.endswith("bicubic") else "bilinear"
    resized = f"resize_small({side},method='{method}',pillow=True)"
    return f"{resized}|central_crop({row.image_size},halves='even')"


def _tuned(row, name, reason=None, steps=None, **fields):
    """A fine-tuning run with changes, or `None` where there are no weights for it."""
    run = dataclasses.replace(recipe(name), **fields)
    if not list_weights(run.model, name=run.weights):
        return None
    weights = f"{run.model}/{run.weights}"
    reason = reason or f"The published file {weights} is fine-tuned as {name}."
    rates = () if "learning_rate" in fields else _rates(name)
    return Trial(row, "B", reason, run, weights=run.weights, steps=steps, rates=rates)


def _rates(name):
    return find_run(name).sweep.get("learning_rate", ())


def _parts(row):
    """Numbers of a setting: `{"lr": 0.03, "steps": 500, "dropout": 0.1}`."""
    found = re.findall(r"(lr|steps|warmup|dropout) ([0-9.]+)", row.setting)
    return {name: float(number) for name, number in found}


def _big_vision(row):
    if row.source != "big_vision" or row.task not in FINE_TUNING:
        return None
    if not row.setting.startswith("finetune"):
        return None
    crop = row.setting.split(";")[1]
    return _tuned(
        row,
        f"vit_finetune_{FINE_TUNING[row.task]}",
        steps=BIG_VISION_TEST,
        model=row.model,
        weights="augreg",
        learning_rate=_parts(row)["lr"],
        augment=BIG_VISION[crop],
    )


def _augreg(row):
    if row.source != "augreg_index" or row.task != "oxford_iiit_pet":
        return None
    parts = _parts(row)
    long = "_long" if parts["steps"] == 2500 else ""
    return _tuned(
        row,
        f"augreg_finetune_pets{long}",
        model=row.model,
        image_size=row.image_size,
        learning_rate=parts["lr"],
    )


def _bit(row):
    few = FEW.match(row.task)
    task = few[1] if few else row.task
    if row.source not in ("bit", "bit_readme") or task not in FINE_TUNING:
        return None
    name = {"imagenet21k": "bit-m", "imagenet2012": "bit-s"}.get(row.pretrain)
    if not list_weights(row.model, name=name) or task == "imagenet2012_real":
        return None
    trial = Trial(row, "B", "")
    rule = BiTHyperRule(
        trial.counts[0], 32 if task.startswith("cifar") else 224, model=row.model
    )
    fields = {"model": row.model, "weights": name, "data": task}
    if few:  # whose images the seed of the run chooses
        fields["data"] = f"{task}:train,per_class={few[2]},seed=0"
    if "batch 128" in row.setting:
        fields |= {"batch_size": 128, "learning_rate": _parts(row)["lr"]}
    reason = f"The published file {row.model}/{name} is fine-tuned by BiT-HyperRule."
    return dataclasses.replace(
        trial, reason=reason, recipe=rule.to_recipe(**fields), weights=name
    )


def _vit(row):
    """Fine-tuning of the ViT paper and of its README."""
    if not row.source.startswith("vit") or not row.setting.startswith("finetune"):
        return None
    name = FINE_TUNING.get(row.task, "vtab" if is_vtab(row.task) else None)
    if name is None:
        return None
    name = f"vit_finetune_{name}"
    size = row.image_size
    fields = {"model": row.model, "image_size": size}
    if row.setting.startswith("finetune_polyak"):
        fields["ema_momentum"] = 0.9999
    if row.model == "ViT_H14":  # 27 patches a side, as of the paper's 384 pixels
        fields["image_size"] = size - size % 14
    if is_vtab(row.task):
        fields["data"] = row.task
    names = {
        "dropout": "dropout_rate",
        "steps": "total_steps",
        "warmup": "warmup_steps",
    }
    for part, value in _parts(row).items():
        if part in names and not is_vtab(row.task):
            fields[names[part]] = value if part == "dropout" else int(value)
    if "total_steps" in fields:
        fields["evaluate_every"] = 500
    if row.pretrain == "imagenet21k":
        return _tuned(row, name, **fields)
    first = f"{row.model.lower()}_i1k"
    if row.pretrain != "imagenet2012" or row.source != "vit":
        return None
    return Trial(
        row,
        "C",
        f"{first} is trained from the beginning, then fine-tuned as {name}.",
        dataclasses.replace(recipe(name), weights=None, **fields),
        recipe(first),
        rates=_rates(name),
    )


def _plain(row):
    if row.source != "plain_vit" or row.setting not in PLAIN or row.task not in TESTS:
        return None
    name = f"plain_vit_s16_{row.pretrain_epochs}ep"
    return Trial(
        row,
        "C",
        f"{name} is trained from the beginning, with {row.setting}.",
        dataclasses.replace(recipe(name), **PLAIN[row.setting]),
        steps="resize_small(256)|central_crop(224)",
    )


@functools.cache
def all_trials():
    """A `Trial` for every published value that is a run's accuracy."""
    rows = published.find(metric="top1", kind="printed")
    return tuple(find_trial(row) for row in rows if "jft" not in row.pretrain)


def _nearest(row):
    """The public value nearest to one of private data, or `None`."""
    same = [t.row for t in all_trials() if t.can_run and t.row.task == row.task]
    family = row.model.partition("_")[0]

    def distance(other):
        return (
            other.model != row.model,
            other.model.partition("_")[0] != family,
            other.pretrain != "imagenet21k",
            other.source != row.source,
            other.image_size != row.image_size,
        )

    return min(same, key=distance, default=None)


def choose_row(model, task, quick=False):
    """The value of a model and task that can be reproduced, the paper's own first.

    Args:
        model: String, a model in any spelling.
        task: String, a task.
        quick: Boolean, whether to take the shortest published run.

    Raises:
        ValueError: if there is none.
    """
    rows = published.find(model=model, task=task, metric="top1", kind="printed")
    if not rows:
        raise ValueError(f"No accuracy of {model} on {task} was published.")

    def order(trial):
        steps = trial.recipe.total_steps if trial.recipe else None
        short = (steps or math.inf) if quick else 0
        return (not trial.can_run, short, trial.row.source != "vit", trial.kind)

    return min(map(find_trial, rows), key=order).row


def same_name(one, other):
    """Whether two names of weights are the same but for the model before them."""
    one, other = (str(name or "").rpartition("/")[2] for name in (one, other))
    return plain(one) == plain(other)
