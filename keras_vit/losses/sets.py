"""The loss of set prediction: objects are matched to predictions, then compared."""

import keras
from keras import ops

from keras_vit.boxes import box_giou, convert_boxes
from keras_vit.common.checks import is_number
from keras_vit.losses.matching import match
from keras_vit.losses.normalising import global_sum
from keras_vit.losses.objects import giou_loss, in_float32, nan_if_unknown


@keras.saving.register_keras_serializable(package="keras_vit")
class SetLoss(keras.losses.Loss):
    """The loss of DETR and YOLOS, which predict all objects of an image at once.

    Predictions and objects are paired by Hungarian matching, with the cost `-p(class) +
    box_weight * L1 - giou_weight * GIoU`. The loss is cross-entropy of all predictions,
    those without an object belonging to the last class, "no object"; plus `box_weight *
    L1 + giou_weight * (1 - GIoU)` of the pairs. Cross-entropy is divided by the sum of
    its weights, the others by the number of objects, at least 1: those of the global
    batch, so that the loss does not depend on the number of devices. Objects beyond the
    number of predictions stay without, but count in that number.

    It is NaN where a class is none of the model's. A batch cannot be accumulated from
    parts.

    Args:
        box_weight: Float, at least 0.
        giou_weight: Float, at least 0.
        empty_weight: Float over 0, how much a prediction of "no object" counts in the
            cross-entropy.
        image_size: Pair `(height, width)`, pixels of the network's image, where boxes
            of the truth are in pixels, as the batches of `keras_vit.data` have them.
            Defaults to `None`: they are shares of the image.

    Call arguments:
        y_true: Dictionary: `"boxes"` `(B, M, 4)`, with `image_size` of the form
            `"corners"`, else of the form `"yolo"`, centre and size as shares of the
            image; `"classes"` `(B, M)`, integers, -1 where there is no
            object; and, if it is there, `"crowd"` `(B, M)`, booleans: those count as
            no object.
        y_pred: Dictionary: `"boxes"` `(B, Q, 4)` of the form `"yolo"`; `"logits"`
            `(B, Q, classes + 1)`, "no object" the last.

    Raises:
        ValueError: if a weight is no such number, or a part is missing.

    Example:

    >>> loss = keras_vit.losses.SetLoss()
    >>> truth = {"boxes": np.full((1, 1, 4), 0.5), "classes": np.zeros((1, 1), int)}
    >>> said = {"boxes": np.full((1, 2, 4), 0.5), "logits": np.zeros((1, 2, 3))}
    >>> round(float(loss(truth, said)), 4)  # the box is right, the classes a guess
    1.0986

    Reference: [Carion et al., 2020](https://arxiv.org/abs/2005.12872), section 3.1;
    [Fang et al., 2021](https://arxiv.org/abs/2106.00666).
    """

    of_all_outputs = True  # see `models.vision_model.JointLossModel`
    of_whole_batch = True  # micro-batches are refused,
    sums_over_replicas = True  # but not parts on several devices

    def __init__(
        self,
        box_weight=5.0,
        giou_weight=2.0,
        empty_weight=0.1,
        image_size=None,
        name="set_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.box_weight = box_weight
        self.giou_weight = giou_weight
        self.empty_weight = empty_weight
        self.image_size = image_size
        for key, value in self._weights().items():
            if (
                not is_number(value)
                or value < 0
                or (key == "empty_weight" and not value)
            ):
                over = "over 0" if key == "empty_weight" else "of at least 0"
                raise ValueError(
                    f"`{key}` must be a number {over}. Received: {key}={value!r}"
                )

    def call(self, y_true, y_pred):
        terms = self._each(y_true, y_pred)
        images = ops.cast(ops.shape(terms["class"])[0], terms["class"].dtype)
        # Keras takes the mean over images.
        return self._total(terms) * global_sum(images)

    def terms(self, y_true, y_pred):
        """The three terms of the loss, without their weights.

        Returns:
            Dictionary of scalars: `"class"`, the cross-entropy; `"box"`, the L1; and
            `"giou"`, `1 - GIoU`. On several devices, what this one adds to each.
        """
        terms = self._each(y_true, y_pred)
        return {name: ops.sum(values) for name, values in terms.items()}

    def _total(self, terms):
        boxes = self.box_weight * terms["box"] + self.giou_weight * terms["giou"]
        return terms["class"] + boxes

    def _each(self, y_true, y_pred):
        """What each image adds to each term, `(B,)`."""
        objects, classes, present, said, logits = self._read(y_true, y_pred)
        empty = logits.shape[-1] - 1
        unknown = ops.cast(nan_if_unknown(classes, empty), logits.dtype)  # (B, M)
        classes = ops.minimum(classes, empty)
        matched = self.matched(objects, classes, present, said, logits)
        paired = ops.cast(matched >= 0, logits.dtype)  # (B, Q)
        # A place behind the last object, for predictions that have none.
        objects, classes = _with_one_more(objects, 0), _with_one_more(classes, empty)
        places = ops.where(matched >= 0, matched, ops.shape(classes)[1] - 1)
        wanted = ops.take_along_axis(classes, places, axis=1)  # (B, Q)
        objects = ops.take_along_axis(
            objects, ops.repeat(places[..., None], 4, axis=-1), axis=1
        )
        shares = ops.log_softmax(logits, axis=-1)
        crossentropy = -ops.take_along_axis(shares, wanted[..., None], axis=-1)[..., 0]
        weights = paired + self.empty_weight * (1 - paired)
        all_weights = global_sum(ops.sum(weights))
        count = ops.sum(ops.cast(present, logits.dtype))
        count = ops.maximum(global_sum(count), 1.0)
        apart = ops.sum(ops.abs(said - objects), axis=-1) * paired
        giou = giou_loss(_corners(said), _corners(objects)) * paired
        of_classes = ops.sum(crossentropy * weights, axis=1) / all_weights
        return {
            "class": of_classes + ops.sum(unknown, axis=1),
            "box": ops.sum(apart, axis=1) / count,
            "giou": ops.sum(giou, axis=1) / count,
        }

    def matched(self, objects, classes, present, said, logits):
        """The object of each prediction: int32 `(B, Q)`, -1 for none."""
        objects, said, logits = map(ops.stop_gradient, (objects, said, logits))
        pairs = (*ops.shape(said)[:2], ops.shape(classes)[1])
        known = ops.broadcast_to(ops.maximum(classes, 0)[:, None], pairs)
        shares = ops.take_along_axis(ops.softmax(logits, axis=-1), known, axis=-1)
        apart = ops.sum(ops.abs(said[:, :, None] - objects[:, None]), axis=-1)
        giou = box_giou(_corners(said)[:, :, None], _corners(objects)[:, None])
        costs = self.box_weight * apart - shares - self.giou_weight * giou
        return match(costs, present)

    def _read(self, y_true, y_pred):
        for name, given, keys in (
            ("y_true", y_true, ("boxes", "classes")),
            ("y_pred", y_pred, ("boxes", "logits")),
        ):
            if not isinstance(given, dict) or not given.keys() >= {*keys}:
                keys = " and ".join(map(repr, keys))
                what = list(given) if isinstance(given, dict) else type(given).__name__
                raise ValueError(
                    f"`{name}` must be a dictionary of {keys}. Received: {what}"
                )
        said, logits = in_float32(y_pred["boxes"]), in_float32(y_pred["logits"])
        objects = ops.cast(y_true["boxes"], said.dtype)
        if self.image_size is not None:
            objects = convert_boxes(objects, "corners", "yolo", self.image_size)
        classes = ops.cast(y_true["classes"], "int32")
        present = classes >= 0
        if "crowd" in y_true:
            crowd = ops.cast(y_true["crowd"], "bool")
            present = ops.logical_and(present, ops.logical_not(crowd))
        return objects, classes, present, said, logits

    def _weights(self):
        names = ("box_weight", "giou_weight", "empty_weight")
        return {name: getattr(self, name) for name in names}

    def get_config(self):
        own = {**self._weights(), "image_size": self.image_size}
        return {**super().get_config(), **own}


def _corners(boxes):
    return convert_boxes(boxes, "yolo", "corners", (1.0, 1.0))


def _with_one_more(values, value):
    """Values of objects, `(B, M, ...)`, and one more object with the value."""
    shape = (ops.shape(values)[0], 1, *values.shape[2:])
    return ops.concatenate([values, ops.full(shape, value, values.dtype)], axis=1)
