"""`train`: carries out a recipe in a run folder, from its data to its model."""

import contextlib
import logging
import shutil

import keras_vit.data
from keras_vit.common.installed import is_installed
from keras_vit.common.shown_log import shown_log
from keras_vit.common.wording import as_file_size, printable, shortened
from keras_vit.costs.flops import run_cost
from keras_vit.devices import as_strategy, current
from keras_vit.pretraining import is_pretraining
from keras_vit.training.folder.choice import (
    check_free,
    check_same,
    find_run_to_resume,
    new_folder,
)
from keras_vit.training.folder.curves import plot_curves
from keras_vit.training.folder.folder import GuestFolder, clear_leftovers
from keras_vit.training.folder.masked_pictures import MaskedPatchPictures
from keras_vit.training.folder.tensorboard import TensorBoardLog
from keras_vit.training.optimizers.averaging import UseAverages
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.run.batches import test_batches, training_batches
from keras_vit.training.run.callbacks import (
    Interrupted,
    LogLearningRate,
    Progress,
    Restore,
    Save,
    StopRequest,
    save_weights,
)
from keras_vit.training.run.calls import fit_calls
from keras_vit.training.run.divergence import StopDiverged
from keras_vit.training.run.guests import Guests, check_callbacks, check_steering
from keras_vit.training.run.kept import (
    end_of_patience,
    kept_row,
    other_row,
    what_is_kept,
)
from keras_vit.training.run.prepare import begin_files, prepare
from keras_vit.training.run.result import Result
from keras_vit.training.run.thresholds import set_thresholds
from keras_vit.training.tracking.tracking import Tracking, check_trackers

logger = logging.getLogger(__name__)


def train(
    recipe=None,
    run=None,
    *,
    devices="auto",
    resume=False,
    save_minutes=10.0,
    save_steps=None,
    callbacks=(),
    track=(),
    progress=None,
    check=True,
    notes=None,
    place=None,
):
    """Trains the model of a recipe, in a folder that holds everything about the run.

    The folder holds `model.keras` (which describes itself: `keras_vit.predict` needs
    nothing else), `run.json` (recipe, versions, threads, data), `history.csv`,
    `curves.png` and `tensorboard/` where matplotlib and tensorboard are installed,
    and `checkpoints/`. The state is saved after each epoch, and within long ones, so
    that a run that was stopped or killed resumes with `resume=True`; on a CPU its
    result is then equal, bit for bit, to that of a run that was never stopped. The
    recipe's seed becomes the global seed of Keras, NumPy and Python.

    Args:
        recipe: A `Recipe`. Defaults to `Recipe()`, which trains a small model on the
            embedded data set.
        run: Path of the run folder, new or empty. Defaults to
            `runs/<data>-<model>-<number>`.
        devices: A `Strategy`, or what `keras_vit.training.strategy` takes, such as
            `"gpu:2"`. Inside the scope of a strategy, that one. Where several processes
            train, all call this, with the same `run` on a disk that they share, and the
            first one writes. The learning rate is never changed for their number.
        resume: Boolean, whether to resume the run in the folder. Without `run`,
            the last one of this data and model.
        save_minutes: Float, minutes between saves inside an epoch.
        save_steps: Integer or `None`, updates between saves inside an epoch.
        callbacks: Further Keras callbacks. EarlyStopping (model.keras then has the
            weights that it restores), ModelCheckpoint, CSVLogger and TensorBoard go on
            where they were when a run is resumed with them. So does ReduceLROnPlateau,
            whose factors multiply what the schedule says from then on. A
            LearningRateScheduler needs a recipe with `decay="constant"`,
            `warmup_steps=0` and `cooldown_steps=0`. What callbacks of others remember
            is not saved: a resumed run says so.
        track: `"mlflow"`, `"wandb"` or `"tensorboard"`, or several of them: who is told
            the recipe, the numbers of each test, and by
            `keras_vit.reporting.results.write_results` those of the test images and
            the files of the report. Where to, their own variables say, such as
            MLFLOW_TRACKING_URI and WANDB_MODE. One that fails is left out.
        progress: Boolean, whether to show a progress bar. By default where stderr is
            a terminal. A line for each epoch is logged; where a program or notebook has
            not set up logging, it is shown on stderr, unless this is `False`.
        check: Boolean, whether to look at up to 10,000 images of both parts of the
            data before a new run, as `check_data` does; what it warns of is logged
            and written into run.json. Defaults to `True`.
        notes: Dictionary of JSON values to be written into run.json, or `None`.
        place: What `keras_vit.data.open_place(recipe.data)` returned, if the data were
            looked at before, so that their files are not searched again; or `None`.

    Returns:
        A `Result`.

    Raises:
        ValueError: if the recipe contradicts its data or model, a callback cannot
            work, an image cannot be read, the memory would not hold the run, the folder
            is taken, there is nothing to resume, the data has changed since the run
            began, or the training diverged. run.json then calls the run failed, and
            has the reason.
        Interrupted: after Ctrl-C, with the state saved.

    Example:

    >>> recipe = keras_vit.training.Recipe(data="./my_images", epochs=50)
    >>> keras_vit.training.train(recipe, "runs/mine").metrics["val_accuracy"]
    """
    recipe = Recipe() if recipe is None else recipe
    callbacks, track = check_callbacks(callbacks, recipe), check_trackers(track)
    options = {"check": check, "notes": notes, "progress": progress, "place": place}
    save = {"every_steps": save_steps, "every_seconds": 60.0 * save_minutes}
    with (
        shown_log(progress is not False),
        as_strategy(devices).scope() as strategy,
    ):
        folder = _open(recipe, run, resume, strategy)
        return _train(recipe, folder, resume, options, save, callbacks, track)


def _open(recipe, run, resume, strategy):
    """The run folder; of another process's run, one that writes nothing."""
    if strategy.num_hosts > 1 and run is None:
        raise ValueError(
            "Several processes need one run folder that all of them use: give "
            "`run` (--run)."
        )
    if resume:
        folder, own = find_run_to_resume(recipe, run)
        check_same(folder, own, recipe)
    else:
        folder = strategy.chief_first(lambda: new_folder(recipe, run))
    return folder if strategy.is_chief else GuestFolder(run)


def _train(recipe, folder, resume, options, save, callbacks, track):
    with folder.locked(), _discarding(folder):
        before = None
        if resume:
            before = folder.read_record(needed=("resolved", "data", "sessions"))
        if before is not None and before["status"] == "finished":
            logger.info(
                "The run in %s is finished; there is nothing left to do.", folder
            )
            result = _result(folder, folder.read_record(needed=("result",)))
            if folder.is_own:
                clear_leftovers(folder)
                shutil.rmtree(folder.checkpoints, ignore_errors=True)
            return result
        if folder.is_own:
            if before is None:
                check_free(folder)  # Another process may have been here meanwhile.
            clear_leftovers(folder)
        if before is not None:
            check_steering(folder, before, callbacks)
        job = prepare(recipe, folder, before, callbacks=callbacks, **options)
        tracking = Tracking(track if folder.is_own else None, folder, job.record)
        try:
            record = _run(job, folder, save, callbacks, options["progress"], tracking)
        finally:
            tracking.end(job.record["status"])
        current().chief_first(lambda: None)  # wait until the files are there
        return _result(folder, record)


@contextlib.contextmanager
def _discarding(folder):
    """Removes the folder again where the block fails before there is a run."""
    try:
        yield
    except BaseException:
        folder.discard_if_unused()
        raise


def _run(job, folder, save, callbacks, progress, tracking):
    """Fits, keeps run.json true, and returns it."""
    record = job.record
    request = StopRequest()
    folder.write_record(record)  # From here on the run can be resumed.
    try:
        begin_files(job, folder, progress)
        record["status"] = "running"
        folder.write_record(record)
        with request.listening():
            best = _fit(job, folder, request, save, callbacks, progress, tracking)
        if request.signal_number is not None:  # it came after the last update
            raise Interrupted("Stopped after all updates.", request.signal_number)
        _finish(job, folder, best)
    except KeyboardInterrupt as interrupt:
        interrupt.folder = folder
        record["status"] = "interrupted"
        folder.write_record(record)
        raise
    except Exception as error:
        message = keras_vit.data.corrupt_message(error)
        record["status"] = "failed"
        record["error"] = _sentence(message or str(error) or type(error).__name__)
        with contextlib.suppress(OSError):  # The disk may be full.
            folder.write_record(record)
        if message is None:
            raise
        raise ValueError(message) from None
    if folder.is_own:
        # Nothing resumes from here, and they are three times the size of the model.
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
    return record


def _sentence(text):
    return shortened(" ".join(printable(text, keep="\n").split()), 500)


def _finish(job, folder, best):
    """Writes what a finished run has.

    Args:
        job: The `Job`.
        folder: Its folder.
        best: The number of the epoch whose weights a callback put back, or `None`.
    """
    position, record = job.position, set_thresholds(job, folder)
    rows = (row for row in position.history if row["epoch"] == best)
    row = next(rows, kept_row(job.recipe, position.history))
    record["status"] = "finished"
    why = end_of_patience(job.recipe, position.history)
    if why and position.step < job.data.total_steps:
        record["stopped"] = why
    if job.has_validation:
        other = other_row(job.recipe, position.history)
        record["kept"] = what_is_kept(job.recipe, row, other)
        logger.info("%s", record["kept"]["said"])
    record["result"] = {
        **row,
        "seconds": round(position.seconds, 1),
        "cpu_seconds": round(position.cpu_seconds, 1),
    }
    record["cost"] = run_cost(
        job.network.model,
        job.data.batch_size * position.step,
        position.seconds,
        devices=current().num_devices,
    )
    if folder.is_own:
        judged = "test" if job.data.validation is None else "validation"
        plot_curves(position.history, folder.curves, judged)
        folder.write_record(record)
        if folder.adapters.exists():
            small, large = (
                f"{file.name}, {as_file_size(file.stat().st_size)}"
                for file in (folder.adapters, folder.model)
            )
            logger.info("Adapters alone: %s; merged: %s.", small, large)


def _fit(job, folder, request, save, callbacks, progress, tracking):
    """The rest of an epoch that was begun, then whole epochs, then a short one.

    Returns:
        The number of the epoch whose weights a callback put back, or `None`.
    """
    position, lengths = job.position, (job.data.steps_per_test, job.data.total_steps)
    state, trainer = job.network.state, job.network.trainer
    within_epoch = position.step % lengths[0] > 0
    memory = state.memory if state else ()
    guests = Guests(callbacks, position, memory, within_epoch)
    calls = [] if position.stopped else fit_calls(position.step, *lengths)
    if not calls:
        if callbacks:  # which may put other weights back
            state.restore(trainer)
        return _end(guests, job, folder)
    test, test_steps = test_batches(job)
    num_tests = -(-lengths[1] // lengths[0])
    diverged = StopDiverged(folder, position, job.recipe)
    save |= {"check_weights": diverged.check_weights, "memory": guests.memory}
    with Progress(num_tests, progress if folder.is_own else False) as show:
        fixed = [
            Restore(state, within_epoch),
            diverged,
            LogLearningRate(),
            UseAverages(),
            show,
            *_logs(job, folder),
            guests,
            tracking,
            Save(job, folder, request, **save),
        ]
        for first, last, steps in calls:
            trainer.fit(
                training_batches(job),
                steps_per_epoch=steps,
                initial_epoch=first,
                epochs=last,
                validation_data=test,
                validation_steps=test_steps,
                callbacks=fixed,
                shuffle=False,  # The batches come in their order.
                verbose=0,
            )
            if trainer.stop_training:
                if position.step < lengths[1]:  # else nothing was cut short
                    done = len(position.history)
                    why = end_of_patience(job.recipe, position.history)
                    why = why or f"A callback ended the training after epoch {done}."
                    logger.info("%s", why)
                break
    return _end(guests, job, folder)


def _end(guests, job, folder):
    """Ends the training for the user's callbacks, which may put other weights back."""
    if not guests.finish(job.network.trainer) or job.recipe.keep == "best":
        return None
    save_weights(job, folder)
    return guests.best_epoch()


def _logs(job, folder):
    """The callbacks that write numbers and pictures beside the model."""
    logs, model = [], job.network.model
    if folder.is_own and is_installed("tensorboard"):
        logs.append(TensorBoardLog(folder.tensorboard))
    # Of several processes all would have to compute, but one draws.
    if is_pretraining(model) and current().num_hosts == 1:
        # Of the model that is saved: one of micro-batches wants full batches.
        batch = next(iter(test_batches(job)[0]))
        logs.append(
            MaskedPatchPictures(model, batch, folder.pictures, folder.tensorboard)
        )
    return logs


def _result(folder, record):
    rows = folder.read_history()
    if not rows:
        raise ValueError(
            f"{folder.history} holds no epoch, but {folder.record} calls the run "
            "finished: one of them is damaged. Bring it back as it was."
        )
    result = record["result"]
    times = (result.get(name, 0.0) for name in ("seconds", "cpu_seconds"))
    return Result(folder, rows, *times, epoch=result.get("epoch"))
