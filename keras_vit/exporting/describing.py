"""What a file says of itself to those who use it without this package, as JSON.

It lies in the `metadata_props` of ONNX, in a zip archive behind a LiteRT file (as
TensorFlow Lite's own metadata lie there), and in `assets.extra` of a SavedModel.
"""

import json

from keras_vit._version import __version__
from keras_vit.data.steps import CentralCrop, Resize, ResizeSmall, ValueRange
from keras_vit.inference.loaded import known_class_names, preprocessing_of
from keras_vit.models.vision_model import image_shape

# The key in ONNX, and the name of the file elsewhere.
KEY = "keras_vit"
FILE = f"{KEY}.json"


def describe(job, kind):
    """The description of an export, a dictionary of plain values.

    Args:
        job: A `Job`.
        kind: What its model gives: `"logits"`, `"softmax"` or `"sigmoid"`, or `None`
            where these are no scores of classes.

    Returns:
        Dictionary:

        - `"input"`: `dtype`, `shape` (batch, height, width, channels; `None` is any),
          and `range`, what black and white are;
        - `"resize"`: `kernel`, `antialias`, `pillow` (whether Pillow resizes the 8-bit
          image, or numbers are not rounded), and the size: `height` and `width`,
          stretched to or covered (`fit`), or `smaller_side`; `None` for none;
        - `"crop"`: `height` and `width` of the middle, and `halves`; `None` for none;
        - `"steps"`: all steps, as `keras_vit.data.Preprocessing` spells them; where
          they are more than resize, crop and range, those two are `None`;
        - `"exact"`: whether resize, crop and range are all;
        - `"output"`: `"logits"`, `"softmax"`, `"sigmoid"` or `None`;
        - `"classes"`: names of the classes, or `None`.
    """
    try:
        steps = preprocessing_of(job.model)
    except ValueError:  # of images of any size
        steps = None
    images = [] if steps is None else list(steps.image_steps)
    values = [step for step in images if isinstance(step, ValueRange)]
    low, high = (values[-1].low, values[-1].high) if values else job.value_range
    if job.preprocess:
        low, high = 0, 255
    resize, crop, exact = _resize_and_crop(images)
    if job.postprocess and kind == "logits":
        kind = "softmax"
    shape = [None, *image_shape(job.plain)]
    return {
        "made_by": f"keras_vit {__version__}",
        "input": {"dtype": job.input_dtype, "shape": shape, "range": [low, high]},
        "resize": resize,
        "crop": crop,
        "exact": exact,
        "steps": None if steps is None else steps.to_json()["steps"],
        "output": kind,
        "classes": known_class_names(job.model) if kind else None,
    }


def _resize_and_crop(steps):
    """(resize, crop, whether they and a range of values are all that steps do)."""
    steps = [step for step in steps if not isinstance(step, ValueRange)]
    match steps:
        case [Resize(fit="stretch" | "cover") as first, *rest]:
            size = {"height": first.height, "width": first.width, "fit": first.fit}
            resize = {**_kernel(first, first.antialias), **size}
        case [ResizeSmall() as first, *rest]:
            resize = {**_kernel(first, False), "smaller_side": first.side}
        case _:
            return None, None, False
    match rest:
        case []:
            return resize, None, True
        case [CentralCrop(border=None) as cut]:
            crop = {"height": cut.height, "width": cut.width, "halves": cut.halves}
            return resize, crop, True
    return None, None, False


def _kernel(step, antialias):
    antialias = bool(antialias or step.pillow)
    return {"kernel": step.method, "antialias": antialias, "pillow": step.pillow}


def as_json(job):
    """The description of a `Job` as text."""
    return json.dumps(job.about, ensure_ascii=False)
