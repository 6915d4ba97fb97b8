"""VTAB tasks: names, splits, and labels made of annotations."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from writing import write

import keras_vit
from keras_vit.data import load, load_splits, open_place, splits
from keras_vit.data.readers import records
from keras_vit.data.sets.vtab import VTAB
from keras_vit.evaluation import vtab

MOCKED = [name for name in VTAB if name != "kitti_distance"]  # TFDS's mock fails there


@pytest.mark.parametrize("name", MOCKED)
def test_every_task_loads(name, mocked_tfds):
    source = load(f"vtab/{name}:val200")
    assert source.num_classes == VTAB[name].num_classes
    assert source.num_examples == 4 and source.split == "val200"
    assert set(source.labels) <= set(range(source.num_classes))


@pytest.mark.parametrize(
    ("name", "num_classes", "split"),
    [
        ("imagenet2012", 1000, "validation"),
        ("imagenet2012_real", 1000, "validation"),
        ("imagenet_v2", 1000, "test"),
        ("oxford_iiit_pet", 37, "test"),
    ],
)
def test_the_papers_other_sets_load(name, num_classes, split, mocked_tfds):
    source = load(f"{name}:{split}")
    assert source.num_classes == num_classes and source.num_examples == 4
    images, _ = next(iter(source.batches(4, image_size=16)))
    assert images.shape == (4, 16, 16, 3)


def test_the_default_split_is_the_thousand_and_the_test_part_is_found(mocked_tfds):
    assert splits("vtab/dtd") == {
        "train800val200": 1000,
        "train800": 800,
        "val200": 200,
        "test": 1880,
    }
    train, test = load_splits("vtab/dtd")
    assert (train.split, test.split) == ("train800val200", "test")
    assert load("vtab/dtd:train1000").split == "train800val200"


def test_unknown_tasks_and_splits_are_explained(mocked_tfds):
    with pytest.raises(ValueError, match="Did you mean vtab/clevr_count"):
        load("vtab/clevr_cuont")
    with pytest.raises(ValueError, match=r"splits train800val200.*split='train\[:9\]'"):
        load("vtab/dtd:train[:9]")


def test_a_set_without_labels_is_refused_before_its_download(tmp_path):
    with pytest.raises(ValueError, match=r"vtab/clevr_count, vtab/clevr_distance"):
        load_splits("clevr", tmp_path)


# Labels -------------------------------------------------------------------------------


def labels_of(task, data_dir, monkeypatch, budget):
    """Labels by the number that the image shows, of the whole split `train`."""
    monkeypatch.setattr(records, "MEMORY_BUDGET", budget)
    row = VTAB[task]
    builder = open_place(f"vtab/{task}").builder(data_dir)
    store = records.RecordStore(builder, "train", task, (), row.label, row.scale)
    names = (task, "train", store.class_names)
    source = keras_vit.data.Source(store, *names, store.num_channels)
    found = {}
    for images, labels in source.batches(4, image_size=8, num_channels=1):
        shown = np.round((images[:, 0, 0, 0] + 1) * 127.5).astype(int)
        found.update(zip(shown.tolist(), labels.numpy().tolist()))
    return source, found


def numbered(number):
    return np.full((8, 8, 3), number, np.uint8)


in_memory_and_streamed = pytest.mark.parametrize("budget", [2**30, 0])


@in_memory_and_streamed
def test_clevr_labels(tmp_path, monkeypatch, budget):
    distances = [[8.0, 9, 12], [8.01, 20, 9, 15], [9.75] * 10, [10.0, 11, 12]]
    distances += [[10.5, 12, 13], [8.5, 9, 9], [8.6, 9, 10]]
    objects = tfds.features.Sequence(
        {
            "size": tfds.features.ClassLabel(names=["small", "large"]),
            "pixel_coords": tfds.features.Tensor(shape=(3,), dtype=np.float32),
        }
    )
    examples = [
        {
            "image": numbered(10 * i),
            "objects": [{"size": 0, "pixel_coords": [300, 200, z]} for z in row],
        }
        for i, row in enumerate(distances)
    ]
    features = {"image": tfds.features.Image(), "objects": objects}
    write(tmp_path, "clevr", features, examples)
    source, found = labels_of("clevr_count", tmp_path, monkeypatch, budget)
    assert found == {0: 0, 10: 1, 20: 7, 30: 0, 40: 0, 50: 0, 60: 0}
    assert source.class_names[1] == "4"
    _, found = labels_of("clevr_distance", tmp_path, monkeypatch, budget)
    assert found == {0: 0, 10: 1, 20: 4, 30: 4, 40: 5, 50: 1, 60: 2}


def write_kitti(data_dir, times=1):
    kinds = ["Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist"]
    rows = [
        [("Car", 5), ("Car", 30)],
        [("Pedestrian", 2), ("Truck", 8.5)],
        [("Cyclist", 3), ("Van", 20.5), ("Car", 70)],
        [("Pedestrian", 4)],
        [],
        [("Van", 20), ("Person_sitting", 1)],
    ]
    objects = tfds.features.Sequence(
        {
            "type": tfds.features.ClassLabel(names=kinds),
            "location": tfds.features.Tensor(shape=(3,), dtype=np.float32),
        }
    )
    examples = [
        {
            "image": numbered(10 * i),
            "objects": [{"type": kind, "location": [0, 1, z]} for kind, z in row],
        }
        for i, row in enumerate(rows)
    ]
    features = {"image": tfds.features.Image(), "objects": objects}
    splits = ("train", "validation", "test")
    write(data_dir, "kitti", features, times * examples, splits)


@in_memory_and_streamed
def test_kitti_labels(tmp_path, monkeypatch, budget):
    write_kitti(tmp_path)
    source, found = labels_of("kitti_distance", tmp_path, monkeypatch, budget)
    assert found == {0: 0, 10: 1, 20: 2, 30: 3, 40: 3, 50: 1}
    assert source.class_names[3] == "no vehicle"


@pytest.mark.slow
def test_kitti_runs_as_a_task(tmp_path):
    write_kitti(tmp_path, times=134)  # 804 images, of which the task takes 800
    sizes = {"num_layers": 1, "hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}
    model = keras_vit.ViT(0, image_size=8, patch_size=4, **sizes)
    result = vtab(model, ["kitti_distance"], grid=(1e-6,), data_dir=tmp_path)
    # Six greys, the same in every part; the commonest class has two of them.
    assert result.scores["kitti_distance"] > 0.5


@pytest.mark.slow
@in_memory_and_streamed
def test_dsprites_labels_and_pixels(tmp_path, monkeypatch, budget):
    features = {
        "image": tfds.features.Image(shape=(8, 8, 1)),
        "label_x_position": tfds.features.ClassLabel(num_classes=32),
        "label_orientation": tfds.features.ClassLabel(num_classes=40),
    }
    rows = [(0, 0), (1, 2), (2, 3), (31, 39), (17, 20)]
    examples = [
        {
            "image": np.ones((8, 8, 1), np.uint8),
            "label_x_position": x,
            "label_orientation": angle,
        }
        for x, angle in rows
    ]
    write(tmp_path, "dsprites", features, examples)
    for task, wanted in (
        ("dsprites_location", [x // 2 for x, _ in rows]),
        ("dsprites_orientation", [int(angle / 2.5) for _, angle in rows]),
    ):
        source, _ = labels_of(task, tmp_path, monkeypatch, budget)
        batches = list(source.batches(5, image_size=8, num_channels=1))
        assert sorted(batches[0][1].numpy()) == sorted(wanted)
        assert (batches[0][0].numpy() == 1).all()  # white, not nearly black
        assert source.num_channels == 1
