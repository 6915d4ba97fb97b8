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
from keras_vit.training.folder.choice import seed_folder
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
    # Number of devices that share one copy of the model, each with a slice of it (JAX
    # only).
    model_parallel: int = 1

    kind: ClassVar[str] = "train"

    def __post_init__(self):
        super().__post_init__()
        if self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1. Received: {self.seeds}")
        if self.seeds > 1 and self.run is None:
            raise ValueError(
                "Several runs need one folder for all of theirs: give --run with "
                f"--seeds. Received: seeds={self.seeds}"
            )

    def __call__(self):
        self.begin(one=self.seeds == 1)
        with on_devices(self.devices, self.model_parallel) as devices:
            resolved = self.resolved()
            results = [self._train(i, devices, *resolved) for i in range(self.seeds)]
        if len(results) > 1 and devices.is_chief:
            from keras_vit.evaluation import summarise

            if _of_masks(results[0]):
                ious = [evaluation.scores.mean_iou for evaluation in results]
                print_summary(summarise(ious))
                return 0
            if _of_labels(results[0]):
                for name in ("mean_ap", "macro_f1"):
                    values = [evaluation.scores[name] for evaluation in results]
                    found = summarise(values)
                    spread = 100 * found.standard_deviation
                    share = f"{100 * found.mean:.2f} ± {spread:.2f} %"
                    print(f"{WORDS[name]} of {found.n} runs: {share}")
                return 0
            if _of_boxes(results[0]):
                print_summary_of_boxes(summary_of_boxes(results))
                return 0

            accuracy = summarise([evaluation.accuracy for evaluation in results])
            spread = 100 * accuracy.standard_deviation
            print(
                f"test accuracy of {accuracy.n} runs: "
                f"{100 * accuracy.mean:.2f} ± {spread:.2f} %"
            )
        return 0

    def _train(self, number, devices, recipe, reasons, place):
        """One run, evaluated: with seed number `number`, in a folder of its own."""
        from keras_vit.reporting.results import write_results

        run, resume = self.run, self.resume
        if self.seeds > 1:
            recipe = dataclasses.replace(recipe, seed=recipe.seed + number)
            run = seed_folder(run, recipe.seed)
            resume = resume and RunFolder(run).is_run()
        try:
            notes = {"reasons": reasons} if reasons else None
            options = {"run": run, "resume": resume, "notes": notes}
            result = self.train(recipe, devices, place, **options)
        except KeyboardInterrupt as interrupt:
            if self.seeds > 1:  # all of them are resumed
                interrupt.folder = self.run
            raise
        try:
            with progress_bar("evaluating") as progress:
                options = {"progress": progress, "place": place}
                evaluation = write_results(result.folder, **options)
        except KeyboardInterrupt as interrupt:  # resumed, the results are written
            interrupt.folder = self.run if self.seeds > 1 else result.folder
            raise
        if devices.is_chief:
            self._print(result.folder, evaluation)
        return evaluation

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


def _of_masks(evaluation):
    """Whether an evaluation is of classes of pixels."""
    return hasattr(evaluation, "tallies")


def _of_labels(evaluation):
    """Whether an evaluation is of several labels an image."""
    return hasattr(evaluation, "thresholds")


def _of_boxes(evaluation):
    """Whether an evaluation is of boxes of objects."""
    return hasattr(evaluation, "tally")
