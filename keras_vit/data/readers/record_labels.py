"""Reads an image and its label, or labels, from a record of a TFDS set."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_vit.data.decoding.jpeg_png import decode
from keras_vit.data.sets import vtab

# Where a set has several lists of labels, one of these names counts.
LABEL_LISTS = ("labels", "label", "attributes")
FILE_NAME_KEYS = ("file_name", "image/file_name", "filename")


@dataclasses.dataclass(frozen=True)
class Reading:
    """Which features of a set are read, and what is made of them.

    `wanted` are the features that `label` needs, in the form of TFDS's partial
    decoding. `label` makes a scalar `int64` of an example, or of a `LabelSets` 0 and 1
    `(classes,)`. Pixels are multiplied by `scale`.
    """

    image_key: str
    file_name_key: str | None
    wanted: dict
    class_names: tuple[str, ...]
    label: Callable
    scale: int = 1

    def image(self, example):
        """The encoded image, or `uint8` pixels where they are scaled."""
        data = example[self.image_key]
        return data if self.scale == 1 else decode(data) * np.uint8(self.scale)


def reading_of(info, name: str, rule=None, scale: int = 1) -> Reading:
    """The reading of a TFDS set.

    Args:
        info: The builder's `DatasetInfo`.
        name: The data set's name, for errors.
        rule: A rule of `keras_vit.data.sets.vtab`, or a `LabelSets`; None for the set's
            one class label.
        scale: Integer, a factor of the pixels.

    Raises:
        ValueError: if the set has no single image, no label, or an unknown format.
    """
    features = info.features
    if not hasattr(features, "items"):
        raise ValueError(f"{name} is not made of single examples with named parts.")
    if rule is None:
        image_key, label_key = _keys(info, name)
        rule = vtab.ClassFeature(label_key)
    else:
        image_key = getattr(rule, "image_key", "image")
    _check_format(info, image_key, name)
    found = [key for key in FILE_NAME_KEYS if key in features]
    wanted, class_names, label = _RULES[type(rule)](features, rule)
    file_name_key = found[0] if found else None
    return Reading(image_key, file_name_key, wanted, class_names, label, scale)


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """The labels of an image are those in a list, or the features that are true.

    `feature` is the name of a list of class labels, or of a group of booleans;
    `part`, of a list of objects, that of their class label.
    """

    image_key: str
    feature: str
    part: str | None = None


def label_sets_rule(info, name: str) -> LabelSets:
    """How the several labels of an image of a TFDS set are read.

    Raises:
        ValueError: if the set has no such labels, or several kinds of them.
    """
    import tensorflow_datasets as tfds

    kinds, found = tfds.features, []
    items = dict(info.features.items()) if hasattr(info.features, "items") else {}
    images = [key for key, f in items.items() if type(f) is kinds.Image]
    for key, feature in items.items():
        inner = getattr(feature, "feature", None)  # of a list
        if isinstance(inner, kinds.ClassLabel):
            found.append((key, None))
        elif inner is not None and hasattr(inner, "items"):
            parts = [k for k, f in inner.items() if isinstance(f, kinds.ClassLabel)]
            found += [(key, part) for part in parts if len(parts) == 1]
        elif isinstance(feature, kinds.FeaturesDict) and len(feature) > 1:
            if all(f.np_dtype == np.bool_ and not f.shape for f in feature.values()):
                found.append((key, None))
    named = [pair for pair in found if pair[0] in LABEL_LISTS]
    chosen = found if len(found) == 1 else named or found
    if len(images) != 1 or len(chosen) != 1:
        raise ValueError(
            f"{name} must have one image and one list of class labels, of which an "
            "image has several. Found are the images "
            f"{', '.join(images) or 'none'} and the lists "
            f"{', '.join(key for key, _ in found) or 'none'}. Its parts: {items}"
        )
    return LabelSets(images[0], *chosen[0])


def _label_sets(features, rule):
    feature = features[rule.feature]
    inner = getattr(feature, "feature", None)
    if inner is None:
        names = tuple(sorted(feature.keys()))

        def flags(example):
            group = example[rule.feature]
            return tf.stack([tf.cast(group[name], tf.int64) for name in names])

        return {rule.feature: set(names)}, names, flags
    names = tuple((inner if rule.part is None else inner[rule.part]).names)

    def label(example):
        numbers = example[rule.feature]
        numbers = tf.cast(
            numbers if rule.part is None else numbers[rule.part], tf.int64
        )
        places = tf.one_hot(numbers, len(names), True, False, dtype=tf.bool)
        labels = tf.cast(tf.reduce_any(places, axis=0), tf.int64)
        secret = tf.reduce_any(numbers < 0)  # of a test set
        return tf.where(secret, -tf.ones_like(labels), labels)

    wanted = True if rule.part is None else {rule.part}
    return {rule.feature: wanted}, names, label


def _class_feature(features, rule):
    names = tuple(features[rule.feature].names)

    def label(example):
        return tf.cast(example[rule.feature], tf.int64)

    return {rule.feature: True}, names, label


def _grouped_classes(features, rule):
    total = features[rule.feature].num_classes
    groups = np.arange(total) * rule.num_classes // total
    members = [np.flatnonzero(groups == group) for group in range(rule.num_classes)]

    def label(example):
        return tf.cast(example[rule.feature], tf.int64) * rule.num_classes // total

    return {rule.feature: True}, tuple(f"{m[0]} to {m[-1]}" for m in members), label


def _object_count(features, rule):
    objects, part = rule.feature.split("/")
    names = tuple(str(n) for n in range(rule.smallest, rule.largest + 1))

    def label(example):
        count = tf.size(example[objects][part], tf.int64)
        return tf.clip_by_value(count - rule.smallest, 0, len(names) - 1)

    return {objects: {part}}, names, label


def _nearest_object(features, rule):
    parts = {rule.position} | ({rule.kind_feature} if rule.kind_feature else set())
    far = tf.float32.max

    def label(example):
        objects = example[rule.objects]
        distances = objects[rule.position][:, rule.axis]
        if rule.kind_feature is not None:
            kinds = tf.cast(objects[rule.kind_feature], tf.int64)
            counts = tf.reduce_any(
                kinds[:, None] == tf.constant(rule.kinds, tf.int64), 1
            )
            distances = tf.where(counts, distances, far)
        # Of no objects at all, `reduce_min` is infinity.
        below = tf.constant(rule.edges) < tf.reduce_min(distances)
        return tf.reduce_sum(tf.cast(below, tf.int64))

    return {rule.objects: parts}, rule.class_names, label


_RULES = {
    LabelSets: _label_sets,
    vtab.ClassFeature: _class_feature,
    vtab.GroupedClasses: _grouped_classes,
    vtab.ObjectCount: _object_count,
    vtab.NearestObject: _nearest_object,
}


def _check_format(info, image_key, name):
    dtype = np.dtype(info.features[image_key].np_dtype)
    if dtype != np.uint8:
        raise ValueError(
            f"The images of {name} must be uint8, values in [0, 255]. Received: {dtype}"
        )
    stored = getattr(info.file_format, "value", "tfrecord")
    if stored != "tfrecord":
        raise ValueError(
            f"{name} is stored as {stored}. Prepare it as TFRecord: "
            "tfds build NAME --file_format=tfrecord"
        )


def _keys(info, name):
    """The names of the image and of the label among the features."""
    import tensorflow_datasets as tfds

    features = info.features
    kinds = (tfds.features.Image, tfds.features.ClassLabel)
    pair = info.supervised_keys
    if isinstance(pair, tuple) and len(pair) == 2:
        # Other data sets name pairs too: texts, boxes, masks.
        if all(
            k in features and isinstance(features[k], kind)
            for k, kind in zip(pair, kinds)
        ):
            return pair
    found = [[k for k, f in features.items() if type(f) is kind] for kind in kinds]
    if not all(len(keys) == 1 for keys in found):
        tasks = [
            vtab.VTAB_PREFIX + task
            for task, row in vtab.VTAB.items()
            if row.label is not None and row.dataset.split("/")[0] == info.name
        ]
        raise ValueError(
            f"{name} has no labels that images could be sorted into: exactly one image "
            "and one class label are needed. "
            + (f"These tasks have labels: {', '.join(tasks)}. " if tasks else "")
            + _several(info)
            + f"Its parts: {dict(features.items())}"
        )
    return found[0][0], found[1][0]


def _several(info):
    """A sentence if images of a set have several labels, else ""."""
    try:
        label_sets_rule(info, "")
    except ValueError:
        return ""
    return (
        "Its images have several labels: give task='multilabel' (--task multilabel). "
    )
