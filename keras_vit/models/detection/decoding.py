"""From the outputs of a detector to the boxes that it found."""

import numpy as np

from keras_vit.boxes import clip_boxes, convert_boxes, nms
from keras_vit.common.checks import check_positive, is_number
from keras_vit.layers.tokens.grids import pair
from keras_vit.models.vision_model import image_shape, settings_of

CANDIDATES = 1000  # of an image, the best ones, before boxes on one object are dropped


def decode(model, outputs, score=0.05, limit=100, iou=0.6, *, image_size=None):
    """The boxes that a detector found, of each image.

    Args:
        model: A `keras_vit.Detector` or YOLOS.
        outputs: What the model gave for a batch of images: arrays or tensors.
        score: Float in `[0, 1)`, the lowest score of a box.
        limit: Integer, the most boxes of an image.
        iou: Float in `[0, 1]`: of two boxes of one class that overlap more, the worse
            is dropped. Not of a YOLOS, which has one token for each object.
        image_size: Integer or pair `(height, width)`, pixels, of the images. Defaults
            to the model's; a YOLOS of every image size needs it.

    Returns:
        List of dictionaries of arrays, one for each image: `"boxes"`, `(N, 4)`, left,
        top, right and bottom in pixels of the network's image; `"scores"`, `(N,)`;
        `"classes"`, `(N,)`, from 0. The best comes first.

    Raises:
        ValueError: if the model is no detector, or the image size is not known.

    Example:

    >>> found = keras_vit.models.detection.decode(model, model.predict(images))
    >>> found[0]["boxes"][:5]
    """
    family = settings_of(model).get("family")
    if family not in _FAMILIES:
        raise ValueError(
            "`model` must be a Detector or a YOLOS of keras_vit. Received: "
            f"{model!r}{f', of the family {family!r}' if family else ''}"
        )
    for name, value in (("score", score), ("iou", iou)):
        if not is_number(value) or not 0 <= value <= 1:
            raise ValueError(
                f"`{name}` must be a number from 0 to 1. Received: {name}={value!r}"
            )
    check_positive(limit=limit)
    size = image_shape(model)[:2]
    if image_size is not None:
        size = pair(image_size, "image_size")
    known = None if None in size else tuple(size)
    if known is None and family == "yolos":
        raise ValueError(
            "`image_size` must be given for a YOLOS of images of every size, whose "
            "boxes are shares of the image. Received: image_size=None"
        )
    arrays = {name: np.asarray(value) for name, value in outputs.items()}
    found = []
    for i in range(len(arrays["logits"])):
        image = {name: array[i].astype("float64") for name, array in arrays.items()}
        boxes, scores, classes = _FAMILIES[family](image, known, score, iou)
        if known is not None:
            boxes = clip_boxes(boxes, known)
        best = slice(limit)
        found.append(
            {"boxes": boxes[best], "scores": scores[best], "classes": classes[best]}
        )
    return found


def _dense(image, size, score, iou):
    shares = _sigmoid(image["logits"]) * _sigmoid(image["centreness"])[:, None]
    scores = np.sqrt(shares)  # (P, K)
    places, classes = np.nonzero(scores >= score)
    scores = scores[places, classes]
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    boxes = image["boxes"][places[order]]
    scores, classes = scores[order], classes[order]
    kept = nms(boxes, scores, iou, classes)
    return boxes[kept], scores[kept], classes[kept]


def _of_tokens(image, size, score, iou):
    """The likeliest class of each token, but "no object", which is the last one."""
    logits = image["logits"] - image["logits"].max(-1, keepdims=True)
    shares = np.exp(logits)
    shares = (shares / shares.sum(-1, keepdims=True))[:, :-1]
    scores, classes = shares.max(-1), shares.argmax(-1)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= score]
    boxes = convert_boxes(image["boxes"][order], "yolo", "corners", image_size=size)
    return boxes, scores[order], classes[order]


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


_FAMILIES = {"detector": _dense, "yolos": _of_tokens}
