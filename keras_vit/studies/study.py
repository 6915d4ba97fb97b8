"""`Study`: arms, levels and seeds, each of whose cells is one recipe."""

import dataclasses
import itertools
import json
from pathlib import Path

from keras_vit.common.checks import is_integer
from keras_vit.common.wording import hint
from keras_vit.studies.parts import (
    ACCURACY,
    AFTER,
    LENGTHS,
    OUTCOME,
    PART,
    PRETRAINING,
    TWICE,
    Axis,
    Cell,
    Compare,
    merged,
    part_of,
    slug,
)
from keras_vit.studies.rules import check_fields, check_study
from keras_vit.training.recipes.recipe import Recipe


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
        arms: Dictionary of names to fields of a `Recipe`; `after` among them names a
            pretraining, with whose weights of the same seed the arm's cells begin.
        axis: `Axis`, or `None`.
        seeds: Tuple of different integers.
        outcome: What cells measure, and what is compared: `"test_accuracy"`,
            `"linear_probe"` or `"fewshot_N"`. An arm may have another `outcome`.
        comparisons: Tuple of `Compare`.
        published: `(arm, level)` to the id of a published row, where ours may be
            compared with it.
        presets: Names to dictionaries of attributes that replace those of the study;
            `base` is put over the study's own.
        pretrainings: Dictionary of names to fields of a `Recipe`, put over `base`: runs
            that come first, one for each seed, on all training images.
        equal: What is equal between the arms, one sentence: updates, computing.
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
    outcome: str = ACCURACY
    comparisons: tuple[Compare, ...] = ()
    published: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    presets: dict[str, dict] = dataclasses.field(default_factory=dict)
    source: str = ""
    pretrainings: dict[str, dict] = dataclasses.field(default_factory=dict)
    equal: str = ""
    paper: str = ""
    length_check: bool = False
    preset: str = ""
    changes: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check_study(self)

    @property
    def levels(self):
        """Labels from small to large; one empty label without an axis."""
        return tuple(self.axis.levels) if self.axis else ("",)

    def cells(self):
        """All cells in the order in which they are run.

        Seeds outermost, then levels, arms inside: a study that is cut off has whole
        seeds and pairs. A seed begins with the pretrainings that its cells need. The
        checks of the length come last.
        """
        cells = []
        for seed in self.seeds:
            grid = itertools.product(self.levels, self.arms)
            own = [self._cell(arm, level, seed) for level, arm in grid]
            needed = {cell.needs for cell in own}
            first = (self._pretraining(name, seed) for name in self.pretrainings)
            cells += [cell for cell in first if cell.name in needed] + own
        if self.length_check:
            last, seed = self.levels[-1], self.seeds[0]
            twice = [self._cell(arm, last, seed, True) for arm in self.arms]
            cells += [cell for cell in twice if cell.trains]
        return cells

    def with_preset(self, name):
        """The study with one of its presets."""
        if name not in self.presets:
            raise ValueError(
                f"The study {self.name} has the presets {', '.join(self.presets)}. "
                f"Received: preset={name!r}.{hint(name, self.presets)}"
            )
        values = dict(self.presets[name])
        base = merged(self.base, values.pop("base", {}))
        return dataclasses.replace(self, base=base, preset=name, **values)

    def changed(self, *, data=None, levels=None, seeds=None, fields=None):
        """The study with what a user changes; `changes` then lists it.

        Args:
            data: Name or path of a data set for all cells, or `None`. Of several sets
                each is a field: `{"cifar_10.data": "./photos"}`.
            levels: Labels of levels, a part of the study's, or `None`.
            seeds: Number of seeds, or the seeds themselves, or `None`.
            fields: Dictionary of `"field"`, for all cells, or `"arm.field"` to values.
                The name of an arm, or of a pretraining, may be in lower case. In its
                place may stand one of several data sets.
        """
        values, changes, axis = {}, dict(self.changes), self.axis
        base, arms, first = self.base, dict(self.arms), dict(self.pretrainings)
        if data is not None:
            _check_one_set(axis)
            base, changes["data"] = merged(base, {"data": str(data)}), str(data)
        for name, value in (fields or {}).items():
            arm, dot, field = name.rpartition(".")
            check_fields({field: value}, f"--set {name}")
            group = axis and _found(arm, filter(None, axis.groups))
            if dot and group:
                axis = axis.having(group, {field: value})
            elif dot:
                arm = _arm_of(arm, {**arms, **first})
                of = arms if arm in arms else first
                of[arm] = merged(of[arm], {field: value})
            else:
                base = merged(base, {field: value})
            changes[name] = value
        if levels is not None:
            axis = _chosen(self, axis, levels)
            changes["levels"] = list(axis.levels)
        if seeds is not None:
            values["seeds"] = tuple(range(seeds)) if is_integer(seeds) else tuple(seeds)
            changes["seeds"] = list(values["seeds"])
        values |= {"base": base, "arms": arms, "pretrainings": first}
        values |= {"axis": axis, "changes": changes}
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
        fields = merged(self.base, self.arms[arm])
        fields = merged(fields, self.axis.levels[level][1] if self.axis else {})
        after = fields.pop(AFTER, None)
        measure = fields.pop(OUTCOME, self.outcome)
        if twice:
            fields = {k: 2 * v if k in LENGTHS else v for k, v in fields.items()}
        words = [slug(arm), f"seed_{seed}"]
        if self.axis:
            words.insert(1, f"{slug(self.axis.name)}_{slug(level)}" + "_x2" * twice)
        level += TWICE * twice
        needs = _pretraining_name(after, seed) if after else ""
        recipe = _recipe(fields, seed)
        name = "/".join(words)
        return Cell(name, arm, level, seed, recipe, twice, needs, measure)

    def _pretraining(self, name, seed):
        recipe = _recipe(merged(self.base, self.pretrainings[name]), seed)
        own = _pretraining_name(name, seed)
        return Cell(own, name, PRETRAINING, seed, recipe)


def _pretraining_name(name, seed):
    return f"{PRETRAINING}/{slug(name)}/seed_{seed}"


def _recipe(fields, seed):
    """The recipe of a cell, with the part of the images that its seed chooses."""
    part = fields.get(PART)
    others = (PART, OUTCOME)
    fields = {name: value for name, value in fields.items() if name not in others}
    if part:
        fields["data"] = part_of(fields.get("data", Recipe.data), part, seed)
    return Recipe.from_json({**fields, "seed": seed})


def _arm_of(word, arms):
    found = _found(word, arms)
    if found is None:
        raise ValueError(
            f"The arms are {', '.join(arms)}. Received: {word!r}.{hint(word, arms)}"
        )
    return found


def _found(word, names):
    """The name that a word means, which may be written in lower case; or `None`."""
    known = {}
    for name in names:
        known |= {slug(name): name, name: name}
    return known.get(word, known.get(slug(word)))


def _check_one_set(axis):
    """Raises where the levels have data of their own, which `data` would not change."""
    levels = axis.levels if axis else {}
    if not any("data" in fields for _, fields in levels.values()):
        return
    groups = [slug(group) for group in axis.groups if group]
    how = "a part of them is chosen with --levels"
    if groups:
        how = "each is given: --set " + " ".join(f"{g}.data=..." for g in groups)
    raise ValueError(f"This study has several data sets: {how}.")


def _chosen(study, axis, levels):
    if axis is None:
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
    kept = {k: v for k, v in axis.levels.items() if k in chosen}
    return dataclasses.replace(axis, levels=kept)
