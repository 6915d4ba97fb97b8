"""The ReaL labels of ImageNet's validation images."""

import hashlib
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from pictures import encode, picture
from writing import write

from keras_vit.data import load, real_labels
from keras_vit.data.readers import records

# Of real.json, as TFDS's checksums of `imagenet2012_real` have it.
SHA256 = "d83e9bff374c631aae8439eb064c7019acc56e1b3bc3f56b8380c2a710b0220b"


def test_the_labels_are_those_of_the_published_file():
    labels = real_labels()
    text = json.dumps([list(numbers) for numbers in labels])
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256
    assert len(labels) == 50_000 and sum(not numbers for numbers in labels) == 3_163


def number_of(name):
    return int(name.split("_")[-1].split(".")[0])


@pytest.mark.parametrize("budget", [2**30, 0])
def test_tfds_examples_are_recognised_by_their_file_names(
    tmp_path, monkeypatch, budget
):
    monkeypatch.setattr(records, "MEMORY_BUDGET", budget)
    numbers = [3, 50_000, 1, 17, 2_000]
    features = {
        "image": tfds.features.Image(),
        "label": tfds.features.ClassLabel(num_classes=1000),
        "file_name": tfds.features.Text(),
    }
    examples = [
        {
            "image": np.full((8, 8, 3), i, np.uint8),
            "label": i,
            "file_name": f"ILSVRC2012_val_{n:08}.JPEG",
        }
        for i, n in enumerate(numbers)
    ]
    write(tmp_path, "imagenet2012", features, examples, ("validation",))
    source = load("imagenet2012:validation", data_dir=tmp_path)
    everything = real_labels()
    order = [example["label"] for example in source.examples().as_numpy_iterator()]
    wanted = [everything[numbers[i] - 1] for i in order]
    assert real_labels(source) == wanted
    part = source.take_fraction(0.4)
    assert real_labels(part) == [wanted[order.index(label)] for label in part.labels]


def test_folders_of_validation_images_are_recognised(tmp_path):
    for synset, number in (("n01440764", 293), ("n01443537", 236), ("n01443537", 7)):
        (tmp_path / synset).mkdir(exist_ok=True)
        name = f"ILSVRC2012_val_{number:08}.JPEG"
        (tmp_path / synset / name).write_bytes(encode(picture(9, 9), "JPEG"))
    source = load(f"{tmp_path}:all")
    everything = real_labels()
    assert real_labels(source) == [everything[n - 1] for n in (293, 7, 236)]


def test_other_images_have_none(folder, arrays):
    with pytest.raises(ValueError, match="doesn't say which files"):
        real_labels(arrays)
    with pytest.raises(ValueError, match=r"Received: 'cat/00 é\.png'"):
        real_labels(load(f"{folder}:all"))
