"""Describes a data set before it is downloaded, without network access."""

import dataclasses

import numpy as np

from keras_vit.common.tables import Told
from keras_vit.common.wording import as_file_size, display
from keras_vit.data.dense import loading as dense
from keras_vit.data.multilabel import loading as multilabel
from keras_vit.data.places import open_place
from keras_vit.data.sets.catalog import NOT_IN_TFDS
from keras_vit.data.sets.known import KNOWN, facts_of, missing_files
from keras_vit.data.sets.prepared import data_root, find_builder
from keras_vit.data.sets.vtab import VTAB, VTAB_PREFIX

MOST_CLASSES = 10  # printed by name
TOLD = "task='multilabel' (--task multilabel)"
OWN_FILES = "unknown: these are your own files"
HERE = "Available here: load it by this name."
UNKNOWN = "not known to this package: look at the homepage"


@dataclasses.dataclass(frozen=True, repr=False)
class Description(Told):
    """A data set as `keras_vit.data.describe` finds it; prints as text.

    Attributes:
        name: As it was given.
        kind: What it is: "TFDS data set", "folder", ...
        how_to_get: What to do.
        splits: Number of examples by split, or None where not known.
        num_classes: Integer; None where there is no single class label.
        class_names: Tuple of strings, or None where not known yet.
        examples_per_class: Number of images by class, of folders and lists; of masks
            and boxes, how many show the class.
        labels_per_image: Number of images by the number of their labels, where an image
            may have several.
        num_channels: 1 or 3.
        num_grey, num_colour: Images that are grey and in colour, of folders and lists;
            of those whose headers were looked at and can be read.
        num_unreadable: Images whose headers cannot be read, of folders and lists.
        image_size: (height, width), or None where sizes vary.
        download: Bytes to download, or to put there by hand; None where not known.
        disk: Bytes it takes when prepared; None where not known.
        licence: As far as known.
        citation: Its BibTeX key.
        homepage: An address.
        prepared: The directory where it lies ready, or None.
        notes: Anything else.
    """

    name: str
    kind: str
    how_to_get: str
    splits: dict[str, int] | None = None
    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None
    examples_per_class: dict[str, int] | None = None
    labels_per_image: dict[int, int] | None = None
    num_channels: int | None = None
    num_grey: int | None = None
    num_colour: int | None = None
    num_unreadable: int | None = None
    image_size: tuple[int, int] | None = None
    download: int | None = None
    disk: int | None = None
    licence: str | None = None
    citation: str | None = None
    homepage: str | None = None
    prepared: str | None = None
    notes: str = ""

    def to_json(self) -> dict:
        """A dictionary of JSON values."""
        return dataclasses.asdict(self)

    def __str__(self):
        own = self.licence == OWN_FILES  # whose owner knows where they are
        lines = {
            "kind": self.kind,
            "splits": self._splits(),
            "classes": self._classes(),
            "labels per image": self._labels(),
            "images": self._images(),
            "download": self.download and as_file_size(self.download),
            "on disk": self.disk and as_file_size(self.disk),
            "licence": None if own else self.licence,
            "cite": self.citation,
            "homepage": self.homepage,
            "prepared": None if own else self.prepared or "not here",
            "to get it": None if own and self.how_to_get == HERE else self.how_to_get,
            "note": self.notes,
        }
        return "\n".join(
            [self.name, *(f"  {key}: {text}" for key, text in lines.items() if text)]
        )

    def _splits(self):
        if self.splits is None:
            known = self.num_channels or self.num_classes
            return "known once it is prepared" if known else None
        return ", ".join(f"{name} {count:,}" for name, count in self.splits.items())

    def _classes(self):
        if self.num_classes is None:
            return "no single class label" if self.num_channels else None
        text = f"{self.num_classes:,}"
        if self.examples_per_class:
            counts = self.examples_per_class
            shown = [f"{name} ({count:,})" for name, count in counts.items()]
        else:
            shown = list(self.class_names or ())
        more = ", ..." if len(shown) > MOST_CLASSES else ""
        return f"{text}: {', '.join(shown[:MOST_CLASSES])}{more}" if shown else text

    def _labels(self):
        counts = self.labels_per_image
        if not counts:
            return None
        mean = sum(n * c for n, c in counts.items()) / sum(counts.values())
        shown = [f"{number} ({count:,})" for number, count in counts.items()]
        more = ", ..." if len(shown) > MOST_CLASSES else ""
        return f"{', '.join(shown[:MOST_CLASSES])}{more}; {mean:.2f} on average"

    def _images(self):
        if self.num_channels is None:
            return None
        size = self.image_size
        shape = f"{size[0]}x{size[1]} pixels" if size else "of varied sizes"
        colours = "grey" if self.num_channels == 1 else "colour"
        if self.num_channels == 3 and self.num_grey:
            colours = f"{self.num_grey:,} grey and {self.num_colour:,} in colour"
        return f"{shape}, {colours}"


def list_datasets() -> list[str]:
    """The names of the papers' benchmarks, for `load` and `describe`.

    Any other TFDS name works too; this is what the package knows facts of.
    """
    tasks = [VTAB_PREFIX + task for task in VTAB]
    return [*KNOWN, *tasks]


def describe(name, data_dir=None, *, columns=None, task=None) -> Description:
    """Describes a data set and how to get it, without network access or download.

    Args:
        name: As for `load`; a split in it is left aside.
        data_dir: As for `load`.
        columns: As for `load`.
        task: As for `load`. By default what a folder is annotated for: its masks and
            boxes are read then, and it is refused if they are wrong.

    Returns:
        A `Description`, which prints itself: kind, splits, classes, size, licence,
        citation, whether it is prepared here, and how to get it.

    Raises:
        ValueError: if there is no such data set, with the closest names.

    Example:

    >>> print(keras_vit.data.describe("imagenet2012"))
    """
    place = open_place(name)
    if task == multilabel.TASK and place.has_files:
        return _of_several(place, columns)
    if place.kind == "list":
        with multilabel.hinting(place, columns):
            folder = place.scan(columns)
        return _files(place, "list of files", folder, place.look(columns))
    task = _task_of(place) if task is None else task
    if task in dense.TASKS and place.kind == "folder":
        return _annotated(place, task)
    if place.kind == "folder":
        with multilabel.hinting(place):
            return _files(place, "folder", place.scan(), place.look())
    if place.kind == "vtab":
        return _vtab(place, data_dir)
    if place.path in NOT_IN_TFDS:
        how = NOT_IN_TFDS[place.path].how
        return Description(place.path, "not in TFDS", how_to_get=how)
    return _tfds(place.path, data_dir)


def _task_of(place):
    """What a folder is annotated for; one of classes is not looked through again."""
    if place.kind != "folder":
        return None
    try:
        names = place.scan().class_names
    except ValueError:
        return dense.task_of(place)
    return dense.task_of(place) if dense.are_no_classes(names) else None


def _files(place, kind, folder, seen):
    labels = np.concatenate([labels for _, labels in folder.splits.values()])
    counts = np.bincount(labels, minlength=len(folder.class_names)).tolist()
    notes = [*folder.notes, *seen.notes(display(place)), *folder.warnings]
    if unread := seen.unread():
        notes.append(f"{unread}.")
    return Description(
        name=display(place),
        kind=kind,
        splits={split: len(files) for split, (files, _) in folder.splits.items()},
        num_classes=len(folder.class_names),
        class_names=tuple(folder.class_names),
        examples_per_class=dict(zip(folder.class_names, counts)),
        num_channels=seen.num_channels,
        num_grey=seen.num_grey,
        num_colour=seen.num_colour,
        num_unreadable=len(seen.unreadable),
        image_size=seen.shape[:2] if seen.shape else None,
        disk=seen.num_bytes,
        licence=OWN_FILES,
        prepared=display(folder.root),
        how_to_get=HERE,
        notes=" ".join(notes),
    )


def _of_several(place, columns):
    found, seen = (
        multilabel.found_in(place, columns),
        multilabel.look_at(place, columns),
    )
    labels = np.concatenate([labels for _, labels in found.splits.values()])
    alike = dataclasses.replace(found, splits={"all": (labels, labels.argmax(axis=1))})
    counts = np.bincount(labels.sum(axis=1)).tolist()
    return dataclasses.replace(
        _files(place, f"{place.kind} with several labels an image", alike, seen),
        splits=multilabel.splits_of(place, columns),
        examples_per_class=dict(zip(found.class_names, labels.sum(axis=0).tolist())),
        labels_per_image={number: n for number, n in enumerate(counts) if n},
        how_to_get=f"Available here: load it by this name with {TOLD}.",
    )


def _annotated(place, task):
    found, contents = dense.found_in(place, task), dense.contents_of(place, task)
    seen = contents.look
    return Description(
        name=display(place),
        kind=f"folder for {task}: {found.form}",
        splits=dense.splits_of(place, task),
        num_classes=len(contents.class_names),
        class_names=tuple(contents.class_names),
        examples_per_class=contents.images,
        num_channels=seen.num_channels,
        num_grey=seen.num_grey,
        num_colour=len(seen.shapes) - seen.num_grey,
        num_unreadable=0,
        image_size=seen.shape[:2] if seen.shape else None,
        disk=seen.num_bytes,
        licence=OWN_FILES,
        prepared=display(found.root),
        how_to_get=f"Available here: load it by this name with task={task!r} "
        f"(--task {task}).",
        notes=" ".join(contents.notes),
    )


def _vtab(place, data_dir):
    task = place.vtab_task
    inner = describe(task.dataset, data_dir)
    names, rule = inner.class_names, ""
    if task.label is not None:
        names = getattr(task.label, "class_names", None)
        rule = " Its labels are made from the annotations."
    return dataclasses.replace(
        inner,
        name=place.path,
        kind=f"VTAB-1k task on {task.dataset}",
        splits=place.splits(),
        num_classes=task.num_classes,
        class_names=names,
        citation=f"zhai2019visual; the images: {inner.citation}",
        how_to_get=inner.how_to_get.replace(repr(task.dataset), repr(place.path)),
        notes=f"Its 1,000 training images are train800 and val200 together.{rule}",
    )


def _tfds(place, data_dir):
    """What TFDS says of a set and, where it isn't prepared, what the catalog adds."""
    builder, there = find_builder(place, data_dir)
    info, facts = builder.info, facts_of(builder.name)
    labels = _class_labels(info)
    shape = next(
        (f.shape for f in info.features.values() if type(f).__name__ == "Image"), ()
    )
    licence = getattr(info.redistribution_info, "license", None)
    found = Description(
        name=display(place),
        kind="prepared TFDS directory" if there else "TFDS data set",
        splits={key: split.num_examples for key, split in info.splits.items()} or None,
        num_classes=labels.num_classes if labels else None,
        class_names=tuple(labels.names) if labels else None,
        num_channels=shape[-1] if shape else None,
        image_size=shape[:2] if shape and None not in shape[:2] else None,
        disk=info.dataset_size or None,
        licence=licence or (facts.licence if facts else UNKNOWN),
        citation=_citation_key(info.citation),
        homepage=info.homepage,
        prepared=str(builder.data_dir) if there else None,
        how_to_get=HERE
        if there
        else _how(place, facts, builder.MANUAL_DOWNLOAD_INSTRUCTIONS, data_dir),
        notes=facts.notes if facts else "",
    )
    if there:
        return found
    urls = getattr(builder, "url_infos", None) or {}
    download = sum(url.size for url in urls.values()) or None
    if facts is None:
        return dataclasses.replace(found, download=download)
    config = place.partition(":")[0].partition("/")[2]
    same = not config or facts.config in (None, config)
    download = download if facts.download is None else facts.download or None
    tasks = [VTAB_PREFIX + t for t, row in VTAB.items() if row.dataset == place]
    tasks = "" if labels else f"Tasks with labels: {', '.join(tasks)}."
    return dataclasses.replace(
        found,
        splits=dict(facts.splits) if same else None,
        class_names=None,  # TFDS reads the names of many from what it downloads
        download=download if same else None,
        disk=facts.disk if same else None,
        notes=" ".join(filter(None, (facts.notes, tasks))),
    )


def _how(place, facts, instructions, data_dir):
    folder = data_root(data_dir) / "downloads" / "manual"
    prepares = f"TFDS prepares it when it is first used: load({place!r})."
    if facts and facts.manual:
        missing = missing_files(facts, folder)
        state = f"Not there yet: {', '.join(missing)}" if missing else "They are there"
        return (
            f"TFDS cannot download it. {facts.how} Put {', '.join(facts.manual)} into "
            f"{folder}; {prepares} {state}."
        )
    if instructions:
        text = " ".join(instructions.split())
        return f"TFDS needs files by hand, in {folder}. It says: {text}"
    return prepares.replace("prepares", "downloads and prepares")


def _class_labels(info):
    """The one class label of a set, if it has one."""
    if not hasattr(info.features, "items"):
        return None
    pair = info.supervised_keys
    names = [key for key in (pair or ()) if isinstance(key, str)]
    items = info.features.items()
    labels = {k: f for k, f in items if type(f).__name__ == "ClassLabel"}
    if names and names[-1] in labels:
        return labels[names[-1]]
    return next(iter(labels.values())) if len(labels) == 1 else None


def _citation_key(text):
    """`ILSVRC15` of `@article{ILSVRC15, ...`."""
    return (text or "").partition("{")[2].partition(",")[0].strip() or None
