"""Runs one cell of a study: its training, its evaluation, its result.json."""

import dataclasses
import errno
import gc
import logging
import shutil
import time
import traceback

import numpy as np

from keras_vit.common.files import FULL, write_json, write_text
from keras_vit.common.locks import take
from keras_vit.common.wording import as_file_size
from keras_vit.costs.memory import TooLarge
from keras_vit.data import open_place
from keras_vit.data.readers.leftovers import LOCK
from keras_vit.devices import as_strategy
from keras_vit.evaluation import evaluate
from keras_vit.reporting.results import write_predictions
from keras_vit.studies.folder import DIVERGED, DONE, FAILED, TOO_LARGE
from keras_vit.studies.running.data_prints import (
    DataChanged,
    check_data,
    environment_id,
    fingerprint,
)
from keras_vit.studies.running.facts import facts_of_run
from keras_vit.studies.running.machines import (
    OtherMachine,
    check_machine,
    machine_differences,
)
from keras_vit.studies.running.probed import probed
from keras_vit.training.datasets import load_data
from keras_vit.training.run.divergence import Diverged
from keras_vit.training.run.environment import describe_environment
from keras_vit.training.run.train import train

logger = logging.getLogger(__name__)

# A cell in which something fails is tried so often.
ATTEMPTS = 2

# Seconds that a cell waits for another process that still trains it.
_PATIENCE = 60.0

# What is known of the test images: nothing of a pretraining without labels.
OUTCOMES = ("outcome", "test_accuracy", "low", "high", "test_images")

# Beside result.json of a failed cell: where its error came from, for this machine.
TRACEBACK = "traceback.txt"


class Busy(ValueError):
    """Another process trains the cell."""


class NotReady(ValueError):
    """A cell begins with the weights of one that has not ended."""


def run_cell(
    cell,
    folder,
    *,
    devices="auto",
    save_minutes=1.0,
    place=None,
    room=0,
    mixed=False,
):
    """Runs a cell, or what is left of it, and writes its result.json.

    A cell that has a result is not run again, unless it had failed. A cell that was
    stopped or killed goes on after its last save, with the same result.

    Args:
        cell: A `Cell`.
        folder: The `StudyFolder`.
        devices: As for `keras_vit.training.train`.
        save_minutes: Float, minutes between two saves.
        place: The opened place of the cell's data, or `None`.
        room: Integer, bytes that the cell needs on the disk.
        mixed: Boolean, whether a cell may go on that was begun on a machine of another
            kind or with other versions; it is marked then. Otherwise it fails.

    Returns:
        The result, a dictionary: what result.json holds. Accuracies are in percent.

    Raises:
        DataChanged: if the data are not those of the cells that have ended.
        Busy: if another process trains the cell, and goes on for more than a minute.
        NotReady: if the cell with whose weights it begins has not ended.
        OSError: if the disk is full. The cell can be gone on with.
        KeyboardInterrupt: after Ctrl-C, with the state saved.
    """
    if folder.is_final(cell.name):
        return folder.read_result(cell.name)
    started = time.monotonic(), time.process_time()
    found = _hindered(cell, folder)
    for attempt in range(1, ATTEMPTS + 1) if found is None else ():
        try:
            _check_room(folder, room)
            if cell.trains:
                found = _trained(cell, folder, devices, save_minutes, place, mixed)
            else:
                recipe = _recipe_of(cell, folder, folder.run(cell.name))
                found = probed(cell, folder, devices, recipe, mixed)
            break
        except Diverged as error:
            found = {"status": DIVERGED, "message": str(error)}
            break
        except TooLarge as error:
            found = {"status": TOO_LARGE, "message": str(error)}
            break
        except OtherMachine as error:
            found = {"status": FAILED, "message": str(error)}
            break
        except (DataChanged, Busy):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            found = {"status": FAILED, "message": _explained(error, cell, folder)}
            if attempt < ATTEMPTS:
                logger.warning("%s failed, and is tried again: %s", cell.name, error)
        finally:
            gc.collect()  # the model, before the next one is built
    spent = {  # by this call alone, whatever the cell ended with
        "seconds": round(time.monotonic() - started[0], 1),
        "cpu_seconds": round(time.process_time() - started[1], 1),
    }
    result = {**facts_of_cell(cell), **found, "spent": spent}
    if result["status"] != FAILED:
        (folder.cell(cell.name) / TRACEBACK).unlink(missing_ok=True)
    folder.write_result(cell.name, result)
    return result


def facts_of_cell(cell):
    """What every result.json says of its cell."""
    return {
        **{"name": cell.name, "arm": cell.arm, "level": cell.level},
        **{"seed": cell.seed, "length_check": cell.length_check},
        "folder": f"cells/{cell.name}/run",
    }


def _hindered(cell, folder):
    """What a cell ends with whose pretraining has no weights for it, else `None`."""
    if not cell.needs:
        return None
    first = folder.read_result(cell.needs)
    if first is None:
        raise NotReady(
            f"{cell.name} begins with the weights of {cell.needs}, which has not "
            "ended. Run that cell first."
        )
    if first["status"] != DONE:
        message = f"It needs the weights of {cell.needs}: {first['status']}."
    elif folder.run(cell.needs).model.exists() or folder.run(cell.name).model.exists():
        return None
    else:
        message = (
            f"The weights of {cell.needs} are gone: delete its folder in "
            f"{folder}/cells, then give the same command again."
        )
    ended = DIVERGED if first["status"] == DIVERGED else FAILED
    return {"status": ended, "message": message, "because_of": cell.needs}


def _recipe_of(cell, folder, run):
    """The recipe of a cell's run, with the weights of its pretraining."""
    if not cell.needs:
        return cell.recipe
    weights = str(folder.run(cell.needs).path)
    if run.is_run():  # which may have begun in a folder that was moved
        weights = run.read_record()["recipe"]["weights"]
    return dataclasses.replace(cell.recipe, weights=weights)


def _trained(cell, folder, devices, save_minutes, place, may_mix):
    """What the cell's result.json says of its run."""
    started = time.monotonic(), time.process_time()
    run = folder.run(cell.name)
    run.path.mkdir(parents=True, exist_ok=True)
    _wait_for(run)
    if not run.is_run():  # killed before it had begun
        shutil.rmtree(run.path, ignore_errors=True)
        run.path.mkdir()
    masked = cell.recipe.masked_target is not None
    whole = {"validation_fraction": None, "keep": "last"}
    whole = dataclasses.replace(cell.recipe, **whole)
    with as_strategy(devices).scope():
        place = open_place(cell.recipe.data) if place is None else place
        train_source, test_source = load_data(whole, place)
        prints = {"train": fingerprint(train_source), "test": fingerprint(test_source)}
        check_data(cell, folder, prints)
        resume = run.is_run()
        if resume and not may_mix:
            _check_machine(cell, run)
        train(
            _recipe_of(cell, folder, run),
            run.path,
            resume=resume,
            progress=False,
            check=False,
            save_minutes=save_minutes,
            notes={"cell": cell.name},
            place=place,
        )
        outcomes = dict.fromkeys(OUTCOMES) if masked else _tested(run, test_source)
    record = run.read_record()
    sessions = [session["environment"] for session in record["sessions"]]
    seconds = time.monotonic() - started[0], time.process_time() - started[1]
    if resume:  # of which only the training was measured before
        seconds = record["result"]["seconds"], record["result"]["cpu_seconds"]
    mixed = any(machine_differences(sessions[0], other) for other in sessions[1:])
    if cell.needs:
        mixed |= folder.read_result(cell.needs)["mixed"]
    result = {
        "status": DONE,
        **facts_of_run(record, run.read_history()),
        # Of a cell of several machines or versions, times say nothing.
        "seconds": None if mixed else round(seconds[0], 1),
        "cpu_seconds": None if mixed else round(seconds[1], 1),
        "environment": environment_id(sessions[-1]),
        "mixed": mixed,
        **outcomes,
        "fingerprints": prints,
    }
    if not masked and _learnt_nothing(folder.read_predictions(cell.name)):
        message = "It gives all test images the same class: it has learnt nothing."
        return {**result, "status": DIVERGED, "message": message}
    return result


def _check_machine(cell, run):
    """Raises if a run that is not over was begun elsewhere."""
    record = run.read_record()
    if record["status"] == "finished" or not record.get("sessions"):
        return
    before = record["sessions"][0]["environment"]
    check_machine(cell.name, before, describe_environment(), run)


def _tested(run, test_source):
    """What a result says of the test images; writes the answers to them."""
    evaluation = evaluate(run.path, test_source, mistakes=0)
    write_json(run.path / "evaluation.json", evaluation.to_json())
    write_predictions(evaluation, run.path / "predictions.npz")
    accuracy = 100 * evaluation.accuracy
    low, high = (100 * bound for bound in evaluation.accuracy_interval)
    values = accuracy, accuracy, low, high, evaluation.num_examples
    return dict(zip(OUTCOMES, values))


def _wait_for(run):
    """Waits for a worker of a command that was killed, which may be saving still."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with open(run.path / LOCK, "a+") as file:
            if take(file) is not False:
                return
        time.sleep(1.0)
    raise Busy(
        f"Another process trains in {run}. Wait for it, or stop it; then give the same "
        "command again."
    )


def _check_room(folder, room):
    free = shutil.disk_usage(folder.path).free
    if free < room:
        raise OSError(
            errno.ENOSPC,
            f"A cell needs {as_file_size(room)}, and {as_file_size(free)} are free. "
            "Make room, then give the same command again. The finished cells are whole",
            str(folder.path),
        )


def _learnt_nothing(answers):
    several = len(np.unique(answers["labels"])) > 1
    return several and len(np.unique(answers["predicted"])) == 1


def _explained(error, cell, folder):
    """The last line of an error, for tables; all of it goes into a file of the cell."""
    text = "".join(traceback.format_exception(error)).strip()
    folder.cell(cell.name).mkdir(parents=True, exist_ok=True)
    write_text(folder.cell(cell.name) / TRACEBACK, text + "\n")
    said = str(error).strip().splitlines()
    kind = type(error).__name__
    return f"{kind}: {said[-1].strip()}" if said else kind
