"""What the whole paper would cost: its runs as rows, priced by counted operations."""

import dataclasses

from keras_vit import published
from keras_vit.common.tables import Table
from keras_vit.common.wording import as_duration
from keras_vit.costs.chips import UTILISATION
from keras_vit.training.recipes.recipe import recipe

PARTS_OF_JFT = (9_000_000, 30_000_000, 90_000_000, 303_000_000)  # figure 4


@dataclasses.dataclass(frozen=True)
class Part:
    """Runs of the paper that belong together."""

    name: str
    # Names of published runs, each with fields that differ.
    runs: tuple[tuple[str, dict], ...]
    # How often each is done.
    times: int = 1
    # Numbers of training images, for each of which all are done; the data set's own if
    # not given.
    sizes: tuple[int, ...] = (None,)
    # Ids of the published core-days, where a source has them.
    published: tuple[str, ...] = ()
    # Whether it is a part of the one before, and so not added once more.
    inside: bool = False
    private: bool = False


def _each(*names, **fields):
    return tuple((name, fields) for name in names)


def _finetuning(model, *tasks, image_size=384):
    """Fine-tuning runs of a model at one image size."""
    fields = {"model": model, "image_size": image_size}
    return tuple((f"vit_finetune_{task}", fields) for task in tasks)


TABLE_6 = (
    *("vit_b32_jft", "vit_b16_jft", "vit_l32_jft", "vit_l16_jft", "vit_l16_jft_14ep"),
    *("vit_h14_jft", "r50x1_jft", "r50x2_jft", "r101x1_jft", "r152x1_jft"),
    *("r152x2_jft", "r152x2_jft_14ep", "r200x3_jft", "r50_vit_b32_jft"),
    *("r50_vit_b16_jft", "r50_vit_l32_jft", "r50_vit_l16_jft", "r50_vit_l16_jft_14ep"),
)
FIGURE_4 = (
    *_each("vit_l16_jft", "vit_l32_jft", "vit_b32_jft", "r50x1_jft", "r152x2_jft"),
    ("vit_b32_jft", {"model": "ViT_HalfB32", "representation_size": 384}),
)
FIVE = ("imagenet", "cifar10", "cifar100", "pets", "flowers")

# As in table 4: four rates tried, three runs with the best; VTAB tasks once. H/14 has
# 27 patches a side at the paper's 384 pixels, which are those of 378.
PAPER = (
    Part("table 6: 18 models on JFT-300M", _each(*TABLE_6), private=True),
    Part(
        "  of it ViT_H14, 14 epochs",
        _each("vit_h14_jft"),
        published=("vit/table2/h14_jft/core_days",),
        inside=True,
        private=True,
    ),
    Part(
        "  of it ViT_L16, 14 epochs",
        _each("vit_l16_jft_14ep"),
        published=("vit/table2/l16_jft/core_days",),
        inside=True,
        private=True,
    ),
    Part(
        "table 2: BiT-L R152x4, 40 epochs",
        _each("bit_l"),
        published=("vit/table2/bit_l_r152x4/core_days",),
        private=True,
    ),
    Part(
        "table 7: R50x1 and R152x2 with SGD",
        _each("r50x1_jft", "r152x2_jft", optimizer="sgd"),
        private=True,
    ),
    Part(
        "figure 4: 6 models, 4 sizes, 7 epochs each",
        FIGURE_4,
        sizes=PARTS_OF_JFT,
        private=True,
    ),
    Part(
        "  or the updates of the largest at all sizes",
        FIGURE_4,
        times=len(PARTS_OF_JFT),
        inside=True,
        private=True,
    ),
    Part(
        "section 4.6: masked patches, 1M updates",
        _each("vit_b16_masked_jft"),
        private=True,
    ),
    Part(
        "table 5: B and L on ImageNet-21k, 90 epochs",
        _each("vit_b16_i21k", "vit_b32_i21k", "vit_l16_i21k", "vit_l32_i21k"),
    ),
    Part(
        "  of it ViT_L16",
        _each("vit_l16_i21k"),
        published=("vit/table2/l16_i21k/core_days",),
        inside=True,
    ),
    Part(
        "table 5: B and L on ImageNet, 300 epochs",
        _each("vit_b16_i1k", "vit_b32_i1k", "vit_l16_i1k", "vit_l32_i1k"),
    ),
    Part(
        "table 2: ViT_L16 at 384 px, 5 data sets, 4 + 3 runs",
        _finetuning("ViT_L16", *FIVE),
        times=4 + 3,
    ),
    Part(
        "table 2: ViT_H14 at 378 px, 5 data sets, 4 + 3 runs",
        _finetuning("ViT_H14", *FIVE, image_size=378),
        times=4 + 3,
    ),
    Part("VTAB: ViT_B16, 19 tasks", _finetuning("ViT_B16", "vtab"), times=19),
    Part("VTAB: ViT_L16, 19 tasks", _finetuning("ViT_L16", "vtab"), times=19),
    Part(
        "VTAB: ViT_H14, 19 tasks",
        _finetuning("ViT_H14", "vtab", image_size=378),
        times=19,
    ),
)


@dataclasses.dataclass(frozen=True)
class Line:
    """One part of the plan with its price: an estimate."""

    name: str
    # 1e18 counted operations, a multiply-add as two.
    exaflops: float
    # Days of one TPUv3 core at 40 % of its peak, and those that were published.
    core_days: float
    published_core_days: float | None
    # Whether its data set cannot be had, and whether it is a part of another line.
    private: bool
    inside: bool
    # Hours on the chosen hardware; `None` if none was chosen.
    hours: float | None = None


class Plan(Table):
    """A list of `Line` that prints as a table."""

    left = 1

    def __init__(self, lines, hardware=None, devices=1):
        super().__init__(lines)
        chip = hardware if isinstance(hardware, str) else f"{hardware} TFLOP/s"
        self.machine = None if hardware is None else f"{devices} x {chip}"
        on = () if self.machine is None else (self.machine,)
        self.header = (
            *("part of the paper", "exaFLOPs", "TPUv3-core-days", "published"),
            *(*on, "data"),
        )

    def cells(self, line):
        """The texts of one row."""
        days = line.published_core_days
        on = () if line.hours is None else (as_duration(3600 * line.hours),)
        return (
            *(line.name, f"{line.exaflops:,.0f}", f"{line.core_days:,.0f}"),
            *("" if days is None else f"{days:,.0f}", *on),
            "private" if line.private else "public",
        )

    def __str__(self):
        whole = [line for line in self if not line.inside]
        flops = sum(line.exaflops for line in whole)
        days = sum(line.core_days for line in whole)
        open_days = sum(line.core_days for line in whole if not line.private)
        ratios = [
            line.published_core_days / line.core_days
            for line in self
            if line.published_core_days
        ]
        on = ""
        if self.machine is not None:
            hours = sum(line.hours for line in whole)
            on = f", {as_duration(3600 * hours)} on {self.machine}"
        return "\n".join(
            (
                super().__str__(),
                f"all: {flops:,.0f} exaFLOPs, {days:,.0f} TPUv3-core-days{on}; on "
                f"public data {open_days:,.0f} core-days",
                f"Estimates at {100 * UTILISATION:g} % of the peak, evaluation apart. "
                f"Published core-days are {min(ratios):.1f} to {max(ratios):.1f} times "
                "these.",
                "JFT-300M is private: its lines are what own data of that size cost. "
                "Not priced, as their models or lengths are not stated: table 8, "
                "figures 8, 9 and 13.",
                "Whether a run fits into memory: keras-vit tpu-check.",
            )
        )


def plan(hardware=None, devices=1):
    """What all runs of the ViT paper would cost, by counted operations.

    Args:
        hardware: A name from `keras_vit.costs.chips.PEAK_TFLOPS` such as `"tpu-v5e"`,
            or the TFLOP/s that a device reaches; `None` for core-days of a TPUv3 only.
        devices: Integer, how many of them.

    Returns:
        A list of `Line`, which prints as a table.

    Raises:
        ValueError: if the hardware is not known.

    Example:

    >>> plan("tpu-v5e", 256)[0].core_days
    7397.8...
    """
    return Plan((_line(p, hardware, devices) for p in PAPER), hardware, devices)


def _line(part, hardware, devices):
    """A part with its price."""
    runs = [dataclasses.replace(recipe(name), **fields) for name, fields in part.runs]
    flops = days = hours = 0.0
    for run in runs:
        for size in part.sizes:
            cost = run.cost(size, hardware="tpu-v3-core")
            flops += part.times * cost.flops
            days += part.times * cost.device_hours / 24
            if hardware is not None:
                there = run.cost(size, hardware=hardware, devices=devices)
                hours += part.times * there.hours
    found = [published.row(id).value for id in part.published]
    return Line(
        name=part.name,
        exaflops=flops / 1e18,
        core_days=days,
        published_core_days=sum(found) if found else None,
        private=part.private,
        inside=part.inside,
        hours=None if hardware is None else hours,
    )
