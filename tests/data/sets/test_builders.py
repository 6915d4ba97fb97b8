"""Builders of TFDS leave nothing behind."""

import tempfile

import pytest
import tensorflow_datasets as tfds

import keras_vit
from keras_vit.data.sets.prepared import find_builder


def test_a_set_that_is_not_prepared_leaves_no_folder(tmp_path, monkeypatch):
    before = tfds.core.DatasetInfo.initialize_from_bucket
    room, data = tmp_path / "temporary", tmp_path / "data"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    for name in ("mnist", "cifar10", "oxford_flowers102", "imagenet_v2"):
        builder, there = find_builder(name, data)
        assert builder.name == name and not there
    assert keras_vit.data.describe("dtd", data_dir=str(data)).name == "dtd"
    with pytest.raises(ValueError, match="no data set 'mnits'"):
        find_builder("mnits", data)
    assert not list(room.iterdir()) and not data.exists()
    assert tfds.core.DatasetInfo.initialize_from_bucket is before
