"""The command `keras-vit export`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.terminal import show


@dataclasses.dataclass
class Export:
    """Write a trained model in another format, and check the file with its own runtime.

    The table compares the file with the Keras model. A file that fails is deleted, and
    the exit status is 1.
    """

    # Run folder, .keras file, or a file or folder of weights that says what it is.
    model: tyro.conf.Positional[Path]
    # The file (.onnx, .tflite, .npz, .keras, .weights.h5, .safetensors) or folder to
    # write.
    path: tyro.conf.Positional[Path]
    # saved_model, litert, litert_int8, onnx or keras; for weights alone npz (as the
    # official projects write them), hf (Hugging Face transformers), timm, weights_h5
    # or safetensors. By default, the ending decides.
    format: Annotated[str | None, tyro.conf.arg(metavar="FORMAT")] = None
    # Make the file take pixels in [0, 255] and scale them itself.
    preprocess: bool = False
    # Make the file return probabilities instead of logits.
    postprocess: bool = False
    # Data type of the pixels, with --preprocess: float32 or uint8.
    input_dtype: Literal["float32", "uint8"] = "float32"
    # For litert_int8: ranges of activations computed at run time (dynamic), or fixed
    # from images of --data (static).
    quantization: Literal["dynamic", "static"] = "dynamic"
    # Data set or folder, as for train, to measure the accuracy of model and file.
    data: str | None = None
    # Where TFDS keeps its data sets; TFDS's default if not given.
    data_dir: str | None = None
    # Most test images of --data to measure on.
    num_images: int = 1000
    # Share of the images of --data on which model and file must predict the same class.
    min_agreement: float = 0.9
    # Replace an existing file or an earlier export at the path.
    overwrite: bool = False
    # Print the report as JSON.
    json: bool = False

    def __call__(self):
        from keras_vit.exporting import export

        options = dataclasses.asdict(self)
        model, path, as_json = map(options.pop, ("model", "path", "json"))
        with on_devices("cpu"):
            report = export(model, path, **options)
        show(report, "json" if as_json else "text")
        return 0
