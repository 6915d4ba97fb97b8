"""`Answers`: what a model says of the bytes of image files."""

import functools
import io

import numpy as np

from keras_vit.common.figures import image_address
from keras_vit.common.installed import is_installed
from keras_vit.explaining.cards import cards
from keras_vit.explaining.looking import look
from keras_vit.explaining.subject import load_photographs, open_subject
from keras_vit.explaining.writing import Offers
from keras_vit.inference.detecting import BoxFinder, detections, gives_boxes
from keras_vit.inference.loaded import (
    class_names,
    gives_labels,
    gives_pixels,
    load_model,
    output_kind,
)
from keras_vit.inference.mask_writing import overlay
from keras_vit.inference.predicting import predictions
from keras_vit.inference.segmenting import segmentations
from keras_vit.models.vision_model import inner_model

# What an answer's picture is, by what the model gives.
PICTURED = {"pixels": "the classes over the image", "boxes": "the boxes on the image"}


class Answers:
    """A loaded model, asked for the answers of `keras-vit predict`.

    Args:
        model_or_path: As for `keras_vit.predict`.
        batch_size: Integer, the images that are computed at once.
        score: Float in [0, 1), the lowest score of a box; `None` for that of
            `keras_vit.detect`.

    Attributes:
        model: The Keras model.
        kind: `"classes"`, `"pixels"` or `"boxes"`: what it gives.
        class_names: List of strings.
        several: Whether an image may have several classes; an answer has those above
            their thresholds, perhaps none.

    Raises:
        ValueError: if the model gives none of these.
        FileNotFoundError: if there is no such model.
    """

    def __init__(self, model_or_path, *, batch_size=8, score=None):
        self.model = model = load_model(model_or_path)
        self._options = {"batch_size": batch_size}
        self.kind = "classes"
        if gives_boxes(model):
            self.kind = "boxes"
            self._options |= {} if score is None else {"score": score}
        elif gives_pixels(model):
            self.kind = "pixels"
        else:
            output_kind(model)  # raises where there are no classes
        if score is not None and self.kind != "boxes":
            raise ValueError(
                "--score is for models that find boxes. Received: a model that gives "
                f"{self.kind}."
            )
        boxes = self.kind == "boxes"
        self.several = self.kind == "classes" and gives_labels(model)
        self.class_names = BoxFinder(model).class_names if boxes else class_names(model)

    def predict(self, files):
        """What the model finds in images, computed together.

        Args:
            files: List of the bytes of image files.

        Returns:
            List of `Prediction`, `Segmentation` or `Detections`, one for each, with
            every class, or those above their thresholds. One that cannot be decoded has
            an `error`.
        """
        if self.kind == "boxes":
            return list(detections(self.model, files, **self._options))
        if self.kind == "pixels":
            return list(segmentations(self.model, files, **self._options))
        top = None if self.several else len(self.class_names)
        return list(predictions(self.model, files, top, **self._options))

    def warm_up(self):
        """Computes once, so that the first answer is quick and a bad model shows."""
        for count in (1, 2):  # TensorFlow then has a graph for batches of any size
            self.predict([_grey_image()] * count)

    def why_no_explanation(self):
        """Why `explain` is not offered; `None` where it is."""
        if self.kind != "classes":
            return f"Explanations are for models that classify; this gives {self.kind}."
        if inner_model(self.model) is not None:
            return "Explanations are of a model of keras_vit itself, not one around it."
        if not is_installed("matplotlib"):
            return "Explanations need matplotlib on the server: pip install matplotlib"
        return None

    def explain(self, files):
        """What the model looks at in images: views of the page of `keras-vit explain`.

        Args:
            files: List of the bytes of image files.

        Returns:
            List of dictionaries of `"views"`, a list of titles, notes and pictures, and
            `"not_offered"`, a list of sentences; of `"error"`, where a file cannot be
            decoded.
        """
        subject = self._subject
        found = []
        for photo in load_photographs(files, subject.steps):
            if photo.error is not None:
                found.append({"error": photo.error})
                continue
            offers = Offers()
            seen = offers.take("Attention", look, self.model, photo.image)
            (card,) = cards(subject, [photo], [seen], offers, top=2, full=False)
            views = [
                {**view, "picture": view["lit"] or view["map"]}
                for view in card["views"]
            ]
            keys = ("title", "note", "picture")
            views = [{key: view[key] for key in keys} for view in views]
            reasons = [f"{titles}: {why}" for titles, why in offers.reasons()]
            found.append({"views": views, "not_offered": reasons})
        return found

    @functools.cached_property
    def _subject(self):
        return open_subject(self.model)


def to_json(found, name, *, top, picture):
    """The answer of one image, as JSON can hold it.

    Args:
        found: What `Answers.predict` gave of it.
        name: String, what to call the image.
        top: Integer, the number of classes of a whole image; `None` for all.
        picture: Boolean, whether to add pictures of masks and boxes.
    """
    answer = {**found.to_json(), "file": name}
    dense = hasattr(found, "mask") or hasattr(found, "boxes")
    if not dense:
        answer["classes"] = answer["classes"][:top]
    elif picture:
        answer["picture"] = image_address(picture_of(found), "PNG")
        if hasattr(found, "mask"):
            answer["mask"] = image_address(_image(found.mask), "PNG")
    return answer


def picture_of(found):
    """A `Segmentation` or `Detections` over its image, as a Pillow image."""
    if hasattr(found, "boxes"):
        return found.picture()
    return overlay(found.image, found.mask, found.class_names)


def _image(array):
    from PIL import Image

    return Image.fromarray(np.asarray(array, "uint8"))


def _grey_image():
    """The bytes of a small image file."""
    buffer = io.BytesIO()
    _image(np.full((64, 48), 128)).save(buffer, "PNG")
    return buffer.getvalue()
