"""Runs one cell of a study by its name, for schedulers such as SLURM."""

from keras_vit.common.wording import hint
from keras_vit.studies.folder import FINAL, StudyFolder
from keras_vit.studies.planning.data import check_places
from keras_vit.studies.running.cells import run_cell
from keras_vit.studies.running.job import usual_keep
from keras_vit.studies.running.weights import fetch_weights


def begin_cells(study, folder):
    """Writes study.json, and says which cells are left and can begin now.

    Args:
        study: A `Study`.
        folder: Path, new, empty, or of the same study.

    Returns:
        List of names of cells, in their order. Those that begin with the weights of a
        pretraining are among them when that has ended.

    Raises:
        ValueError: if another study is in the folder, or data are missing: nothing is
            written then.
    """
    folder = StudyFolder(folder)
    study = folder.joined(study)
    left = [cell for cell in study.cells() if not folder.is_final(cell.name)]
    check_places(left, begun=folder.record.exists())
    folder.begin(study)
    waited_for = {cell.name for cell in left}
    return [cell.name for cell in left if cell.needs not in waited_for]


def run_one(folder, name, *, devices="auto", keep=None, save_minutes=1.0, mixed=False):
    """Runs one cell of a folder that `begin_cells` or `run_study` has begun.

    Any number of processes, on all machines that see the folder, may each run another
    cell of it; of one cell the second waits for the first.

    Args:
        folder: Path of the study's folder.
        name: String, the name of the cell, such as `"vit/fraction_10/seed_1"`.
        devices: As for `keras_vit.training.train`.
        keep: `"all"` or `"none"`: whether the weights stay when the cell has been
            evaluated. Defaults to `"all"` in a study of up to ten cells, else `"none"`.
        save_minutes: Float, minutes between two saves.
        mixed: Boolean, as for `run_study`.

    Returns:
        The cell's result, a dictionary; see `keras_vit.studies.running.cells`.

    Raises:
        ValueError: if there is no such study or cell, its weights cannot be had, or
            the pretraining that it begins with has not ended.
    """
    folder = StudyFolder(folder)
    cells = {cell.name: cell for cell in folder.read_study().cells()}
    if name not in cells:
        raise ValueError(
            f"The study in {folder} has no cell {name!r}.{hint(name, cells)}"
        )
    keep = usual_keep(cells) if keep is None else keep
    if keep == "best":
        raise ValueError(
            "Which cell of an arm is the best is known when all have ended. Received: "
            "keep='best' for one cell. Choose 'all' or 'none'."
        )
    fetch_weights([cells[name]], folder)
    options = {"devices": devices, "save_minutes": save_minutes, "mixed": mixed}
    result = run_cell(cells[name], folder, **options)
    done = result["status"] in FINAL
    if keep == "none" and done and not cells[name].is_pretraining:
        folder.drop_model(name)
    return result
