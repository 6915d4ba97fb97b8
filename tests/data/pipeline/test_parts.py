"""The parts of batches that several processes read."""

import cases
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from writing import write

import keras_vit.data
from keras_vit.data.readers import records

AUGMENTS = {
    "alone": "crop_flip",
    "smoothed": "resize|flip|label_smoothing(0.1)",
    "mixed": "resize|flip|mixup(0.2)",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A prepared TFDS set of 23 images."""
    features = {
        "image": tfds.features.Image(shape=(8, 8, 1)),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    images = np.arange(23 * 64, dtype="uint32").astype("uint8").reshape(23, 8, 8, 1)
    examples = [{"image": image, "label": i % 2} for i, image in enumerate(images)]
    folder = tmp_path_factory.mktemp("written")
    write(folder, "numbered", features, examples)
    return folder / "numbered" / "3.0.0"


@pytest.fixture(params=["pixels", "files", "streamed"])
def source(request, folder, arrays, written, monkeypatch):
    if request.param == "pixels":
        return arrays
    if request.param == "files":
        return keras_vit.data.load(f"{folder}:all")
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    return keras_vit.data.load(written)


def read(source, part, batch_size=6, **options):
    batches = source.batches(batch_size, image_size=8, part=part, **options)
    return [[np.asarray(each) for each in batch] for batch in batches]


@pytest.mark.parametrize("augment", cases.rest_slow(AUGMENTS, 1))
def test_the_parts_of_training_batches_make_the_whole(source, augment):
    wanted = dict(training=True, seed=3, augment=AUGMENTS[augment])
    wanted.update(start_step=2, epochs=3)
    whole = read(source, None, **wanted)
    parts = [read(source, (index, 3), **wanted) for index in range(3)]
    assert len(whole) == len(parts[0]) == 3 * (source.num_examples // 6) - 2
    for number, (images, labels) in enumerate(whole):
        mine = [part[number] for part in parts]
        assert [len(x) for x, _ in mine] == [2, 2, 2]
        assert (np.concatenate([x for x, _ in mine]) == images).all()
        assert (np.concatenate([y for _, y in mine]) == labels).all()


@pytest.mark.parametrize("batch_size", cases.rest_slow([6, 40], 1))
def test_in_evaluation_the_filling_counts_nothing(source, batch_size):
    total = source.num_examples
    whole = read(source, None, batch_size)
    parts = [read(source, (index, 2), batch_size) for index in range(2)]
    assert {len(part) for part in parts} == {-(-total // batch_size)}
    for index, (images, labels) in enumerate(whole):
        mine = [part[index] for part in parts]
        x, y, weights = (np.concatenate(column) for column in zip(*mine))
        assert len(x) == len(y) == len(weights) == batch_size
        assert (x[weights > 0] == images).all() and (y[weights > 0] == labels).all()
    weights = np.concatenate([w for part in parts for _, _, w in part])
    values = np.random.default_rng(0).normal(size=weights.shape)
    mean = values[weights > 0].mean()  # of as many as there are examples
    assert (weights > 0).sum() == total
    assert np.mean(values * weights) == pytest.approx(mean, rel=1e-6)


def test_shapes_are_static(arrays):
    for training in (True, False):
        batches = arrays.batches(6, image_size=8, training=training, part=(1, 2))
        shapes = [spec.shape for spec in batches.element_spec]
        assert shapes[:2] == [(3, 8, 8, 3), (3,)]
    assert batches.cardinality() == 4
    assert batches.options().experimental_distribute.auto_shard_policy == (
        tf.data.experimental.AutoShardPolicy.DATA
    )


@pytest.mark.parametrize("part", [(2, 2), (-1, 2), (0, 4)])
def test_a_part_that_is_none_is_refused(arrays, part):
    with pytest.raises(ValueError, match=r"must divide the batch.*batch_size=6"):
        arrays.batches(6, image_size=8, part=part)
