"""`keras-vit train`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.terminal import command, interval, percent
from keras_vit.training.folder.choice import seed_folder
from keras_vit.training.recipes.recipe import Recipe


@dataclasses.dataclass
class Train:
    """Train a model and write a run folder.

    Without options: a small Vision Transformer on the embedded data set
    fashion_mnist_mini, in minutes on a laptop. With --weights, the published recipe for
    that model and so much data, unless --recipe names another one; the options then
    change it. If the weights are a run folder, its model is the default. Ctrl-C stops
    and saves; the same command with --resume goes on, and ends as if it had not been
    stopped.
    """

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    # Begin with this recipe: a published one (`keras-vit recipes` lists them), a JSON
    # file, a run folder, or auto for the one that suits model, weights and data. The
    # options above then change it.
    start: Annotated[str | None, tyro.conf.arg(name="recipe")] = None
    # Train so many times, with the seeds that follow from --seed, in folders below that
    # of --run, and print the mean.
    seeds: int = 1
    # Look at images and labels first: classes, broken files, duplicates.
    check: bool = True
    # Run folder, new or empty; runs/DATA-MODEL-NUMBER where not given.
    run: Path | None = None
    # Go on with the run in that folder, or with the last one.
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    # Where to train: auto takes a TPU, else all GPUs, else the CPU; or cpu, gpu or tpu,
    # with a number for so many, such as gpu:2. cpu:8 tries out eight devices.
    devices: str = "auto"
    # Devices that share one copy of the model, each with a slice (JAX only).
    model_parallel: int = 1
    # Minutes between saves inside a long epoch.
    save_minutes: float = 10.0
    # Why the recipe was chosen, for run.json.
    reasons: tyro.conf.Suppress[tuple[str, ...]] = ()

    def __post_init__(self):
        if self.recipe.masked_target is not None:
            raise ValueError(
                "`train` learns classes, and hidden patches are what `pretrain` "
                "predicts: use that command. "
                f"Received: masked_target={self.recipe.masked_target!r}"
            )
        if self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1. Received: {self.seeds}")
        if self.seeds > 1 and self.run is None:
            raise ValueError(
                "Several runs need one folder for all of theirs: give --run with "
                f"--seeds. Received: seeds={self.seeds}"
            )

    def __call__(self):
        with on_devices(self.devices, self.model_parallel) as devices:
            results = [self._train(i, devices) for i in range(self.seeds)]
        if len(results) > 1 and devices.is_chief:
            from keras_vit.evaluation import summarise

            accuracy = summarise([evaluation.accuracy for evaluation in results])
            spread = 100 * accuracy.standard_deviation
            print(
                f"test accuracy of {accuracy.n} runs: "
                f"{100 * accuracy.mean:.2f} ± {spread:.2f} %"
            )
        return 0

    def _train(self, number, devices):
        """One run, evaluated: with seed number `number`, in a folder of its own."""
        from keras_vit.reporting.results import write_results
        from keras_vit.training import RunFolder, train

        recipe, run, resume = self.recipe, self.run, self.resume
        if self.seeds > 1:
            recipe = dataclasses.replace(recipe, seed=recipe.seed + number)
            run = seed_folder(run, recipe.seed)
            resume = resume and RunFolder(run).is_run()
        try:
            result = train(
                recipe,
                run,
                devices=devices,
                resume=resume,
                save_minutes=self.save_minutes,
                check=self.check,
                notes={"reasons": list(self.reasons)} if self.reasons else None,
            )
        except KeyboardInterrupt as interrupt:
            if self.seeds > 1:  # what goes on is all of them
                interrupt.folder = self.run
            raise
        with progress_bar("evaluating") as progress:
            evaluation = write_results(result.folder, progress=progress)
        if devices.is_chief:
            self._print(result.folder, evaluation)
        return evaluation

    def _print(self, folder, evaluation):
        from keras_vit.evaluation import worst_pairs

        bounds = interval(evaluation.accuracy_interval)
        print(f"test accuracy: {percent(evaluation.accuracy)}{bounds}")
        names, support = evaluation.class_names, evaluation.confusion.sum(axis=1)
        for true, predicted, count in worst_pairs(evaluation.confusion)[:3]:
            print(
                f"  {names[true]} taken for {names[predicted]}: "
                f"{count} of {support[true]}"
            )
        print(f"run folder: {folder}")
        report = folder.path / "report.html"
        if report.exists():
            print(f"report, with the most confident mistakes: {report}")
        print(f"model card: {folder.path / 'model_card.md'}")
        print(f"next: {command('evaluate', folder)}")
        print(f"      {command('predict', folder, 'IMAGE_OR_FOLDER')}")
