"""TFDS sets with masks or boxes: one split of them, encoded in memory."""

import dataclasses

import numpy as np

from keras_vit.common.wording import as_file_size
from keras_vit.data.dense.found import Found
from keras_vit.data.dense.mask_files import IGNORED, MaskFiles, classes_in
from keras_vit.data.dense.shapes import Shape, ShapeReader, Shapes
from keras_vit.data.sets.downloads import prepare, quiet
from keras_vit.data.sets.prepared import find_builder

MOST = 4 * 2**30  # bytes of a split
MASKS = ("segmentation_mask", "segmentation_label", "mask", "label")
CROWD = ("is_crowd", "iscrowd", "is_difficult", "is_group_of")
# The classes of sets whose masks have other numbers, with these in the order of the
# classes; all others are not counted.
RENUMBERED = {
    # 1 is the pet, 2 the background, 3 the border that is not classified.
    "oxford_iiit_pet": {"background": 2, "pet": 1},
    # The 19 of the evaluation, by their ids: https://www.cityscapes-dataset.com
    "cityscapes": {
        "road": 7,
        "sidewalk": 8,
        "building": 11,
        "wall": 12,
        "fence": 13,
        "pole": 17,
        "traffic light": 19,
        "traffic sign": 20,
        "vegetation": 21,
        "terrain": 22,
        "sky": 23,
        "person": 24,
        "rider": 25,
        "car": 26,
        "truck": 27,
        "bus": 28,
        "train": 31,
        "motorcycle": 32,
        "bicycle": 33,
    },
}


@dataclasses.dataclass(frozen=True)
class RecordMasks(MaskFiles):
    """Reads encoded masks of a TFDS set: pairs of a name and bytes.

    Args:
        values: `uint8` array `(256,)`, the class of each value; `None` if it is it.
    """

    values: np.ndarray | None = None

    def content(self, pair) -> bytes:
        """What an annotation says, as bytes: the numbers of classes and the mask."""
        return (b"" if self.values is None else self.values.tobytes()) + pair[1]

    def mask(self, pair, size=None) -> np.ndarray:
        """The classes of the pixels: `uint8` `(h, w)`."""
        name, data = pair
        mask = classes_in(data, name)
        mask = mask if self.values is None else self.values[mask]
        return self.checked(mask, name, size)


def find_records(place, task: str, data_dir=None) -> Found:
    """One split of a TFDS set with masks or boxes; downloaded first where needed.

    Args:
        place: A `Place` of a TFDS name or prepared directory.
        task: "segmentation" or "detection".
        data_dir: Where TFDS keeps prepared data.

    Raises:
        ValueError: if the set has no masks or boxes, or the split is too large.
    """
    import tensorflow_datasets as tfds

    builder, parts = _opened(place, task, data_dir)
    known = builder.info.splits
    split = place.split or ("train" if "train" in known else next(iter(known)))
    try:
        share = known[split].num_examples / sum(s.num_examples for s in known.values())
    except (KeyError, ValueError, AssertionError, ZeroDivisionError):
        raise ValueError(
            f"{place} has the splits {', '.join(known)}. Received: split={split!r}"
        ) from None
    size = round(share * sum(part.num_bytes for part in known.values()))
    if size > MOST:
        raise ValueError(
            f"{place}:{split} has {as_file_size(size)}, and at most "
            f"{as_file_size(MOST)} of a TFDS set with masks or boxes are kept in "
            "memory. Take a part ('train[:10%]'), or load the set's own files, for "
            "example its COCO json."
        )
    skipped = {key: tfds.decode.SkipDecoding() for key in parts.encoded}
    decoding = tfds.decode.PartialDecoding(parts.wanted, decoders=skipped)
    config = tfds.ReadConfig(
        add_tfds_id=True, interleave_cycle_length=1, try_autocache=False
    )
    images, found = {}, {}
    with quiet():
        examples = builder.as_dataset(
            split=split, decoders=decoding, read_config=config
        ).as_numpy_iterator()
        for example in examples:
            name = example["tfds_id"].decode()
            images[name] = example[parts.image]
            found[name] = parts.annotation(name, example)
    reader = ShapeReader("tfds")
    if task == "segmentation":
        reader = RecordMasks("", None, None, "", parts.values)
    names = parts.class_names and list(parts.class_names)
    return Found("", "TFDS", names, {split: found}, reader, images=images)


def record_splits(place, task: str, data_dir=None) -> dict[str, int]:
    """The splits of a TFDS set with masks or boxes, and their numbers of examples."""
    known = _opened(place, task, data_dir)[0].info.splits
    return {key: split.num_examples for key, split in known.items()}


def _opened(place, task, data_dir):
    builder, there = find_builder(place.path, data_dir)
    parts = _PARTS[task](builder.info, str(place))
    if not there:
        with quiet():
            prepare(builder, place.path)
    return builder, parts


@dataclasses.dataclass(frozen=True)
class _Parts:
    """The features of a set that are read, and what is made of them."""

    image: str
    encoded: tuple[str, ...]
    wanted: dict
    class_names: tuple[str, ...] | None
    annotation: object  # function of an example's name and the example
    values: np.ndarray | None = None


def _image(info, name, others=()):
    """The name of the feature that is the image."""
    import tensorflow_datasets as tfds

    features = info.features
    if hasattr(features, "items"):
        found = [
            key
            for key, feature in features.items()
            if isinstance(feature, tfds.features.Image) and key not in others
        ]
        if "image" in found or len(found) == 1:
            return "image" if "image" in found else found[0]
        left = [key for key in found if key.endswith("left")]
        if left:  # Cityscapes has a right one, too, without a mask
            return left[0]
    raise _lacks(info, name, "one image")


def _masks(info, name):
    import tensorflow_datasets as tfds

    features, found = info.features, None
    for key in MASKS:
        if hasattr(features, "items") and key in features:
            if isinstance(features[key], tfds.features.Image):
                found = found or key
    if found is None:
        raise _lacks(info, name, "masks")
    image, values = _image(info, name, (found,)), None
    numbers = RENUMBERED.get(info.name)
    if numbers is not None:
        values = np.full(IGNORED + 1, IGNORED, np.uint8)
        values[list(numbers.values())] = np.arange(len(numbers))
    return _Parts(
        image,
        (image, found),
        {image: True, found: True},
        numbers and tuple(numbers),
        lambda name, example: (f"of {name}", example[found]),
        values,
    )


def _boxes(info, name):
    import tensorflow_datasets as tfds

    kinds = tfds.features.BBoxFeature, tfds.features.ClassLabel
    features = info.features if hasattr(info.features, "items") else {}
    for key, feature in features.items():
        inner = getattr(feature, "feature", None)
        if not hasattr(inner, "items"):
            continue
        box, label = (
            next((k for k, f in inner.items() if isinstance(f, kind)), None)
            for kind in kinds
        )
        if box is None:
            continue
        crowd = next((k for k in CROWD if k in inner), None)
        area = "area" if "area" in inner else None
        names = (key.removesuffix("s"),) if label is None else inner[label].names

        def annotation(
            name, example, key=key, box=box, label=label, crowd=crowd, area=area
        ):
            rows, shapes = example[key], []
            for number, corners in enumerate(rows[box].astype(np.float64)):
                shapes.append(
                    Shape(
                        0 if label is None else int(rows[label][number]),
                        tuple(corners.tolist()),
                        crowd=crowd is not None and bool(rows[crowd][number]),
                        name=f"object {number + 1}",
                        area=area and float(rows[area][number]),
                    )
                )
            return Shapes(name, tuple(shapes))

        image = _image(info, name)
        wanted = {image: True, key: {k for k in (box, label, crowd, area) if k}}
        return _Parts(image, (image,), wanted, tuple(names), annotation)
    raise _lacks(info, name, "boxes")


_PARTS = {"segmentation": _masks, "detection": _boxes}


def _lacks(info, name, what):
    parts = getattr(info.features, "keys", lambda: ())()
    return ValueError(
        f"The TFDS set {name} has no {what} that can be read. Its parts: "
        f"{', '.join(sorted(parts))}"
    )
