"""The command `keras-vit probe`."""

import dataclasses
import os
from typing import Annotated, Literal

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import interval, percent
from keras_vit.terminal import command, show, show_mistakes

# Options that mean the same to train.
SHARED = ("data_dir", "image_size", "test_split", "test_fraction", "split_seed")
SHARED += ("corrupt",)

# In the place of a model's name where a file does not tell it.
UNKNOWN = "MODEL"


@dataclasses.dataclass
class Probe:
    """Measure how good the features of a model are for your images, without training.

    Fits a linear classifier in closed form on frozen features. The answer takes seconds
    to minutes, and is a lower bound of what fine-tuning should reach.
    """

    # The images, as for train: a folder of class folders, or the name of a data set.
    data: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATA")]
    # A published model (`keras-vit models` lists them), or a run folder or .keras file.
    model: str = "ViT_B16"
    # Published weights, such as augreg (`keras-vit models --weights`), or a file.
    weights: str | None = None
    # Height and width of the images in pixels: one number, or two.
    image_size: int | tuple[int, int] | None = None
    # Preprocessing of the images, as steps separated by |; the model's own if not
    # given. The papers' probe: resize(256)|central_crop(224).
    steps: str | None = None
    # L2 penalty of the classifier (1024 as published); chosen by cross-validation if
    # not given.
    l2: float | None = None
    # Where TFDS keeps its data sets; TFDS's default if not given.
    data_dir: str | None = None
    # The split to test on, such as train[80%:]; the data set's own test split if not
    # given.
    test_split: str | None = None
    # Share of the images to hold out for testing if the data set has no test split.
    test_fraction: float = 0.2
    # Seed that decides which images are held out.
    split_seed: int = 0
    # What to do with an image that cannot be read: stop (error), or leave it out
    # (skip).
    corrupt: Literal["error", "skip"] = "error"
    # Images per batch; does not change the result.
    batch_size: int = 32
    # Where to compute: auto, cpu, gpu or tpu, with an optional number of devices, as in
    # gpu:2.
    devices: str = "auto"
    # Output format.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.evaluation import probe

        options = dataclasses.asdict(self)
        options.pop("format")
        options["preprocessing"] = options.pop("steps")
        where = on_devices(options.pop("devices"))
        with where as devices, progress_bar("features") as progress:
            result = probe(**options, progress=progress)
        if not devices.is_chief:
            return 0
        if self.format == "json":
            show(result, "json")
        else:
            self._print(result)
        return 0

    def _print(self, result):
        images, classes = result.num_train + result.num_test, len(result.class_names)
        print(
            f"data: {result.data}, {result.num_train} training and {result.num_test} "
            f"test images, {classes} classes"
        )
        kind = "random features" if result.random else "features"
        print(f"model: {result.model}, {result.feature_dim} {kind}")
        print(
            f"accuracy: {percent(result.accuracy)}{interval(result.accuracy_interval)}"
        )
        print(f"always the most frequent class: {percent(result.majority)}")
        show_mistakes(result)
        tried = len(result.cross_validation)
        why = f"the best of {tried} by cross-validation" if tried else "as given"
        print(f"l2: {result.l2:g}, {why}")
        features, fit = result.seconds["features"], result.seconds["classifier"]
        print(
            f"time: {features:.1f} s for the features ({images / features:.0f} "
            f"images/s), {fit:.1f} s for the classifier"
        )
        following = self._next_command()
        print(f"next: {following}")
        if UNKNOWN in following:
            print(f"      where {UNKNOWN} is the variant that the file holds")

    def _next_command(self):
        """The training command that follows this probe."""
        words = ["train", "--data", self.data]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in SHARED and value != field.default:
                values = value if isinstance(value, tuple) else (value,)
                words += ["--" + field.name.replace("_", "-"), *values]
        name, weights = self.model, self.weights
        if os.path.exists(os.path.expanduser(self.model)):
            from keras_vit.inference.loaded import load_model
            from keras_vit.models.vision_model import metadata_of

            recipe = metadata_of(load_model(self.model)).get("recipe", {})
            name, weights = recipe.get("model", UNKNOWN), self.model
        words += ["--model", name]
        if weights is not None:
            words += ["--weights", weights]
        return command(*words)
