"""`Study`: arms, levels and seeds, each of whose cells is one recipe."""

import dataclasses
import itertools
import json
import re
from pathlib import Path

from keras_vit.common.checks import check_choice, is_integer, is_number
from keras_vit.common.wording import hint
from keras_vit.training.recipes.recipe import Recipe

OUTCOMES = ("test_accuracy",)
COMPARISONS = ("arms", "trend", "crossing", "compute")
TWICE = " x2 updates"  # behind the level of a cell that checks the length

# Fields of a cell that are no fields of a recipe: the part of the training images that
# a level takes, as it stands behind a split; the cell's seed chooses the images.
PART = "part"

# The length of a run, which only one of them gives.
_LENGTHS = ("epochs", "total_steps")


@dataclasses.dataclass(frozen=True)
class Axis:
    """What is varied in every arm.

    Attributes:
        name: String: `"fraction"`.
        unit: String: `"% of the training images"`.
        levels: Dictionary of labels to `(number, fields)`, from small to large. The
            fields are those of a `Recipe`, and `part`: a part of the training images
            such as `"fraction=10%"` or `"per_class=5"`, whose images the seed chooses.
    """

    name: str
    unit: str
    levels: dict[str, tuple[float, dict]]


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
    """

    name: str
    arm: str
    level: str
    seed: int
    recipe: Recipe
    length_check: bool = False


@dataclasses.dataclass(frozen=True)
class Study:
    """A study: every choice that is made before its first update.

    Seeds are paired: seed s decides the part of the images, their order, augmentation
    and the initial weights of every arm.

    Attributes:
        name: String of lower-case letters, digits and hyphens.
        question: One sentence, what the study asks.
        source: Where it comes from, with section and figure.
        base: Fields of a `Recipe` that all cells share.
        arms: Dictionary of names to fields of a `Recipe`.
        axis: `Axis`, or `None`.
        seeds: Tuple of different integers.
        outcome: What is compared: `"test_accuracy"`.
        comparisons: Tuple of `Compare`.
        published: `(arm, level)` to the id of a published row, where ours may be
            compared with it.
        presets: Names to dictionaries of attributes that replace those of the study;
            `base` is put over the study's own.
        paper: What the source says of the question, in our words.
        length_check: Whether one more cell of each arm, at the largest level and the
            first seed, has twice the updates.
        preset: Name of the preset that was taken, if one was.
        changes: What a user changed in the preset: names to values.

    Raises:
        ValueError: if a name is unknown, or the parts contradict each other.

    Example:

    >>> rates = Study(
    ...     name="rates",
    ...     question="Which rate is better?",
    ...     base={"model": "small", "epochs": 5},
    ...     arms={"low": {"learning_rate": 1e-4}, "high": {"learning_rate": 1e-3}},
    ...     comparisons=(Compare("arms", "high", "low"),),
    ... )
    >>> [cell.name for cell in rates.cells()][:2]
    ['low/seed_0', 'high/seed_0']
    """

    name: str
    question: str
    base: dict
    arms: dict[str, dict]
    axis: Axis | None = None
    seeds: tuple[int, ...] = (0, 1, 2)
    outcome: str = "test_accuracy"
    comparisons: tuple[Compare, ...] = ()
    published: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    presets: dict[str, dict] = dataclasses.field(default_factory=dict)
    source: str = ""
    paper: str = ""
    length_check: bool = False
    preset: str = ""
    changes: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        _check(self)

    @property
    def levels(self):
        """Labels from small to large; one empty label without an axis."""
        return tuple(self.axis.levels) if self.axis else ("",)

    def cells(self):
        """All cells in the order in which they are run.

        Seeds outermost, then levels, arms inside: a study that is cut off has whole
        seeds and pairs. The checks of the length come last.
        """
        grid = itertools.product(self.seeds, self.levels, self.arms)
        cells = [self._cell(arm, level, seed) for seed, level, arm in grid]
        if self.length_check:
            last, seed = self.levels[-1], self.seeds[0]
            cells += [self._cell(arm, last, seed, True) for arm in self.arms]
        return cells

    def with_preset(self, name):
        """The study with one of its presets."""
        if name not in self.presets:
            raise ValueError(
                f"The study {self.name} has the presets {', '.join(self.presets)}. "
                f"Received: preset={name!r}.{hint(name, self.presets)}"
            )
        values = dict(self.presets[name])
        base = _merged(self.base, values.pop("base", {}))
        return dataclasses.replace(self, base=base, preset=name, **values)

    def changed(self, *, data=None, levels=None, seeds=None, fields=None):
        """The study with what a user changes; `changes` then lists it.

        Args:
            data: Name or path of a data set for all cells, or `None`.
            levels: Labels of levels, a part of the study's, or `None`.
            seeds: Number of seeds, or the seeds themselves, or `None`.
            fields: Dictionary of `"field"`, for all arms, or `"arm.field"` to values.
                The name of an arm may be written in lower case.
        """
        values, changes = {}, dict(self.changes)
        base, arms = self.base, dict(self.arms)
        if data is not None:
            base, changes["data"] = _merged(base, {"data": str(data)}), str(data)
        for name, value in (fields or {}).items():
            arm, dot, field = name.rpartition(".")
            _check_fields({field: value}, f"--set {name}")
            if dot:
                arm = _arm_of(arm, self.arms)
                arms[arm] = _merged(arms[arm], {field: value})
            else:
                base = _merged(base, {field: value})
            changes[name] = value
        if levels is not None:
            values["axis"] = _chosen(self, levels)
            changes["levels"] = list(values["axis"].levels)
        if seeds is not None:
            values["seeds"] = tuple(range(seeds)) if is_integer(seeds) else tuple(seeds)
            changes["seeds"] = list(values["seeds"])
        values |= {"base": base, "arms": arms, "changes": changes}
        return dataclasses.replace(self, **values)

    def cost(self, **options):
        """What the study costs; see `keras_vit.studies.study_cost`."""
        from keras_vit import studies

        return studies.study_cost(self, **options)

    def run(self, folder, **options):
        """Runs the study; see `keras_vit.studies.run_study`."""
        from keras_vit import studies

        return studies.run_study(self, folder, **options)

    def to_json(self):
        """The study as a dictionary that JSON can hold, its presets apart."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del values["presets"]
        values["comparisons"] = [dataclasses.asdict(c) for c in self.comparisons]
        values["axis"] = self.axis and dataclasses.asdict(self.axis)
        values["published"] = [[*place, row] for place, row in self.published.items()]
        return json.loads(json.dumps(values))

    @classmethod
    def from_json(cls, values):
        """The study of a dictionary made by `to_json`, or of a JSON file.

        Args:
            values: Dictionary, or path of a file that holds one. Only `name`,
                `question`, `base` and `arms` must be there.

        Raises:
            ValueError: if it is no study; the message says where.
        """
        if not isinstance(values, dict):
            path = Path(values)
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{path} is not a JSON file: {error}") from None
        if not isinstance(values, dict):
            raise ValueError("A study is an object of fields and values.")
        values = dict(values.get("study", values))
        names = cls.__dataclass_fields__
        for name in values:
            if name not in names:
                raise ValueError(f"A study has no field {name!r}.{hint(name, names)}")
        for name in ("name", "question", "base", "arms"):
            if name not in values:
                raise ValueError(f"A study needs the field {name!r}.")
        try:
            if values.get("axis") is not None:
                axis = dict(values["axis"])
                levels = {k: (n, f) for k, (n, f) in axis["levels"].items()}
                values["axis"] = Axis(**{**axis, "levels": levels})
            values["seeds"] = tuple(values.get("seeds", (0, 1, 2)))
            values["comparisons"] = tuple(
                Compare(**comparison) for comparison in values.get("comparisons", ())
            )
            values["published"] = {
                (arm, level): row for arm, level, row in values.get("published", ())
            }
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ValueError(
                'A study\'s axis is {"name", "unit", "levels": {label: [number, '
                '{field: value}]}}, a comparison {"kind", "arm", "other"}, and '
                f'"published" a list of [arm, level, row]. Received: {error}'
            ) from None
        return cls(**values)

    def _cell(self, arm, level, seed, twice=False):
        fields = _merged(self.base, self.arms[arm])
        fields = _merged(fields, self.axis.levels[level][1] if self.axis else {})
        part = fields.pop(PART, None)
        if part:
            fields["data"] = _part_of(fields.get("data", Recipe.data), part, seed)
        if twice:
            fields = {k: 2 * v if k in _LENGTHS else v for k, v in fields.items()}
        words = [slug(arm), f"seed_{seed}"]
        if self.axis:
            words.insert(1, f"{slug(self.axis.name)}_{slug(level)}" + "_x2" * twice)
        level += TWICE * twice
        recipe = Recipe.from_json({**fields, "seed": seed})
        return Cell("/".join(words), arm, level, seed, recipe, twice)


def slug(text):
    """A text as part of the name of a folder: `"10 %"` is `"10"`."""
    return re.sub(r"[^a-z0-9.]+", "_", text.lower()).strip("_.") or "_"


def _merged(fields, others):
    """The fields with others over them; of both lengths, the later one stays."""
    if any(name in others for name in _LENGTHS):
        fields = {k: v for k, v in fields.items() if k not in _LENGTHS}
    return {**fields, **others}


def _part_of(data, part, seed):
    """The name of a data set with a part of its training images."""
    has_split = re.search(r":[A-Za-z]\w*([\[+,][^/\\]*)?$", data)
    return f"{data}{'' if has_split else ':train'},{part},seed={seed}"


def _arm_of(word, arms):
    known = {slug(arm): arm for arm in arms} | {arm: arm for arm in arms}
    found = known.get(word, known.get(slug(word)))
    if found is None:
        raise ValueError(
            f"The arms are {', '.join(arms)}. Received: {word!r}.{hint(word, arms)}"
        )
    return found


def _chosen(study, levels):
    if study.axis is None:
        raise ValueError(f"The study {study.name} has no levels.")
    known = {label.replace(" ", ""): label for label in study.levels}
    chosen = set()
    for level in levels:
        label = known.get(str(level).replace(" ", ""))
        if label is None:
            raise ValueError(
                f"The levels are {', '.join(study.levels)}. Received: {level!r}"
            )
        chosen.add(label)
    kept = {k: v for k, v in study.axis.levels.items() if k in chosen}
    return dataclasses.replace(study.axis, levels=kept)


def _check_fields(fields, where):
    if not isinstance(fields, dict):
        raise ValueError(f"{where} must be an object of fields. Received: {fields!r}")
    names = {**Recipe.__dataclass_fields__, PART: None}
    for name in fields:
        if name not in names:
            raise ValueError(
                f"{where}: a recipe has no field {name!r}.{hint(name, names)}"
            )
        if name == "seed":
            raise ValueError(f"{where}: the study's `seeds` decide the seed.")


def _check(study):
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", str(study.name)):
        raise ValueError(
            "`name` must be of lower-case letters, digits and hyphens. "
            f"Received: name={study.name!r}"
        )
    check_choice(study.outcome, OUTCOMES, "outcome")
    seeds = study.seeds
    if not seeds or len(set(seeds)) < len(seeds) or not all(map(is_integer, seeds)):
        raise ValueError(
            f"`seeds` must be different integers, at least one. Received: {seeds}"
        )
    _check_fields(study.base, "base")
    if not isinstance(study.arms, dict) or not study.arms:
        raise ValueError(f"`arms` must name at least one arm. Received: {study.arms!r}")
    for arm, fields in study.arms.items():
        _check_fields(fields, f"arm {arm!r}")
    for level, (number, fields) in (study.axis.levels if study.axis else {}).items():
        if not is_number(number):
            raise ValueError(f"Level {level!r} needs a number. Received: {number!r}")
        _check_fields(fields, f"level {level!r}")
    if study.axis and not study.axis.levels:
        raise ValueError("An axis needs at least one level.")
    for labels in (study.arms, study.levels):
        if len(set(map(slug, labels))) < len(labels):
            raise ValueError(
                "Two labels would have one folder: they must differ in letters or "
                f"digits. Received: {', '.join(labels)}"
            )
    for comparison in study.comparisons:
        check_choice(comparison.kind, COMPARISONS, "kind")
        arms = dict.fromkeys(study.arms)
        if comparison.kind == "compute":
            arms = dict.fromkeys(arm.split()[0] for arm in study.arms)
        for arm in (comparison.arm, comparison.other):
            check_choice(arm, tuple(arms), "arm")
    study.cells()  # whose recipes check themselves
