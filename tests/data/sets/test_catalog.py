"""The tables against TFDS's own code, which needs no network."""

import types

import pytest
import tensorflow_datasets as tfds
from each import holds_for_each

from keras_vit.data.readers.record_labels import reading_of
from keras_vit.data.sets import vtab
from keras_vit.data.sets.catalog import DATASETS, NOT_IN_TFDS
from keras_vit.data.sets.downloads import quiet
from keras_vit.data.sets.known import image_shape, num_training_images
from keras_vit.data.sets.prepared import without_bucket


def builder(name, data_dir):
    with quiet(), without_bucket():
        return tfds.builder(name, data_dir=str(data_dir), try_gcs=False)


def test_the_catalog_agrees_with_tfds(tmp_path):
    def check(name):
        facts = DATASETS[name]
        there = builder(f"{name}/{facts.config}" if facts.config else name, tmp_path)
        features = there.info.features
        height, width, channels = features["image"].shape
        assert channels == facts.num_channels
        assert facts.image_size == ((height, width) if height else None)
        assert bool(facts.manual) == bool(there.MANUAL_DOWNLOAD_INSTRUCTIONS)
        if name in ("clevr", "dsprites", "kitti"):
            with pytest.raises(ValueError, match="These tasks have labels: vtab/"):
                reading_of(there.info, name)
        else:
            assert reading_of(there.info, name).class_names

    holds_for_each(DATASETS, check)


def test_what_tfds_lacks_is_really_lacking():
    assert not set(NOT_IN_TFDS) & set(tfds.list_builders())


def test_vtab_has_nineteen_tasks_in_three_groups():
    sizes = {group: len(tasks) for group, tasks in vtab.VTAB_GROUPS.items()}
    assert sizes == {"natural": 7, "specialized": 4, "structured": 8}
    assert len(vtab.VTAB) == 19


# Where VTAB's validation and test parts are cut out of another part, in per cent
# (table 3 of the task_adaptation code, `data/*.py`).
CUT = {
    "caltech101": ("train[90%:]", "test"),
    "cifar100": ("train[90%:]", "test"),
    "oxford_iiit_pet": ("train[80%:]", "test"),
    "svhn": ("train[90%:]", "test"),
    "eurosat": ("train[60%:80%]", "train[80%:]"),
    "resisc45": ("train[60%:80%]", "train[80%:]"),
    "clevr_count": ("train[90%:]", "validation"),
    "clevr_distance": ("train[90%:]", "validation"),
    "dsprites_location": ("train[80%:90%]", "train[90%:]"),
    "dsprites_orientation": ("train[80%:90%]", "train[90%:]"),
    "smallnorb_azimuth": ("test[:50%]", "test[50%:]"),
    "smallnorb_elevation": ("test[:50%]", "test[50%:]"),
}


def test_vtab_splits_are_the_percentages_written_out():
    def check(name):
        task = vtab.VTAB[name]
        sizes = DATASETS[task.dataset.split("/")[0]].splits
        known = {k: types.SimpleNamespace(num_examples=n) for k, n in sizes.items()}

        def places(split):
            read = tfds.core.ReadInstruction.from_spec(split)
            (part,) = read.to_absolute(known)
            stop = sizes[part.splitname] if part.to is None else part.to
            return part.splitname, part.from_ or 0, stop

        validation, test = CUT.get(name, ("validation", "test"))
        split, start, stop = places(validation)
        assert (
            places(task.val200) == (split, start, start + 200) and stop - start >= 200
        )
        assert places(task.test) == places(test)
        assert task.num_test == places(test)[2] - places(test)[1]
        assert places(task.train800) == ("train", 0, 800)

    holds_for_each(vtab.VTAB, check)


def test_vtab_labels_have_the_published_number_of_classes(tmp_path):
    def check(name):
        task = vtab.VTAB[name]
        info = builder(task.dataset, tmp_path).info
        assert len(reading_of(info, name, task.label).class_names) == task.num_classes

    holds_for_each(vtab.VTAB, check)


def test_sizes_are_looked_up_by_name_only():
    assert num_training_images("cifar10") == 50_000
    assert num_training_images("imagenet21k") == 14_000_000
    assert num_training_images("cifar10:train[:10%]") is None
    assert num_training_images("imagenet_v2") is None  # which is for tests
    assert num_training_images("eurosat") is None  # of which a part is cut off
    assert image_shape("cifar10") == (32, 32, 3)
    assert image_shape("fashion_mnist_mini") == (28, 28, 1)
    assert image_shape("imagenet2012") is None is image_shape("./photos")
    assert image_shape("smallnorb") == (96, 96, 1)
