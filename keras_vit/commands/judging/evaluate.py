"""The command `keras-vit evaluate`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.judging.advice import advice_of, print_advice
from keras_vit.commands.judging.boxes import print_boxes, print_several_boxes
from keras_vit.commands.judging.labels import print_labels, print_several_labels
from keras_vit.commands.judging.masks import print_masks, print_several_masks
from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.common.tables import aligned
from keras_vit.common.wording import percent
from keras_vit.terminal import show
from keras_vit.training.folder.choice import find_seeds


@dataclasses.dataclass
class Evaluate:
    """Measure a trained model: loss, accuracy, calibration, and every class.

    Of a model that gives a class to every pixel: IoU, Dice and accuracy. Of one that
    finds objects: COCO's average precision. For several runs, the mean and the standard
    deviation are printed too.
    """

    # Run folders, folders of train --seeds, .keras files, or files or folders of
    # weights that say what they are; after them, the data, in the place of --data.
    models: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="RUN [RUN ...] [DATA]"),
    ]
    # Data set or folder, as for train, or a part of one, as in photos:train[80%:];
    # without a part, its test part, or all of it if it has none. If not given, the test
    # images of the run.
    data: str | None = None
    # Where TFDS keeps its data sets; TFDS's default if not given.
    data_dir: str | None = None
    # What to do with an image that cannot be read: error or skip; if not given, what
    # the run did.
    corrupt: Literal["error", "skip"] | None = None
    # Preprocessing of the images, as steps separated by |; the model's own if not
    # given. Published: "resize_small(256)|central_crop(224)" for plain ViT-S/16,
    # "resize_small(448)|central_crop(384)" for transfers of big_vision.
    steps: str | None = None
    # How many runs a folder of train --seeds must hold; any number by default.
    seeds: int | None = None
    # Write everything, with pictures, to this HTML file (one run only).
    report: Path | None = None
    # Of masks: read images in windows of this size that overlap, instead of resized.
    window: int | tuple[int, int] | None = None
    # Of masks: the distance of neighbouring pixels, such as millimetres, of rows and
    # columns; asks for the 95 % Hausdorff distance.
    spacing: float | tuple[float, float] | None = None
    # Images per batch; does not change the result. By default 64, of masks and boxes 8.
    batch_size: int | None = None
    # Where to compute: auto, cpu, gpu or tpu, with an optional number of devices, as in
    # gpu:2.
    devices: str = "auto"
    # Output format.
    format: Literal["text", "json"] = "text"

    def __post_init__(self):
        if not self.models:
            raise ValueError("evaluate needs at least one run folder or .keras file.")
        if len(self.models) > 1 and self.data is None and _is_data(self.models[-1]):
            self.data, self.models = str(self.models[-1]), self.models[:-1]
        if self.seeds is not None and self.seeds < 1:
            raise ValueError(f"`seeds` must be at least 1. Received: {self.seeds}")
        self.models = tuple(run for path in self.models for run in self._runs(path))
        if self.report is not None and len(self.models) > 1:
            raise ValueError(
                "A report is of one run. "
                f"Received: --report {self.report} with {len(self.models)} runs"
            )

    def _runs(self, path):
        """The runs of `train --seeds` in a folder, or what `path` is itself."""
        runs = find_seeds(path)
        if self.seeds is not None and len(runs) != self.seeds:
            raise ValueError(
                f"--seeds asks for a folder that train --seeds {self.seeds} wrote. "
                f"Received: {path}, which holds runs of {len(runs)} seeds"
            )
        return runs or [path]

    def __call__(self):
        if self.report is not None:
            check_writable(self.report)
        with on_devices(self.devices) as devices:
            self._check_one_kind()
            results = [self._evaluate(path) for path in self.models]
        if not devices.is_chief:
            return 0
        if hasattr(results[0], "tally"):
            return self._tell_boxes(results)
        if hasattr(results[0], "thresholds"):
            return self._tell_labels(results)
        masks = hasattr(results[0], "tallies")
        if len(results) > 1 and masks:
            print_several_masks(self.models, results, self.format)
        elif len(results) > 1:
            self._print_several(results)
        elif self.format == "json":
            show(results[0], "json")
        else:
            (print_masks if masks else print)(results[0])
            print_advice(self._run())
        if self.report is not None:
            from keras_vit import evaluation

            name = "write_segmentation_report" if masks else "write_report"
            write = getattr(evaluation, name)
            advice = advice_of(self._run())
            write(results[0], self.report, str(self.models[0]), advice)
            if self.format == "text":
                print(f"report: {self.report}")
        return 0

    def _run(self):
        """The run whose own test was scored, which has its advice; else `None`."""
        return self.models[0] if self.data is None and self.steps is None else None

    def _check_one_kind(self):
        """Raises before the work if the models cannot be compared, or one not read."""
        from keras_vit.inference.detecting import gives_boxes
        from keras_vit.inference.loaded import gives_labels, gives_pixels, load_model

        if len(self.models) < 2:
            return
        models, asked = map(load_model, self.models), (gives_boxes, gives_pixels)
        asked += (gives_labels,)
        kinds = {tuple(ask(model) for ask in asked) for model in models}
        if len(kinds) > 1:
            raise ValueError(
                "Models of one class and of several labels an image, of pixels and of "
                "boxes cannot be compared: evaluate them apart. Received: "
                f"{' '.join(map(str, self.models))}"
            )

    def _tell_boxes(self, results):
        """Prints the evaluations of detectors, and writes the report of one."""
        if len(results) > 1:
            print_several_boxes(self.models, results, self.format)
        elif self.format == "json":
            show(results[0], "json")
        else:
            print_boxes(results[0])
            print_advice(self._run())
        if self.report is not None:
            from keras_vit.evaluation import write_detection_report

            advice = advice_of(self._run())
            write_detection_report(results[0], self.report, str(self.models[0]), advice)
            if self.format == "text":
                print(f"report: {self.report}")
        return 0

    def _tell_labels(self, results):
        """Prints evaluations of several labels, and writes the report of one."""
        if len(results) > 1:
            print_several_labels(self.models, results, self.format)
        elif self.format == "json":
            show(results[0], "json")
        else:
            print_labels(results[0])
        if self.report is not None:
            from keras_vit.evaluation import write_labels_report

            write_labels_report(results[0], self.report, str(self.models[0]))
            if self.format == "text":
                print(f"report: {self.report}")
        return 0

    def _evaluate_boxes(self, model, path):
        from keras_vit.evaluation import evaluate_boxes

        for name in ("steps", "window", "spacing"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"--{name} is not for models of boxes. Received: {path}"
                )
        options = {"data_dir": self.data_dir, "corrupt": self.corrupt, "run": path}
        options["batch_size"] = self.batch_size or 8
        with progress_bar(str(path)) as bar:
            return evaluate_boxes(model, self.data, progress=bar, **options)

    def _evaluate(self, path):
        from keras_vit.evaluation import evaluate, evaluate_labels, evaluate_masks
        from keras_vit.inference.detecting import gives_boxes
        from keras_vit.inference.loaded import gives_labels, gives_pixels, load_model

        model = load_model(path)
        if gives_boxes(model):
            return self._evaluate_boxes(model, path)
        masks = gives_pixels(model)
        names = ("window", "spacing") if masks else ("steps",)
        other = ("steps",) if masks else ("window", "spacing")
        wrong = [name for name in other if getattr(self, name) is not None]
        if wrong:
            raise ValueError(
                f"--{wrong[0]} is for models of {'images' if masks else 'pixels'}. "
                f"Received: {path}"
            )
        options = {name: getattr(self, name) for name in names}
        options["batch_size"] = self.batch_size or (8 if masks else 64)
        options |= {"data_dir": self.data_dir, "corrupt": self.corrupt, "run": path}
        with progress_bar(str(path)) as bar:
            if masks:
                return evaluate_masks(model, self.data, progress=bar, **options)
            options["preprocessing"] = options.pop("steps")
            if gives_labels(model):
                return evaluate_labels(model, self.data, progress=bar, **options)
            return evaluate(model, self.data, progress=bar, **options)

    def _print_several(self, results):
        from keras_vit.evaluation import summarise

        accuracy = summarise([result.accuracy for result in results])
        loss = summarise([result.loss for result in results])
        if self.format == "json":
            runs = [
                {"model": str(path), **result.to_json()}
                for path, result in zip(self.models, results)
            ]
            show({"runs": runs, "accuracy": accuracy, "loss": loss}, "json")
            return
        rows = [
            [str(path), result.data, f"{result.loss:.4f}", percent(result.accuracy)]
            for path, result in zip(self.models, results)
        ]
        names = ["run", "data", "loss", "accuracy"]
        if any(result.real_accuracy is not None for result in results):
            names.append("ReaL")
            for row, result in zip(rows, results):
                row.append(percent(result.real_accuracy))
        print(aligned([names, *rows], left=2))
        for part in dict.fromkeys(result.part for result in results):
            print(f"scored: {part}")
        spread = 100 * accuracy.standard_deviation
        print(
            f"accuracy: {100 * accuracy.mean:.2f} ± {spread:.2f} % (n = {accuracy.n})"
        )
        print(f"loss: {loss.mean:.4f} ± {loss.standard_deviation:.4f} (n = {loss.n})")


def _is_data(path):
    """Whether the last of several words is images, and no model to evaluate."""
    path = path.expanduser()
    if not path.is_dir():
        return path.suffix in (".csv", ".tsv", ".parquet") and path.is_file()
    of_models = ("model.keras", "run.json", "*.safetensors*")
    return not find_seeds(path) and not any(any(path.glob(n)) for n in of_models)


def check_writable(path):
    """Raises before the work if a file's folder does not exist, or it is a folder."""
    if path.expanduser().is_dir():
        raise ValueError(
            f"The report is a file, not a folder. Received: {path}. Write {path}.html, "
            "or another name."
        )
    if not path.expanduser().parent.is_dir():
        raise ValueError(
            f"The folder of the report does not exist. Received: {path}. Make "
            f"{path.parent} first."
        )
