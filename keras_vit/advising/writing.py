"""`advise`: what a colleague would say of a finished run, told and written down."""

import json
import logging

from keras_vit.advising.advice import Advice, Line
from keras_vit.advising.conditions import Evidence
from keras_vit.advising.looking import look_at_images
from keras_vit.advising.relabelling import write_list, write_relabel_page
from keras_vit.advising.rules import RULES
from keras_vit.common.files import write_json
from keras_vit.common.progress import progress_bar
from keras_vit.common.regular import read_regular
from keras_vit.devices import current
from keras_vit.evaluation import evaluate, evaluate_boxes, evaluate_masks
from keras_vit.inference.loaded import load_model
from keras_vit.training.datasets import load_parts, located
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.recipes.recipe import Recipe

logger = logging.getLogger(__name__)

FILE = "advice.json"
EVALUATIONS = {
    "classification": evaluate,
    "segmentation": evaluate_masks,
    "detection": evaluate_boxes,
}


def advise(run, *, look=True, place=None):
    """What to try next with a run, and what is odd about its data.

    Every line has the numbers that it rests on and the command to try. They come from
    what the run has measured, and from its images: features of up to 10,000 images of
    each part are computed once, and a label counts as suspicious where the model and
    the nearest images say another class. The run folder gets `advice.json` and, if
    there are such labels, `relabel.html` with their pictures and `relabel.csv`, a list
    of all images of a folder or list that `train` takes as data.

    Args:
        run: Path of the folder of a finished run, or its `RunFolder`.
        look: Boolean, whether to look at the images, which takes a forward pass over
            them: about a third of an epoch of training.
        place: What `keras_vit.data.open_place` made of the run's data, or `None`.

    Returns:
        `keras_vit.advising.Advice`, a list that prints as text, and as HTML in a
        notebook.

    Raises:
        ValueError: if there is no finished run.

    Example:

    >>> print(keras_vit.advise("runs/mine"))
    - 90.2% are right. For comparison: always saying NORMAL gives 50.3%.
    - The test loss still fell by 9% over the last 8 tests (0.31 to 0.28), ...
        keras-vit train --recipe runs/mine --epochs 72
    """
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    if not folder.is_run():
        raise ValueError(f"There is no training run in {folder}: it has no run.json.")
    record = folder.read_record(needed=("recipe", "data"))
    if record.get("status") != "finished":
        raise ValueError(
            f"Advice is for finished runs. Received: {folder}, whose status is "
            f"{record.get('status')!r}. Finish it with --resume first."
        )
    looked, listed = _look(folder, record, place) if look else (None, False)
    evidence = Evidence(
        record=record,
        recipe=record["recipe"],
        history=folder.read_history(),
        evaluation=_evaluation(folder, record, place, look),
        looked=looked,
        listed=listed,
    )
    advice = lines(evidence, folder)
    write_json(folder.path / FILE, advice.to_json())
    return advice


def read_advice(run):
    """The `Advice` that a run folder holds; without any, an empty one.

    Args:
        run: Path of the folder, or its `RunFolder`.
    """
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    file = folder.path / FILE
    if not file.is_file():
        return Advice()
    try:
        rows = json.loads(read_regular(file))
        return Advice(map(_line, rows))
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{file} is damaged: delete it, and run advise again."
        ) from None


def _line(row):
    return Line(row["rule"], row["text"], tuple(row["command"]), row["numbers"])


def lines(evidence, folder):
    """The advice that the table of rules gives."""
    recipe = evidence.recipe
    task = recipe.get("task", "classification")
    known = {"run": str(folder), "data": recipe.get("data"), "task": task}
    found = []
    for rule in RULES:
        numbers = rule.condition(evidence) if task in rule.tasks else None
        if numbers is None:
            continue
        values = {**known, **numbers}
        words = (word for part in rule.command.split() for word in _words(part, values))
        text = rule.sentence.format(**values)
        found.append(Line(rule.name, text, tuple(words), numbers))
    return Advice(found)


def _words(part, values):
    """One word of a command, or the several of a number that holds options."""
    word = part.format(**values)
    is_options = part.startswith("{") and word.startswith("--")
    return word.split() if is_options else [word]


def _evaluation(folder, record, place, look):
    """What evaluation.json holds; without one, a new evaluation if that is wanted."""
    if folder.evaluation.is_file():
        found = json.loads(read_regular(folder.evaluation))
        return found if isinstance(found, dict) else {}
    way = EVALUATIONS.get(record["recipe"].get("task", "classification"))
    masked = record["recipe"].get("masked_target") is not None
    if way is None or masked or not look:
        return {}
    with progress_bar("evaluating") as bar:
        return way(folder.path, progress=bar, place=place).to_json()


def _look(folder, record, place):
    """What looking at the images of a run of one class an image found, else `None`.

    And whether a list of them was written.
    """
    recipe = Recipe.from_json(record["recipe"])
    if recipe.task != "classification" or recipe.masked_target is not None:
        return None, False
    if current().num_hosts > 1:  # the lines of the others are for one process to write
        return None, False
    if place is None:
        recipe = located(recipe, folder, record)
    parts = dict(load_parts(recipe, place, _chosen(record)).named())
    if any(source.labels is None for source in parts.values()):
        logger.info("The data is streamed: its images are not looked at again.")
        return None, False
    model = load_model(folder.path)
    with progress_bar("looking at the images once more") as bar:
        looked = look_at_images(model, parts, progress=bar)
    if looked is None or not looked.suspicious:
        return looked, False
    rows = write_list(looked, parts, folder.path / "relabel.csv")
    write_relabel_page(looked, folder.path / "relabel.html", rows)
    return looked, bool(rows)


def _chosen(record):
    """What makes `load_parts` give the parts that the run had."""
    return ["as the run did"] if "validation" in record.get("data", {}) else ()
