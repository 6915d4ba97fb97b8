"""The command `keras-vit tpu-check`."""

import dataclasses
from typing import Literal

from keras_vit.commands.training.options import recipe_options
from keras_vit.terminal import complain, show, stages
from keras_vit.training.recipes.recipe import Recipe

DEFAULT = Recipe(model="ViT_B16")


@dataclasses.dataclass
class TpuCheck:
    """Compile a training step for a TPU. The machine needs no TPU.

    Reports whether it fits in memory, how much it computes and moves, how fast it can
    be at best, and what in it does not belong on a TPU. The real TPU compiler is used,
    and nothing is run.
    """

    given: recipe_options(DEFAULT, "model", "image_size", "batch_size")
    # A published recipe, a JSON file or a run folder; the options override its fields.
    recipe: str | None = None
    # Precision of the computation.
    dtype: Literal["mixed_bfloat16", "float32"] = "mixed_bfloat16"
    # Number of classes of the head.
    num_classes: int = 1000
    # TPU generation and arrangement of its chips, such as v5e:2x4.
    topology: str = "v5e:2x4"
    # Backend of Keras; tensorflow for one chip only.
    backend: Literal["jax", "tensorflow"] = "jax"
    # Compile models of one and two blocks only, and extrapolate.
    quick: bool = False
    # Look for the largest batch that fits instead; --quick leaves out the full compile
    # that confirms it.
    largest_batch: bool = False
    # Time limit for the compiler, in seconds.
    time_limit: float = 3600.0
    # Output format.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.tpu_check import CompilerError
        from keras_vit.training.choosing.resolve import start_recipe

        try:
            given = {**self.given, "dtype": self.dtype}
            report = self._check(start_recipe(self.recipe or DEFAULT, given))
        except CompilerError as error:
            complain(error)
            return 1
        show(report, self.format)
        return 0 if report.fits else 1

    def _check(self, recipe):
        from keras_vit.tpu_check import largest_batch, tpu_check

        options = {
            "num_classes": self.num_classes,
            "backend": self.backend,
            "name": self.recipe,
            "time_limit": self.time_limit,
        }
        with stages("TPU compiler") as progress:
            options["progress"] = progress
            if self.largest_batch:
                options["confirm"] = not self.quick
                return largest_batch(recipe, self.topology, **options)
            return tpu_check(recipe, self.topology, quick=self.quick, **options)
