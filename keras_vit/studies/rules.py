"""What a study must be: the rules that it checks when it is made."""

import re

from keras_vit.common.checks import check_choice, is_integer, is_number
from keras_vit.common.wording import hint
from keras_vit.studies.parts import (
    ACCURACY,
    AFTER,
    LINEAR_PROBE,
    OUTCOME,
    PART,
    PRETRAINING,
    family_of,
    shots_of,
    slug,
)
from keras_vit.training.recipes.recipe import Recipe

COMPARISONS = ("arms", "trend", "crossing", "compute")


def check_fields(fields, where):
    if not isinstance(fields, dict):
        raise ValueError(f"{where} must be an object of fields. Received: {fields!r}")
    names = {
        **Recipe.__dataclass_fields__,
        **dict.fromkeys((PART, AFTER, OUTCOME)),
    }
    for name in fields:
        if name not in names:
            raise ValueError(
                f"{where}: a recipe has no field {name!r}.{hint(name, names)}"
            )
        if name == "seed":
            raise ValueError(f"{where}: the study's `seeds` decide the seed.")
    if OUTCOME in fields:
        _check_outcome(fields[OUTCOME], f"{where}: ")


def _check_outcome(outcome, where=""):
    known = outcome in (ACCURACY, LINEAR_PROBE)
    if not known and (not isinstance(outcome, str) or shots_of(outcome) is None):
        raise ValueError(
            f"{where}`outcome` must be {ACCURACY}, {LINEAR_PROBE}, or fewshot_N such "
            f"as fewshot_5. Received: outcome={outcome!r}"
        )


def check_study(study):
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", str(study.name)):
        raise ValueError(
            "`name` must be of lower-case letters, digits and hyphens. "
            f"Received: name={study.name!r}"
        )
    _check_outcome(study.outcome)
    seeds = study.seeds
    if not seeds or len(set(seeds)) < len(seeds) or not all(map(is_integer, seeds)):
        raise ValueError(
            f"`seeds` must be different integers, at least one. Received: {seeds}"
        )
    check_fields(study.base, "base")
    if not isinstance(study.arms, dict) or not study.arms:
        raise ValueError(f"`arms` must name at least one arm. Received: {study.arms!r}")
    for arm, fields in study.arms.items():
        check_fields(fields, f"arm {arm!r}")
    for level, (number, fields) in (study.axis.levels if study.axis else {}).items():
        if not is_number(number):
            raise ValueError(f"Level {level!r} needs a number. Received: {number!r}")
        check_fields(fields, f"level {level!r}")
    if study.axis and not study.axis.levels:
        raise ValueError("An axis needs at least one level.")
    for labels in (study.arms, study.levels):
        if len(set(map(slug, labels))) < len(labels):
            raise ValueError(
                "Two labels would have one folder: they must differ in letters or "
                f"digits. Received: {', '.join(labels)}"
            )
    _check_pretrainings(study)
    for comparison in study.comparisons:
        check_choice(comparison.kind, COMPARISONS, "kind")
        arms = dict.fromkeys(study.arms)
        if comparison.kind == "compute":
            arms = dict.fromkeys(map(family_of, study.arms))
        for arm in (comparison.arm, comparison.other):
            check_choice(arm, tuple(arms), "arm")
    study.cells()  # whose recipes check themselves


def _check_pretrainings(study):
    """Raises unless every pretraining that is named is there, and can be told apart."""
    if not isinstance(study.pretrainings, dict):
        raise ValueError(
            "`pretrainings` must be an object of names and fields. "
            f"Received: {study.pretrainings!r}"
        )
    for name, fields in study.pretrainings.items():
        check_fields(fields, f"pretraining {name!r}")
        if AFTER in fields:
            raise ValueError(f"Pretraining {name!r} cannot follow another one.")
    labels = [*study.arms, *study.pretrainings]
    slugs = [*map(slug, labels), PRETRAINING] if study.pretrainings else []
    if len(set(slugs)) < len(slugs) or PRETRAINING in study.levels:
        raise ValueError(
            "Arms and pretrainings must have names that differ in letters or digits, "
            f"and no level may be called {PRETRAINING}. Received: {', '.join(labels)}"
        )
    levels = [fields for _, fields in study.axis.levels.values()] if study.axis else []
    for fields in (study.base, *study.arms.values(), *levels):
        after = fields.get(AFTER)
        if after is None:
            continue
        check_choice(after, tuple(study.pretrainings), AFTER)
        if study.base.get("weights") or fields.get("weights"):
            raise ValueError(
                f"Cells that follow the pretraining {after!r} begin with its weights: "
                "`weights` cannot name others."
            )
