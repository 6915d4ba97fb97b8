"""Files of weights are checked by what this package makes of them."""

import keras
import numpy as np

from keras_vit.models.changes.rebuilding import from_checkpoint


def outputs_of(model, images, batch_size=32):
    """The outputs of a Keras model, op by op: nothing is compiled for a few images."""
    starts = range(0, len(images), batch_size)
    parts = [model(images[i : i + batch_size], training=False) for i in starts]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def require(job, **wanted):
    """Raises unless the arguments of a model are what a format stands for.

    Args:
        job: A `Job`.
        **wanted: The value that an argument must have, or a tuple of values; `None`
            for any.

    Raises:
        ValueError: naming the first argument that differs.
    """
    arguments = job.plain.settings["arguments"]
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
    size = job.plain.settings["arguments"]["image_size"]
    if None in size:
        raise ValueError(
            f"A file of the format {job.format!r} is for images of one size. Received: "
            f"a model with image_size={tuple(size)}. Fix it first: "
            "`keras_vit.with_image_size(model, 224)`."
        )


def overrides_of(job):
    """What must be said when the file is loaded, because it does not say it."""
    a = job.plain.settings["arguments"]
    family, found = job.plain.settings["family"], {}
    size = list(a["image_size"])
    if family == "bit":
        return {"image_size": size}
    if None in size:
        found.update(position_grid=a["position_grid"], image_size=size)
    elif size[0] != size[1] or family == "hybrid":
        found.update(image_size=size)
    return found


def reloaded_runner(job):
    """A function of images, of the model that `from_checkpoint` makes of the file."""
    a = job.plain.settings["arguments"]
    model = from_checkpoint(
        str(job.path),
        **overrides_of(job),
        # Of these no file of weights speaks.
        classifier_activation=a["classifier_activation"],
        include_preprocessing=a["include_preprocessing"],
        dtype="float32",
    )
    return lambda images: outputs_of(model, images)
