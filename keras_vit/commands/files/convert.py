"""The command `keras-vit convert`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.terminal import WrongUsage, show

# Arguments of `from_checkpoint`, each an option of its own.
ARGUMENTS = (
    "num_heads",
    "image_size",
    "patch_size",
    "position_grid",
    "pooling",
    "position_embedding",
    "gelu",
    "epsilon",
    "padding",
    "average",
    "input_scaling",
)


@dataclasses.dataclass
class Convert:
    """Open a checkpoint of any project, and write it in another format.

    The new file is opened again and compared with the model; one that differs is
    deleted. With --inspect nothing is written, and no model is built: what the file
    holds is listed, and what of it must be given by an option.
    """

    # What to open: a file of weights (.npz, .safetensors, .keras, .weights.h5, or,
    # where torch is installed, .pth, .pt and .bin), a folder or run folder, a
    # registered name such as ViT_B16/augreg, a URL, or hf://OWNER/REPO.
    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="IN")]
    # The file or folder to write.
    path: Annotated[
        tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[OUT]")
    ] = None
    # As for export: keras, weights_h5, safetensors, npz, hf, timm, saved_model, litert,
    # litert_int8 or onnx. By default, the ending of OUT decides.
    format: Annotated[str | None, tyro.conf.arg(metavar="FORMAT")] = None
    # List what the file holds, and write nothing.
    inspect: tyro.conf.FlagCreatePairsOff[bool] = False
    # Number of attention heads.
    num_heads: int | None = None
    # Height and width of the images in pixels: one number, or two.
    image_size: Annotated[
        int | tuple[int, int] | None, tyro.conf.arg(metavar="PIXELS [WIDTH]")
    ] = None
    # Height and width of a patch in pixels: one number, or two.
    patch_size: Annotated[
        int | tuple[int, int] | None, tyro.conf.arg(metavar="PIXELS [WIDTH]")
    ] = None
    # Rows and columns of the patches that the positions in the file are for, where they
    # are no square.
    position_grid: Annotated[
        tuple[int, int] | None, tyro.conf.arg(metavar="ROWS COLUMNS")
    ] = None
    # What the head reads, such as token, gap or map; none for every token.
    pooling: str | None = None
    # Where the file holds no positions: none, or sincos2d.
    position_embedding: str | None = None
    # The kind of GELU: erf, tanh or quick.
    gelu: str | None = None
    # Epsilon of the layer norms.
    epsilon: float | None = None
    # How the convolutions pad: same or symmetric of an EfficientNet, same or valid of a
    # U-Net.
    padding: str | None = None
    # Of a file that holds the weights and a moving average of them: take the average.
    average: tyro.conf.FlagCreatePairsOff[bool] = False
    # What the images were normalised by in training: imagenet, clip, inception, none,
    # or MEAN/DEVIATION, each one number, or one for each channel with commas between.
    input_scaling: str | None = None
    # Replace an existing file or an earlier export at OUT.
    overwrite: bool = False
    # Print the result as JSON.
    json: bool = False

    def __call__(self):
        if self.path is None and not self.inspect:
            raise WrongUsage(
                "convert needs a file to write, or --inspect. "
                f"Received: {self.source} alone"
            )
        import keras_vit

        arguments = self._arguments()
        if self.inspect:
            result = keras_vit.inspect_checkpoint(self.source, **arguments)
        else:
            with on_devices("cpu"):
                result = keras_vit.convert(
                    self.source,
                    self.path,
                    self.format,
                    overwrite=self.overwrite,
                    **arguments,
                )
        show(result, "json" if self.json else "text")
        return 1 if self.inspect and result.refused else 0

    def _arguments(self):
        """The arguments of the model that were given, by their names."""
        given = {name: getattr(self, name) for name in ARGUMENTS}
        given = {n: v for n, v in given.items() if v is not None and v is not False}
        for name in ("pooling", "input_scaling"):
            if given.get(name) == "none":
                given[name] = None
        scaling = given.get("input_scaling")
        if scaling and "/" in scaling:
            given["input_scaling"] = tuple(map(_numbers, scaling.split("/")))
        return given


def _numbers(text):
    """The number, or the numbers, of a text."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise WrongUsage(
            "`--input-scaling` must be a name, or MEAN/DEVIATION of numbers, such as "
            f"0.5/0.5. Received: {text!r}"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers
