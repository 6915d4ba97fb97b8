"""The command `keras-vit train`."""

import dataclasses
from typing import ClassVar

from keras_vit.commands.judging.advice import print_advice
from keras_vit.commands.judging.boxes import (
    print_precisions,
    print_summary_of_boxes,
    summary_of_boxes,
)
from keras_vit.commands.judging.labels import WORDS, print_scores
from keras_vit.commands.judging.masks import print_mean_iou, print_summary
from keras_vit.commands.machines.devices import on_devices
from keras_vit.commands.training.options import RunOptions
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import interval, percent
from keras_vit.evaluation.telling import balanced
from keras_vit.terminal import command, show_mistakes
from keras_vit.training.folder.choice import fold_folder, seed_folder
from keras_vit.training.folder.folder import RunFolder


@dataclasses.dataclass
class Train(RunOptions):
    """Train a model and write a run folder.

    Without options, trains a small Vision Transformer on the embedded data set
    fashion_mnist_mini, in minutes on a laptop. With --task multilabel, an image may
    have several labels, which a list says. With --task segmentation, the classes are
    those of pixels, and the data has masks; with --task detection, they are those of
    objects, and the data has boxes. With --weights, uses the published recipe for that
    model and amount of data, unless --recipe names another one; the other options
    override its fields. If the weights are a run folder, its model is the default.
    Ctrl-C stops and saves; the same command with --resume continues, with the result of
    an uninterrupted run.
    """

    # Train this many times, with consecutive seeds from --seed on, in folders below
    # --run, and print the mean.
    seeds: int = 1
    # Cross-validation: train this many times, each time on all but one of so many equal
    # parts, in folders below --run, and report on all images, each as the model that
    # did not see it answers (of several labels and of boxes, mean and spread alone).
    # With --group-by, no group is in two parts.
    folds: int | None = None
    # Number of devices that share one copy of the model, each with a slice of it (JAX
    # only).
    model_parallel: int = 1

    kind: ClassVar[str] = "train"

    def __post_init__(self):
        super().__post_init__()
        folds = self.folds
        if self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1. Received: {self.seeds}")
        if folds is not None and folds < 2:
            raise ValueError(f"`folds` must be at least 2. Received: {folds}")
        if folds is not None and (self.seeds > 1 or "fold" in self.given):
            other = "--seeds" if self.seeds > 1 else "--fold"
            raise ValueError(
                f"--folds and {other} each say what the runs are: give one of them. "
                "For several seeds of a cross-validation call the command once for "
                "each, with --seed and a folder of its own."
            )
        if self._many and self.run is None:
            raise ValueError(
                "Several runs need one folder for all of theirs: give --run with "
                f"--seeds or --folds. Received: seeds={self.seeds}, folds={folds}"
            )

    @property
    def _many(self):
        return self.seeds > 1 or self.folds is not None

    def __call__(self):
        self.begin(one=not self._many)
        with on_devices(self.devices, self.model_parallel) as devices:
            recipe, *others = self.resolved()
            runs = list(self._runs(recipe))
            results = [self._train(*run, devices, *others) for run in runs]
        if not devices.is_chief:
            return 0
        if self.folds is not None:
            self._print_folds(results, runs[0][0])
        elif len(results) > 1:
            _print_seeds(results)
        return 0

    def _runs(self, recipe):
        """`(recipe, folder)` of each run; a folder `None` is a new one."""
        if self.folds is not None:
            for place in range(1, self.folds + 1):
                own = dataclasses.replace(recipe, fold=f"{place}/{self.folds}")
                yield own, fold_folder(self.run, place)
        elif self.seeds > 1:
            for seed in range(recipe.seed, recipe.seed + self.seeds):
                own = dataclasses.replace(recipe, seed=seed)
                yield own, seed_folder(self.run, seed)
        else:
            yield recipe, self.run

    def _train(self, recipe, run, devices, reasons, place):
        """One run, evaluated."""
        from keras_vit.reporting.results import write_results

        resume = self.resume
        if self._many:
            resume = resume and RunFolder(run).is_run()
        try:
            notes = {"reasons": reasons} if reasons else None
            options = {"run": run, "resume": resume, "notes": notes}
            result = self.train(recipe, devices, place, **options)
        except KeyboardInterrupt as interrupt:
            if self._many:  # all of them are resumed
                interrupt.folder = self.run
            raise
        try:
            with progress_bar("evaluating") as progress:
                options = {"progress": progress, "place": place}
                evaluation = write_results(result.folder, **options)
        except KeyboardInterrupt as interrupt:  # resumed, the results are written
            interrupt.folder = self.run if self._many else result.folder
            raise
        if devices.is_chief:
            self._print(result.folder, evaluation)
        return evaluation

    def _print_folds(self, results, recipe):
        """What the folds say together, and where that is written."""
        from keras_vit.reporting.pooled import write_folds

        pooled = write_folds(self.run, results, recipe)
        _print_seeds(results, "folds")
        if pooled is None:
            print(
                "no report of all folds: average precision orders all images by their "
                "scores, and those of several models cannot be compared"
            )
            return
        if _of_masks(pooled):
            print_mean_iou(pooled)
        else:
            bounds = interval(pooled.accuracy_interval)
            print(
                f"all {pooled.num_examples:,} images, each by the model that did not "
                f"see it: accuracy {percent(pooled.accuracy)}{bounds}, "
                f"{pooled.interval_method}"
            )
        print(f"report of all folds: {self.run / 'report.html'}")

    def _print(self, folder, evaluation):
        if _of_masks(evaluation):
            print_mean_iou(evaluation)
            shown = "the best and the worst images"
        elif _of_labels(evaluation):
            print_scores(evaluation)
            shown = "each label and the most confident mistakes"
        elif _of_boxes(evaluation):
            print_precisions(evaluation)
            shown = "missed and false boxes"
        else:
            if evaluation.unequal:
                print(f"balanced test accuracy: {balanced(evaluation)}")
            bounds = interval(evaluation.accuracy_interval)
            print(f"test accuracy: {percent(evaluation.accuracy)}{bounds}")
            show_mistakes(evaluation, 3)
            shown = "the most confident mistakes"
        print(f"run folder: {folder}")
        report = folder.path / "report.html"
        if report.exists():
            print(f"report, with {shown}: {report}")
        print(f"model card: {folder.path / 'model_card.md'}")
        if self.seeds == 1:
            print_advice(folder)
        print(f"next: {command('evaluate', folder)}")
        print(f"      {command('predict', folder, 'IMAGE_OR_FOLDER')}")


def _print_seeds(results, what="runs"):
    """The mean over runs, and how much they differ."""
    from keras_vit.evaluation import summarise

    if _of_masks(results[0]):
        print_summary(summarise([found.scores.mean_iou for found in results]))
        return
    if _of_labels(results[0]):
        for name in ("mean_ap", "macro_f1"):
            found = summarise([evaluation.scores[name] for evaluation in results])
            spread = 100 * found.standard_deviation
            share = f"{100 * found.mean:.2f} ± {spread:.2f} %"
            print(f"{WORDS[name]} of {found.n} {what}: {share}")
        return
    if _of_boxes(results[0]):
        print_summary_of_boxes(summary_of_boxes(results))
        return
    accuracy = summarise([found.accuracy for found in results])
    spread = 100 * accuracy.standard_deviation
    print(
        f"test accuracy of {accuracy.n} {what}: "
        f"{100 * accuracy.mean:.2f} ± {spread:.2f} %"
    )


def _of_masks(evaluation):
    """Whether an evaluation is of classes of pixels."""
    return hasattr(evaluation, "tallies")


def _of_labels(evaluation):
    """Whether an evaluation is of several labels an image."""
    return hasattr(evaluation, "thresholds")


def _of_boxes(evaluation):
    """Whether an evaluation is of boxes of objects."""
    return hasattr(evaluation, "tally")
