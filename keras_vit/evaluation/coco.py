"""COCO's scores of boxes: average precision and recall, as pycocotools has them."""

from dataclasses import dataclass, field

import numpy as np

from keras_vit.boxes import convert_boxes
from keras_vit.common.checks import check_positive

# Of COCO: the IoU at which a box counts as found, the recalls at which precision is
# read, the areas of objects in square pixels, and detections of a class and image.
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
MOST = 100
# COCO's twelve numbers: precision (AP) or recall (AR), the place in `THRESHOLDS` or all
# of them, the area, and how many detections.
STATS = {
    "AP": ("AP", None, "all", 100),
    "AP50": ("AP", 0, "all", 100),
    "AP75": ("AP", 5, "all", 100),
    "AP_small": ("AP", None, "small", 100),
    "AP_medium": ("AP", None, "medium", 100),
    "AP_large": ("AP", None, "large", 100),
    "AR_1": ("AR", None, "all", 1),
    "AR_10": ("AR", None, "all", 10),
    "AR_100": ("AR", None, "all", 100),
    "AR_small": ("AR", None, "small", 100),
    "AR_medium": ("AR", None, "medium", 100),
    "AR_large": ("AR", None, "large", 100),
}
_AREA_NAMES = list(AREAS)


@dataclass(frozen=True)
class CocoScores:
    """COCO's scores of a set, NaN where there is no object that could be found.

    Attributes:
        stats: Dictionary of the twelve numbers in [0, 1]: `AP`, `AP50`, `AP75`,
            `AP_small`, `AP_medium`, `AP_large`, `AR_1`, `AR_10`, `AR_100`, `AR_small`,
            `AR_medium`, `AR_large`.
        ap: Array `(classes,)`: the mean over the IoU 0.5, 0.55, ..., 0.95.
        ap50: Array `(classes,)`: at IoU 0.5.
        recall: Array `(classes,)`: the recall of up to 100 detections an image, the
            mean over the same IoU.
        support: Array `(classes,)`, int64: the objects, crowds aside.
        precision: Array `(10, classes, 101)`: at each IoU, the highest precision with
            a recall of at least 0, 0.01, ..., 1.
    """

    stats: dict
    ap: np.ndarray
    ap50: np.ndarray
    recall: np.ndarray
    support: np.ndarray
    precision: np.ndarray = field(repr=False)


class CocoTally:
    """Matches the boxes of a set image by image, for COCO's average precision.

    Of each class in an image, the 100 detections with the highest scores take objects
    in turn, each the one with the highest IoU. A detection on a crowd counts neither as
    right nor as false; nor, for objects of some sizes, does one on an object of another
    size, or one of another size itself that has none. Equal scores keep their order.

    Args:
        num_classes: Integer.

    Example:

    >>> tally = keras_vit.evaluation.CocoTally(num_classes=2)
    >>> truth = {"boxes": [[10, 10, 50, 60]], "classes": [1]}
    >>> said = {"boxes": [[10, 10, 50, 50]], "classes": [1], "scores": [0.9]}
    >>> tally.update(truth, said)
    >>> tally.scores().stats["AP50"]
    1.0

    Reference: [Lin et al., 2014](https://arxiv.org/abs/1405.0312);
    `pycocotools.cocoeval`, whose definitions these are.
    """

    def __init__(self, num_classes):
        check_positive(num_classes=num_classes)
        self.num_classes = num_classes
        self.num_images = 0
        # For each class: of detections (scores, images, ranks, matched, ignored), and
        # of objects (images, which count in which area).
        self._said = [[] for _ in range(num_classes)]
        self._objects = [[] for _ in range(num_classes)]

    def update(self, truth, said, overlaps=None):
        """Counts the boxes of one image.

        Args:
            truth: Dictionary of an image's objects: `"boxes"` `(N, 4)` of the form
                `"corners"`, in pixels of the image; `"classes"` `(N,)`; and, if they
                are there, `"crowd"` `(N,)`, booleans, and `"areas"` `(N,)`, where an
                object's area is not its box's.
            said: Dictionary of its detections: `"boxes"` `(M, 4)`, `"classes"` `(M,)`
                and `"scores"` `(M,)`.
            overlaps: Function of the places of some detections and objects that gives
                their overlaps `(some, others)`, of a crowd over the detection's area.
                Defaults to the IoU of the boxes.

        Returns:
            `(right, finder)` at IoU 0.5: integers `(M,)`, 1 for a detection that found
            its object, 0 for a false one, -1 for one that does not count; integers
            `(N,)`, the detection that found an object, -1 for one that was missed.

        Raises:
            ValueError: if a class is not among `num_classes`, or numbers differ.
        """
        truth, said = _read(truth, self.num_classes), _read(said, self.num_classes)
        scores = np.asarray(said["scores"], "float64")
        if scores.shape != said["classes"].shape or not np.isfinite(scores).all():
            raise ValueError(
                "Every detection must have one finite score. Received: "
                f"{len(said['classes'])} detections, scores of shape {scores.shape}"
            )
        right = np.full(len(scores), -1)
        finder = np.full(len(truth["classes"]), -1)
        order = np.argsort(-scores, kind="stable")
        for name in np.union1d(said["classes"], truth["classes"]):
            objects = np.flatnonzero(truth["classes"] == name)
            mine = order[said["classes"][order] == name][:MOST]
            if overlaps is None:
                crowd = truth["crowd"][objects]
                iou = box_overlaps(said["boxes"][mine], truth["boxes"][objects], crowd)
            else:
                iou = overlaps(mine, objects)
            outside = _outside(truth["areas"][objects]) | truth["crowd"][objects]
            matched = _match(iou, outside, truth["crowd"][objects])
            ignored = _ignored(matched, outside, said["areas"][mine])
            image = np.full(len(mine), self.num_images)
            ranks = np.arange(len(mine))
            row = (scores[mine], image, ranks, matched >= 0, ignored)
            self._said[name].append(row)
            image = np.full(len(objects), self.num_images)
            self._objects[name].append((image, ~outside))
            first = matched[0, 0]
            right[mine] = np.where(ignored[0, 0], -1, first >= 0)
            finder[objects[first[first >= 0]]] = mine[first >= 0]
        self.num_images += 1
        return right, finder

    def scores(self):
        """The `CocoScores` of all that was counted."""
        curves = {}  # (area, most) to precision (T, K, 101) and recall (T, K)
        for _, _, area, most in STATS.values():
            if (area, most) not in curves:
                curves[area, most] = self._curves(area, most)
        stats = {}
        for name, (kind, threshold, area, most) in STATS.items():
            values = curves[area, most][kind == "AR"]
            stats[name] = _mean(values if threshold is None else values[threshold])
        precision, recall = curves["all", MOST]
        return CocoScores(
            stats,
            ap=precision.mean(axis=(0, 2)),
            ap50=precision[0].mean(axis=1),
            recall=recall.mean(axis=0),
            support=np.array([counts[0].sum() for counts in self._all_objects()]),
            precision=precision,
        )

    def resampled(self, count, seed=0):
        """AP and AP50 of sets of as many images, drawn from these with replacement.

        Args:
            count: Integer, the number of sets.
            seed: Integer, of the draws.

        Returns:
            Array `(count, 2)`, NaN for a set without objects.
        """
        random, found = np.random.default_rng(seed), []
        images = max(self.num_images, 1)
        prepared = [self._prepared(name) for name in range(self.num_classes)]
        for _ in range(count):
            weights = random.multinomial(images, np.full(images, 1 / images))
            by_class = [_precision(*each, weights) for each in prepared]
            means = np.array([values.mean(axis=1) for values in by_class])  # (K, T)
            found.append((_mean(means), _mean(means[:, 0])))
        return np.array(found)

    def _all_objects(self):
        """Which objects of each class count in which area: `(4, objects)`."""
        empty = np.zeros((len(AREAS), 0), bool)
        for rows in self._objects:
            yield np.concatenate([empty, *(counts for _, counts in rows)], axis=1)

    def _curves(self, area, most):
        shape = (len(THRESHOLDS), self.num_classes)
        precision, recall = np.full((*shape, len(RECALLS)), np.nan), np.full(shape, 0.0)
        for name in range(self.num_classes):
            prepared = self._prepared(name, area, most)
            precision[:, name] = _precision(*prepared)
            right, count = prepared[0], len(prepared[1])
            found = [hits.size / count if count else np.nan for _, hits in right]
            recall[:, name] = found
        return precision, recall

    def _prepared(self, name, area="all", most=MOST):
        """The detections that count, the highest scores first, and the objects.

        Returns:
            For each threshold the images of detections, and the places of those that
            are right; and the images of objects.
        """
        place, rows = _AREA_NAMES.index(area), self._said[name]
        objects = [images[counts[place]] for images, counts in self._objects[name]]
        objects = np.concatenate([np.zeros(0, int), *objects])
        if not rows:
            none = np.zeros(0, int)
            return [(none, none)] * len(THRESHOLDS), objects
        scores, images, ranks = (np.concatenate(c) for c in list(zip(*rows))[:3])
        matched, ignored = (
            np.concatenate([row[column][place] for row in rows], axis=1)
            for column in (3, 4)
        )
        order = np.argsort(-scores, kind="stable")
        order = order[ranks[order] < most]
        right = []
        for hit, out in zip(matched[:, order], ignored[:, order]):
            right.append((images[order][~out], np.flatnonzero(hit[~out])))
        return right, objects


def box_overlaps(boxes, objects, crowd):
    """The IoU of detections and objects, `(M, N)`; of a crowd the share of the box.

    Args:
        boxes: `(M, 4)` of the form `"coco"`.
        objects: `(N, 4)` of the form `"coco"`.
        crowd: Booleans `(N,)`.
    """
    boxes = boxes[:, None]
    ends = np.minimum(boxes[..., :2] + boxes[..., 2:], objects[:, :2] + objects[:, 2:])
    sides = np.maximum(ends - np.maximum(boxes[..., :2], objects[:, :2]), 0)
    both = sides[..., 0] * sides[..., 1]
    own, others = boxes[..., 2] * boxes[..., 3], objects[:, 2] * objects[:, 3]
    union = np.where(crowd, own, own + others - both)
    return both / np.where(union > 0, union, 1)


def _match(iou, outside, crowd):
    """The object that each detection takes: `(4, T, M)`, -1 for none.

    Args:
        iou: `(M, N)`, the detections with the highest scores first.
        outside: `(4, N)`, which objects do not count in which area.
        crowd: `(N,)`, which may be taken again and again.
    """
    shape = (len(AREAS), len(THRESHOLDS))
    matched = np.full((*shape, len(iou)), -1)
    number = iou.shape[1]
    if not iou.size:
        return matched
    limits = np.minimum(THRESHOLDS, 1 - 1e-10)
    # Of equal overlaps the last object is taken, and one that counts before others.
    rank = np.argsort(np.argsort(iou, axis=1, kind="stable"), axis=1)
    prefer = np.where(outside, 0, number)[:, None]  # (4, 1, N)
    free = np.ones((*shape, number), bool)
    for row in np.flatnonzero(iou.max(axis=1) >= limits[0]):
        near = iou[row] >= limits[:, None]  # (T, N)
        keys = np.where(free & near, rank[row] + prefer, -1)
        best = keys.argmax(axis=-1)  # (4, T)
        taken = np.take_along_axis(keys, best[..., None], axis=-1)[..., 0] >= 0
        matched[..., row] = np.where(taken, best, -1)
        places = (*np.nonzero(taken), best[taken])
        free[places] = crowd[places[-1]]
    return matched


def _ignored(matched, outside, areas):
    """Which detections count neither as right nor as false: `(4, T, M)`."""
    alone = _outside(areas)[:, None]  # of one that has no object, its own area says
    if not outside.size:
        return np.broadcast_to(alone, matched.shape)
    places = np.arange(len(AREAS))[:, None, None]
    return np.where(matched < 0, alone, outside[places, matched])


def _precision(right, objects, weights=None):
    """The highest precision with at least each of the recalls: `(T, 101)`.

    Args:
        right, objects: What `CocoTally._prepared` returns.
        weights: How often each image counts, `(images,)`; `None` for once.
    """
    total = len(objects) if weights is None else weights[objects].sum()
    found = np.full((len(THRESHOLDS), len(RECALLS)), np.nan if not total else 0.0)
    if not total:
        return found
    for row, (images, hits) in zip(found, right):
        if not hits.size:
            continue
        if weights is None:
            said, correct = hits + 1.0, np.arange(1.0, hits.size + 1)
        else:
            counts = weights[images]
            said, correct = counts.cumsum()[hits], counts[hits].cumsum()
        # Precision is highest where a detection is right.
        precision = correct / np.maximum(said, np.spacing(1))
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(correct / total, RECALLS, side="left")
        inside = places < hits.size
        row[inside] = precision[places[inside]]
    return found


def _mean(values):
    """The mean of what is not NaN; NaN where that is nothing."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _outside(areas):
    """Whether each area is none of a range: `(4, N)`."""
    low, high = np.array(list(AREAS.values())).T[..., None]
    return (areas < low) | (areas > high)


def _read(given, num_classes):
    """Boxes in the form `"coco"`, classes, areas and crowds of an image, checked."""
    boxes = given["boxes"]
    boxes = convert_boxes(np.asarray(boxes, "float64"), "corners", "coco")
    classes = np.asarray(given["classes"]).astype("int64")
    if classes.shape != (len(boxes),):
        raise ValueError(
            f"Every box must have one class. Received: {len(boxes)} boxes, classes of "
            f"shape {classes.shape}"
        )
    wrong = classes[(classes < 0) | (classes >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"Classes must be from 0 to {num_classes - 1}. Received: {wrong[0]}"
        )
    areas = given.get("areas")
    areas = boxes[:, 2] * boxes[:, 3] if areas is None else np.asarray(areas, "float64")
    crowd = given.get("crowd")
    crowd = np.zeros(len(boxes), bool) if crowd is None else np.asarray(crowd, bool)
    known = {"boxes": boxes, "classes": classes, "areas": areas, "crowd": crowd}
    return {**given, **known}
