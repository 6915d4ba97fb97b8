"""What formats for weights alone share: writing and checking."""

import json

import keras
import numpy as np

from keras_vit.checkpoints.opening import values_of
from keras_vit.checkpoints.writing import arrays_in_layout, write_safetensors
from keras_vit.exporting.several_outputs import side_by_side
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.vision_model import value_range_of

BATCH = 32


def in_batches(function, images):
    """The outputs of a function for many images."""
    starts = range(0, len(images), BATCH)
    parts = [side_by_side(function(images[i : i + BATCH])) for i in starts]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def outputs_of(model, images):
    """The outputs of a Keras model, op by op: nothing is compiled for a few images."""
    return in_batches(lambda batch: model(batch, training=False), images)


def require(job, **wanted):
    """Raises unless the arguments of a model are what a format stands for.

    Args:
        job: A `Job`.
        **wanted: The value that an argument must have, or a tuple of values; `None`
            for any.

    Raises:
        ValueError: naming the first argument that differs.
    """
    arguments = job.arguments
    for name, allowed in wanted.items():
        choices = allowed if isinstance(allowed, tuple) else (allowed,)
        if allowed is not None and arguments.get(name) not in choices:
            shown = " or ".join(map(repr, choices))
            raise ValueError(
                f"A file of the format {job.format!r} cannot say this of a model: "
                f"`{name}` must be {shown}. Received: a model with "
                f"{name}={arguments.get(name)!r}. Save it with `model.save("
                "'model.keras')`, or choose another format."
            )


def require_size(job):
    """Raises unless the model is for images of one size."""
    size = job.arguments["image_size"]
    if None in size:
        raise ValueError(
            f"A file of the format {job.format!r} is for images of one size. Received: "
            f"a model with image_size={tuple(size)}. Fix it first: "
            "`keras_vit.with_image_size(model, 224)`."
        )


def overrides_of(job):
    """The arguments to load the file with, which it does not state itself."""
    size = {"image_size": list(job.arguments["image_size"])}
    height, width = job.arguments["image_size"]
    if "position_grid" in job.arguments and None in (height, width):
        return {"position_grid": job.arguments["position_grid"], **size}
    return size if job.family != "vit" or height != width else {}


def values_in(job):
    """The arrays of a model's variables, by path."""
    return {path: np.asarray(value) for path, value in values_of(job.plain).items()}


def arrays_of(job, project, values=None, **spelling):
    """The named arrays of a model as a project writes them.

    Args:
        job: A `Job`.
        project: `"official"`, `"timm"` or `"Hugging Face"`.
        values: What `values_in` gives, by default.
        **spelling: As for `arrays_in_layout`.
    """
    family = {"vit": "ViT", "hybrid": "hybrid", "bit": "BiT"}[job.family]
    values = values_in(job) if values is None else values
    return arrays_in_layout(f"{project} {family}", values, job.arguments, **spelling)


def write_folder(path, arrays, **contents):
    """Writes a folder of weights and JSON files, such as `config`."""
    path.mkdir()
    write_safetensors(path / "model.safetensors", arrays)
    for name, content in contents.items():
        text = json.dumps(content, indent=2) + "\n"
        (path / f"{name}.json").write_text(text, "utf-8")


def one_or_pair(size):
    """An integer for a square."""
    return size[0] if size[0] == size[1] else list(size)


def reloaded_runner(job):
    """A function of images, of the model that `from_checkpoint` makes of the file."""
    a = job.arguments
    model = from_checkpoint(
        str(job.path),
        **overrides_of(job),
        # Of these no file of weights speaks.
        classifier_activation=a["classifier_activation"],
        include_preprocessing=a["include_preprocessing"],
        dtype="float32",
    )
    low, high = job.value_range
    black, white = value_range_of(model)

    def run(images):
        pixels = (images - low) / (high - low)
        return outputs_of(model, pixels * (white - black) + black)

    return run
