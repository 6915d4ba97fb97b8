"""What a file takes and gives, in words."""

from pathlib import Path

from keras_vit.exporting.formats import FORMATS
from keras_vit.exporting.reloading import overrides_of
from keras_vit.inference.loaded import output_kind
from keras_vit.models.vision_model import image_shape


def inputs_text(job):
    """What a file takes."""
    if not FORMATS[job.format].is_graph:
        overrides = overrides_of(job)
        if job.format != "npz" and set(overrides) == {"image_size"}:
            overrides = {}  # its config says so
        said = "".join(f", {name}={tuple(value)}" for name, value in overrides.items())
        return f"keras_vit.from_checkpoint(path{said}) to load it"
    height, width, channels = (n or "any" for n in image_shape(job.plain))
    low, high = (0, 255) if job.preprocess else job.value_range
    return (
        f"{job.input_dtype} images of (any, {height}, {width}, {channels}) in "
        f"[{low:g}, {high:g}]"
    )


def outputs_text(job):
    """What a file gives."""
    sizes = (None, *job.plain.output_shape[1:])
    shape = ", ".join(str(n or "any") for n in sizes)
    try:
        kind = output_kind(job.plain)
    except ValueError:
        return f"features of ({shape})"
    if job.postprocess or kind != "logits":
        return f"probabilities of ({shape})"
    return f"logits of ({shape})"


def size_on_disk(path):
    """Bytes of a file, or of everything in a folder."""
    path = Path(path)
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
