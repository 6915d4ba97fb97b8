"""TFDS sets with masks or boxes, written here in their form."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from masks import coded
from writing import write

from keras_vit.data import load, load_splits
from keras_vit.data.dense import records

Features = tfds.features


def pet_masks(count=4):
    """Masks of 1, the pet, 2, the background, and 3, the border, of varied sizes."""
    drawn = (np.random.default_rng(n).integers(1, 4, (8 + n, 10)) for n in range(count))
    return [mask.astype(np.uint8) for mask in drawn]


@pytest.fixture
def pets(tmp_path):
    features = {
        "image": Features.Image(),
        "segmentation_mask": Features.Image(shape=(None, None, 1)),
        "label": Features.ClassLabel(names=["cat", "dog"]),
    }
    examples = [
        {"image": coded(mask), "segmentation_mask": mask[..., None], "label": 0}
        for mask in pet_masks()
    ]
    split = {"train": examples[:3], "test": examples[3:]}
    write(tmp_path, "oxford_iiit_pet", features, split)
    return tmp_path / "oxford_iiit_pet"


def by_first_pixels(pairs):
    """The targets by the codes of their images: TFDS has an order of its own."""
    return {image[..., 0].tobytes(): target for image, target, _ in pairs}


def test_masks_of_pets_get_the_background_first(pets):
    train, test = load_splits(pets, task="segmentation")
    assert train.class_names == ["background", "pet"]
    assert (train.num_examples, test.num_examples) == (3, 1)
    for source, masks in ((train, pet_masks()[:3]), (test, pet_masks()[3:])):
        found = by_first_pixels(source.pairs())
        assert len(found) == len(masks)
        for mask in masks:
            wanted = np.array([255, 1, 0, 255], np.uint8)[mask]
            np.testing.assert_array_equal(found[coded(mask)[..., 0].tobytes()], wanted)
    images, masks = next(iter(train.batches(3, image_size=(8, 10))))
    assert images.shape == (3, 8, 10, 3) and masks.shape == (3, 8, 10)
    assert train.take_fraction(0.5).num_examples == 2


@pytest.fixture
def voc(tmp_path):
    features = {
        "image": Features.Image(),
        "image/filename": Features.Text(),
        "objects": Features.Sequence(
            {
                "label": Features.ClassLabel(names=["cat", "dog"]),
                "bbox": Features.BBoxFeature(),
                "is_difficult": np.bool_,
                "area": np.int64,
            }
        ),
    }
    examples = [
        {
            "image": np.full((20, 40, 3), number, np.uint8),
            "image/filename": f"{number}.jpg",
            "objects": [
                {
                    "label": 1,
                    "bbox": Features.BBox(0.1, 0.25, 0.5, 1.0),
                    "is_difficult": number == 2,
                    "area": 7,
                }
            ]
            * number,
        }
        for number in range(3)
    ]
    write(tmp_path, "little_voc", features, examples)
    return tmp_path / "little_voc"


def test_boxes_are_read_in_pixels(voc):
    source = load(voc, task="detection")
    assert source.class_names == ["cat", "dog"] and source.num_examples == 3
    for image, found, _ in source.pairs():
        number = int(image[0, 0, 0])
        # Shares, ymin, xmin, ymax, xmax, of 20 rows and 40 columns.
        wanted = np.tile([10, 2, 40, 10], (number, 1))
        np.testing.assert_allclose(found["boxes"], wanted.reshape(-1, 4), atol=1e-5)
        assert found["classes"].tolist() == [1] * number
        assert found["crowd"].tolist() == [number == 2] * number
        assert found["areas"].tolist() == [7] * number
    _, objects = next(iter(source.batches(3, image_size=(10, 20))))
    assert objects["boxes"].shape == (3, 2, 4)


def test_sets_without_masks_or_boxes_are_refused(pets, voc):
    with pytest.raises(ValueError, match=r"little_voc has no masks.*image, .*objects"):
        load(voc, task="segmentation")
    with pytest.raises(ValueError, match="oxford_iiit_pet has no boxes"):
        load(pets, task="detection")
    part = load(f"{pets}:train[:67%]", task="segmentation")
    assert part.num_examples == 2
    with pytest.raises(ValueError, match=r"has the splits .*split='validation'"):
        load(f"{pets}:validation", task="segmentation")


def test_a_split_that_does_not_fit_in_memory_is_refused(pets, monkeypatch):
    monkeypatch.setattr(records, "MOST", 10)
    with pytest.raises(ValueError, match=r"at most 10 bytes.*train\[:10%\]"):
        load(pets, task="segmentation")
