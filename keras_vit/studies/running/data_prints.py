"""Fingerprints: of the data of cells, so that a change is noticed, and of machines."""

import hashlib
import json

from keras_vit.studies.parts import PRETRAINING
from keras_vit.studies.planning.data import data_of

# Images of each part whose content the fingerprint of the data has.
LOOKED_AT = 256


class DataChanged(ValueError):
    """The images or labels are not those of the cells before."""


def fingerprint(source):
    """A hash of a source: number, labels, and content of up to 256 of its images.

    Args:
        source: A `keras_vit.data.Source`.

    Returns:
        String of 16 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{source.num_examples} {source.class_names}".encode())
    if source.labels is not None:
        digest.update(source.labels.astype("<i8").tobytes())
    for item in source.examples(max(1, source.num_examples // LOOKED_AT)):
        image, name = item["image"].numpy(), item["id"].numpy()
        digest.update(image if isinstance(image, bytes) else image.tobytes())
        digest.update(f"{item['label'].numpy()} {name}".encode())
    return digest.hexdigest()[:16]


def check_data(cell, folder, prints):
    """Raises unless the data are those of the cells of the same data set before.

    Args:
        cell: A `Cell`.
        folder: The `StudyFolder`.
        prints: Dictionary of `"train"` and `"test"` to fingerprints.

    Raises:
        DataChanged: naming the cell whose data were others.
    """
    recipes = {one.name: one.recipe for one in folder.read_study().cells()}
    own = data_of(cell.recipe)
    for other in folder.read_results():
        known = other.get("fingerprints")
        if known is None or data_of(recipes[other["name"]]) != own:
            continue
        if (other["level"] == PRETRAINING) != cell.is_pretraining or (
            cell.is_pretraining and other["arm"] != cell.arm
        ):  # whose labels may be unread
            continue
        same_part = (other["level"], other["seed"]) == (cell.level, cell.seed)
        for part in ("train", "test") if same_part else ("test",):
            if known[part] != prints[part]:
                raise DataChanged(
                    f"The {part} images of {cell.recipe.data} have changed since "
                    f"{other['name']} was run: {known[part]} then, {prints[part]} now. "
                    "Bring them back as they were, or begin the study in another "
                    "folder. The finished cells stay."
                )


def environment_id(environment):
    """An id of an environment: equal for equal machines, versions and threads."""
    text = json.dumps(environment, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
