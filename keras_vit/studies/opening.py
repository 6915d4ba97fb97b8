"""Studies by name, with a preset and what a user changes."""

import dataclasses

from keras_vit.common.tables import Table
from keras_vit.common.wording import hint
from keras_vit.studies.ablations import VIT
from keras_vit.studies.catalogue import STUDIES
from keras_vit.studies.study import Study


@dataclasses.dataclass(frozen=True)
class Reading:
    """A study without cells of its own, which reads those of another one."""

    name: str
    question: str
    presets: tuple[str, ...]
    source: str


PROXY = Reading(
    "fewshot-proxy",
    "Does few-shot accuracy tell what training will give?",
    ("laptop",),  # transfer's preset of the paper probes no weights
    f"{VIT}, section 4.1; reads the cells of transfer",
)


class StudyTable(Table):
    """The studies that there are; prints as a table."""

    header = ("study", "question", "presets", "source")

    def cells(self, row):
        return row.name, row.question, ", ".join(row.presets), row.source


def list_studies():
    """Every study that there is by name, with its presets; prints as a table."""
    return StudyTable([*STUDIES.values(), PROXY])


def find_study(
    name, preset="laptop", *, data=None, levels=None, seeds=None, fields=None
):
    """A study of the paper, by its name.

    Args:
        name: String, a name from `list_studies()`; or the path of a JSON file that
            holds a study of your own, of which `preset` is not read.
        preset: String, which size of it: `"laptop"`, `"paper"`, and what
            `list_studies()` says.
        data: Name or path of a data set, instead of the preset's.
        levels: Labels of levels, a part of the study's.
        seeds: Number of seeds, or the seeds themselves.
        fields: Dictionary of `"field"`, for all arms, or `"arm.field"` to values.

    Returns:
        A `Study`.

    Raises:
        ValueError: if there is no such study, preset, level, arm or field.

    Example:

    >>> study = find_study("data-size", data="./photos", fields={"vit.patch_size": 4})
    >>> print(study.cost())
    >>> study.run("studies/photos", workers=2)
    """
    if name in STUDIES:
        found = STUDIES[name].with_preset(preset)
    elif str(name).endswith(".json"):
        found = Study.from_json(name)
    elif name == PROXY.name:
        raise ValueError(
            f"{name} has no cells of its own. `keras_vit.studies.fewshot_proxy(folder)`"
            " reads those of another study, such as transfer."
        )
    else:
        raise ValueError(
            f"There is no study {name!r}.{hint(name, STUDIES)} There are: "
            f"{', '.join(STUDIES)}, and JSON files with studies of your own."
        )
    return found.changed(data=data, levels=levels, seeds=seeds, fields=fields)


def data_size(preset="laptop", **changes):
    """ViT against BiT on parts of the data: `find_study("data-size", preset, ...)`."""
    return find_study("data-size", preset, **changes)
