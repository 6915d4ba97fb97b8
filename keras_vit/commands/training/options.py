"""Options of the commands that train: the fields of a recipe, and those of a run."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypedDict

import tyro

from keras_vit.commands.words.options import FieldsOf, comments_of
from keras_vit.terminal import WrongUsage, command
from keras_vit.training.folder.choice import find_run_to_resume
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.recipes.records import Damaged

logger = logging.getLogger(__name__)


def recipe_options(default, *names):
    """The fields of a recipe as options: a dictionary of those that were given.

    Args:
        default: The `Recipe` whose values the help shows as defaults.
        names: Names of the fields; all of them by default.
    """
    comments, options = comments_of(Recipe), {}
    for name in names or comments:
        value = getattr(default, name)
        text = " ".join(map(str, value)) if isinstance(value, tuple) else value
        hint = f"(default: {text})"
        explained = tyro.conf.arg(help=comments[name], help_behavior_hint=hint)
        options[name] = Annotated[Recipe.__dataclass_fields__[name].type, explained]
    whole = TypedDict("RecipeOptions", options, total=False)
    return Annotated[whole, tyro.conf.arg(name=""), FieldsOf(default)]


def setting(text):
    """`(name, value)` of FIELD=VALUE, the value as JSON or as a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise WrongUsage(f"--set takes FIELD=VALUE. Received: {text!r}")
    try:
        value = json.loads(value)
    except ValueError:
        pass  # a text
    return name.strip().replace("-", "_"), value


def with_data(given, photos):
    """Fields of a recipe with the data that was given as a word, if any."""
    if photos is None:
        return given
    if given.get("data", photos) != photos:
        raise WrongUsage(f"Give the data once. Received: {photos} and {given['data']}")
    return {**given, "data": photos}


@dataclasses.dataclass
class RunOptions:
    """The options that `train` and `pretrain` share."""

    # Fields of a recipe; each command shows its own defaults.
    given: recipe_options(Recipe())
    # The images: a folder of class folders, a list of files (.csv), or the name of a
    # data set; --data says the same.
    photos: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[DATA]")
    ] = None
    # Start from this recipe: a published one (`keras-vit recipes` lists them), a JSON
    # file, a run folder or, to learn classes, auto for the one that suits the model,
    # weights and data. The other options override its fields.
    start: Annotated[str | None, tyro.conf.arg(name="recipe")] = None
    # Check the images and labels first: broken files, duplicates, classes.
    check: bool = True
    # Run folder, new or empty; by default runs/DATA-MODEL-NUMBER, or
    # runs/DATA-MODEL-masked-NUMBER for pretraining.
    run: Path | None = None
    # Resume the run in that folder, or the last run if no folder is given.
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    # Where to train: auto takes a TPU, else all GPUs, else the CPU; or cpu, gpu or tpu,
    # with an optional number of devices, as in gpu:2. cpu:8 tries out eight devices on
    # one CPU.
    devices: str = "auto"
    # Minutes between checkpoints within a long epoch.
    save_minutes: float = 10.0
    # Whom to tell the recipe, the numbers of each test, the results and the files of
    # the report; may be given several times.
    track: tyro.conf.UseAppendAction[
        tuple[Literal["mlflow", "wandb", "tensorboard"], ...]
    ] = ()

    kind: ClassVar[str]  # of the recipe: the name of the command
    defaults: ClassVar[dict] = {}  # as if they were given, where no recipe is named

    def __post_init__(self):
        named = self.photos if self.resume and self.run is None else None
        if named is not None and RunFolder(named).is_run():
            self.run = Path(named)  # what is to be resumed
            return
        self.given = with_data(self.given, self.photos)

    def begin(self, one=True):
        """Refuses wrong usage, before anything is computed.

        To resume one run, this also finds its folder and its recipe: what is given
        must then agree with it, and what is not given need not be given again.
        """
        from keras_vit.training.choosing.resolve import start_recipe

        if "data_dir" in self.given and not (
            "data" in self.given or self.start or self.resume
        ):
            raise WrongUsage(
                "--data-dir is where TFDS keeps its data sets. For images of your own: "
                f"{command(self.kind, self.given['data_dir'])}"
            )
        try:
            recipe = start_recipe(self.start, self._given)
        except Damaged:  # the command is right, the file is not
            raise
        except ValueError as error:
            raise WrongUsage(str(error)) from None
        self._check_kind(recipe)
        if self.resume and one:
            folder, own = find_run_to_resume(recipe, self.run)
            self.run = folder.path
            if self.start in (None, "auto"):
                self._check_kind(own)
                self.start = own

    def resolved(self):
        """The recipe, the reasons for it, and the opened place of its data."""
        from keras_vit.data import open_place
        from keras_vit.training.choosing.resolve import resolve, start_recipe

        place = None
        if not self.resume:  # a finished run needs its data no more
            data = start_recipe(self.start, self._given).data
            place = open_place(data)
        recipe, reasons = resolve(self.start, self._given, place=place)
        for reason in reasons:
            logger.info("%s", reason)
        return recipe, reasons, place

    def train(self, recipe, devices, place, **options):
        """The result of `keras_vit.training.train`, which the options may change."""
        from keras_vit.training import train

        own = ("run", "resume", "save_minutes", "check", "track")
        options = {**{name: getattr(self, name) for name in own}, **options}
        return train(recipe, devices=devices, place=place, **options)

    @property
    def _given(self):
        named = self.start not in (None, "auto")
        return self.given if named else {**self.defaults, **self.given}

    def _check_kind(self, recipe):
        masked = recipe.masked_target is not None
        if masked == (self.kind == "pretrain"):
            return
        what = "predicts hidden patches" if masked else "learns classes"
        other = "pretrain" if masked else "train"
        otherwise = "give a run as --weights, not as --recipe"
        if "masked_target" in self.given:
            otherwise = "leave --masked-target out"
        raise WrongUsage(
            f"This recipe {what}, which is for `keras-vit {other}`: use that command, "
            f"or {otherwise}. "
            f"Received: masked_target={recipe.masked_target!r} for `{self.kind}`"
        )
