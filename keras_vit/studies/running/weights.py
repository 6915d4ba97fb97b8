"""The weights that cells begin with: fetched before the first one, and told apart."""

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

from keras_vit.checkpoints.registry import find_source
from keras_vit.models.variants.listing import canonical_name
from keras_vit.training.model_arguments import SMALL


class WeightsMissing(ValueError):
    """Weights that cells of a study begin with cannot be had."""


def fetch_weights(cells, folder):
    """Makes sure that all weights are on this machine; downloads those that are not.

    Args:
        cells: List of `Cell`, those that are to be run.
        folder: The `StudyFolder`. A cell that has saved a model of its own needs its
            first weights no more.

    Raises:
        WeightsMissing: naming all weights that cannot be had, and the cells that need
            them.
    """
    needed = {}
    for cell in cells:
        recipe = cell.recipe
        if recipe.weights is not None and not folder.run(cell.name).model.exists():
            key = _asked_for(recipe)
            needed.setdefault(key, []).append(cell.name)
    missing = []
    for (weights, variant, size), names in needed.items():
        try:
            find_source(weights, variant, size)
        except (ValueError, OSError) as error:
            of = "" if variant is None else f" of {variant}"
            more = f" and {len(names) - 1} more cells" if len(names) > 1 else ""
            missing.append(f"{weights}{of}, for {names[0]}{more}: {error}")
    if missing:
        raise WeightsMissing(
            "Weights that cells begin with cannot be had, and no cell was begun:\n  "
            + "\n  ".join(missing)
            + "\nGive the same command again when they are there. The cells that have "
            "ended stay."
        )


def weights_print(recipe):
    """A hash of the weights that a recipe begins with; nothing for random ones.

    Of a Keras file it is that of its arrays: the time of its writing does not count.

    Args:
        recipe: A `Recipe`. Its weights have been fetched.

    Returns:
        String of 16 hexadecimal digits, or `""`.
    """
    if recipe.weights is None:
        return ""
    path = Path(os.path.expanduser(find_source(*_asked_for(recipe))))
    if path.is_dir():  # of a run, or of the Hugging Face hub
        model = path / "model.keras"
        files = [model] if model.exists() else sorted(path.glob("model*"))
    else:
        files = [path]
    digest = hashlib.sha256()
    for file in files:
        if file.suffix == ".keras" and zipfile.is_zipfile(file):
            _add_arrays(digest, file)
        else:
            with open(file, "rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:16]


def _asked_for(recipe):
    """What `find_source` is asked for the weights of a recipe."""
    named = None if recipe.model in SMALL else canonical_name(recipe.model)
    return recipe.weights, named, recipe.image_size


def _add_arrays(digest, file):
    """Adds the names and values of a Keras file's arrays to a hash."""
    import h5py

    def add(name, found):
        if isinstance(found, h5py.Dataset):
            digest.update(f"{name} {found.dtype} {found.shape}".encode())
            digest.update(np.ascontiguousarray(found[()]).tobytes())

    with zipfile.ZipFile(file) as archive, archive.open("model.weights.h5") as opened:
        with h5py.File(opened, "r") as arrays:
            arrays.visititems(add)
