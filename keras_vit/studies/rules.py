"""What a study must be: the rules that it checks when it is made."""

import re

from keras_vit.common.checks import check_choice, is_integer, is_number
from keras_vit.common.wording import hint
from keras_vit.studies.parts import PART, slug
from keras_vit.training.recipes.recipe import Recipe

OUTCOMES = ("test_accuracy",)
COMPARISONS = ("arms", "trend", "crossing", "compute")


def check_fields(fields, where):
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


def check_study(study):
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
    for comparison in study.comparisons:
        check_choice(comparison.kind, COMPARISONS, "kind")
        arms = dict.fromkeys(study.arms)
        if comparison.kind == "compute":
            arms = dict.fromkeys(arm.split()[0] for arm in study.arms)
        for arm in (comparison.arm, comparison.other):
            check_choice(arm, tuple(arms), "arm")
    study.cells()  # whose recipes check themselves
