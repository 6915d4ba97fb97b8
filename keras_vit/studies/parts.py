"""The parts of a study: its axis, its comparisons, its cells and their names."""

import dataclasses
import re

from keras_vit.training.recipes.recipe import Recipe

TWICE = " x2 updates"  # behind the level of a cell that checks the length

# Fields of a cell that are no fields of a recipe: the part of the training images that
# a level takes, as it stands behind a split; the cell's seed chooses the images.
PART = "part"
# The name of the pretraining with whose weights a cell begins.
AFTER = "after"
# The level of a cell that is a pretraining, and the first part of its folder.
PRETRAINING = "pretraining"

# Another one: what the cell measures, if not what its study says. The accuracy of its
# run; or, without a run, that of a classifier of the features of its first weights: of
# all training images (linear probe), or of N of each class (few-shot, `fewshot_N`).
OUTCOME = "outcome"
ACCURACY, LINEAR_PROBE = "test_accuracy", "linear_probe"
_FEWSHOT = re.compile(r"fewshot_([1-9]\d*)")

# The length of a run, which only one of them gives.
LENGTHS = ("epochs", "total_steps")


@dataclasses.dataclass(frozen=True)
class Axis:
    """What is varied in every arm.

    Attributes:
        name: String: `"fraction"`.
        unit: String: `"% of the training images"`.
        levels: Dictionary of labels to `(number, fields)`, from small to large. The
            fields are those of a `Recipe`, and `part`: a part of the training images
            such as `"fraction=10%"` or `"per_class=5"`, whose images the seed chooses.
            Levels of several data sets have `data`, and the set's name before the last
            comma of their labels: `"CIFAR-10, 1 %"`.
    """

    name: str
    unit: str
    levels: dict[str, tuple[float, dict]]

    @property
    def groups(self):
        """Names of data sets to their labels; without several sets `{"": labels}`."""
        found = {}
        for label in self.levels:
            found.setdefault(label.rpartition(", ")[0], []).append(label)
        return found

    def having(self, group, fields):
        """The axis with more fields in the levels of one data set."""
        levels = dict(self.levels)
        for label in self.groups[group]:
            number, own = levels[label]
            levels[label] = number, merged(own, fields)
        return dataclasses.replace(self, levels=levels)


@dataclasses.dataclass(frozen=True)
class Compare:
    """A comparison that is made when all cells are done.

    Attributes:
        kind: `"arms"`: at every level, `arm` minus `other`. `"trend"`: of that
            difference over the axis. `"crossing"`: whether it changes its sign.
            `"compute"`: the operations that both need for one accuracy.
        arm, other: Names of arms; for `"compute"` the first words of several, such as
            `"ViT"` of `"ViT 4x96"` and `"ViT 8x192"`.
    """

    kind: str
    arm: str
    other: str


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        name: Its folder below `cells/`: `"vit/fraction_10/seed_1"`.
        arm, level, seed: Its place in the grid; `level` is `""` without an axis.
        recipe: Its `Recipe`.
        length_check: Whether it is beside the grid, with twice the updates.
        needs: Name of the cell with whose weights it begins; `""` of most.
        measure: What it measures: `"test_accuracy"`, `"linear_probe"` or `"fewshot_N"`.
    """

    name: str
    arm: str
    level: str
    seed: int
    recipe: Recipe
    length_check: bool = False
    needs: str = ""
    measure: str = ACCURACY

    @property
    def is_pretraining(self):
        """Whether it is beside the grid, and other cells begin with its weights."""
        return self.level == PRETRAINING

    @property
    def trains(self):
        """Whether it is a run; else a classifier of frozen features is fitted."""
        return self.measure == ACCURACY


def shots_of(outcome):
    """The N of `"fewshot_N"`; `None` of another outcome."""
    found = _FEWSHOT.fullmatch(outcome)
    return int(found[1]) if found else None


def family_of(arm):
    """The family of an arm: the first word of its name."""
    return arm.split(" ")[0]


def slug(text):
    """A text as part of the name of a folder: `"10 %"` is `"10"`."""
    return re.sub(r"[^a-z0-9.]+", "_", text.lower()).strip("_.") or "_"


def merged(fields, others):
    """The fields with others over them; of both lengths, the later one stays."""
    if any(name in others for name in LENGTHS):
        fields = {k: v for k, v in fields.items() if k not in LENGTHS}
    return {**fields, **others}


def part_of(data, part, seed):
    """The name of a data set with a part of its training images."""
    has_split = re.search(r":[A-Za-z]\w*([\[+,][^/\\]*)?$", data)
    return f"{data}{'' if has_split else ':train'},{part},seed={seed}"
