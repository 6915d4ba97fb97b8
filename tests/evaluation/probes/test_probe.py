"""`probe` and `vtab`: whole answers about a data set, or nineteen."""

import json
import logging

import numpy as np
import pytest
from PIL import Image
from tiny_models import numbered, tiny

import keras_vit
from keras_vit.evaluation import (
    VTAB_TASKS,
    Ridge,
    VtabTask,
    extract_features,
    probe,
    vtab,
)
from keras_vit.evaluation.probes.vtab_runs import NOTE


def shades(count=40, seed=0):
    """Dark and light images, which any features tell apart."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    low = 128 * labels[:, None, None]
    images = low + random.integers(0, 128, (count, 8, 8))
    return keras_vit.data.from_arrays(
        images.astype("uint8"), labels, ["dark", "light"], f"shades {seed}"
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("my photos")
    random = np.random.default_rng(0)
    for low, name in ((0, "dark"), (128, "light")):
        (root / name).mkdir()
        for index in range(15):
            pixels = random.integers(low, low + 128, (9, 12)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.mark.slow
def test_a_probe_of_grey_photos_with_a_named_model(photos, caplog):
    told = []
    with caplog.at_level(logging.WARNING, "keras_vit"):
        result = probe(
            str(photos),
            "r-vit-ti16",
            image_size=32,
            batch_size=7,
            progress=lambda *done: told.append(done),
        )
    assert "random model" in caplog.text and result.random
    assert result.model == "R_ViT_Ti16" and result.feature_dim == 192
    assert (result.num_train, result.num_test) == (24, 6)
    assert told[-1] == (30, 30) and (24, 30) in told
    assert result.accuracy == 1 and result.majority == 0.5
    assert result.accuracy_interval[0] == pytest.approx(6 / (6 + 1.959963985**2))
    assert result.l2 in result.cross_validation
    assert json.loads(json.dumps(result.to_json()))["accuracy"] == 1


def test_the_classifier_is_the_ridge_of_all_training_images():
    model, train, test = tiny(2), numbered(30, 2)[0], numbered(21, 2, seed=5)[0]
    result = probe((train, test), model, l2=1024)
    x, z = extract_features(model, train), extract_features(model, test)
    answers = Ridge(x.values, x.labels, 2).probe(1024).predict(z.values)
    assert result.accuracy == (answers == z.labels).mean()
    assert (
        result.confusion.sum() == 21
        and np.trace(result.confusion) == (answers == z.labels).sum()
    )
    assert result.cross_validation == {} and not result.random
    again = probe((train, test), model, l2=1024, batch_size=4)
    assert again.accuracy == result.accuracy


@pytest.mark.slow
def test_a_saved_model_is_probed_by_its_path(tmp_path):
    model, sources = tiny(2), (shades(), shades(10, 1))
    model.save(tmp_path / "model.keras")
    for path in (tmp_path, tmp_path / "model.keras", str(tmp_path)):
        result = probe(sources, path)
        assert result.model == str(path)
        assert result.accuracy == probe(sources, model).accuracy == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model": "ViT_B61"}, "ViT_B16"),
        ({"model": "runs/nowhere"}, "no model or run folder"),
        ({"l2": -1.0}, "`l2` must be"),
        ({"model": tiny, "weights": "augreg"}, "belong to the name"),
        ({"model": tiny, "batch_size": 0}, "batch_size"),
    ],
)
def test_mistakes_are_explained(options, message):
    options = {k: tiny(2) if v is tiny else v for k, v in options.items()}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        probe((shades(), shades(10, 1)), **options)


def test_sources_of_other_or_single_classes_are_refused():
    single = keras_vit.data.from_arrays(
        np.zeros((3, 8, 8), "uint8"), np.zeros(3, int), ["all"]
    )
    with pytest.raises(ValueError, match="two classes"):
        probe((single, single), tiny())
    with pytest.raises(ValueError, match="the same classes"):
        probe((shades(), numbered(9, 2)[0]), tiny())


# VTAB -------------------------------------------------------------------------------


def task(group, seed):
    return VtabTask(group, shades(40, seed), shades(10, seed + 1), shades(20, seed + 2))


def test_vtab_has_nineteen_tasks_in_three_groups():
    groups = [task.group for task in VTAB_TASKS.values()]
    assert [groups.count(g) for g in ("natural", "specialized", "structured")] == [
        7,
        4,
        8,
    ]


def test_the_tasks_are_those_that_data_knows():
    vtab = pytest.importorskip("keras_vit.data.sets.vtab")
    assert list(VTAB_TASKS) == list(vtab.VTAB)
    for name, task in VTAB_TASKS.items():
        assert task.train == f"{vtab.VTAB_PREFIX}{name}:train800"


def test_the_score_is_the_mean_over_tasks_not_over_groups():
    noise = [numbered(n, 2, seed=s)[0] for n, s in ((40, 1), (10, 2), (20, 3))]
    tasks = {
        "one": task("natural", 0),
        "two": task("natural", 10),
        "three": VtabTask("structured", *noise),
    }
    model = tiny(2)
    result = vtab(model, tasks, grid=(1.0, 1024.0))
    assert result.scores["one"] == result.scores["two"] == 1
    # Of noise: the penalty that was best on the second part, fitted to both.
    train, val, test = (extract_features(model, source) for source in noise)
    ridge = Ridge(train.values, train.labels, 2)
    right = {
        l2: (ridge.probe(l2).predict(val.values) == val.labels).mean()
        for l2 in (1.0, 1024.0)
    }
    chosen = 1.0 if right[1.0] > right[1024.0] else 1024.0
    assert result.l2["three"] == chosen
    both = Ridge(
        np.concatenate([train.values, val.values]),
        np.concatenate([train.labels, val.labels]),
        2,
    ).probe(chosen)
    score = (both.predict(test.values) == test.labels).mean()
    assert result.scores["three"] == score
    assert result.group_means == {"natural": 1.0, "structured": score}
    assert result.mean == pytest.approx((2 + score) / 3)
    text = str(result)
    assert NOTE in text and "mock images only" in text and "3 of 19 tasks" in text
    assert json.loads(json.dumps(result.to_json()))["note"] == NOTE


def test_tasks_are_checked_before_anything_runs():
    with pytest.raises(ValueError, match="Did you mean 'clevr_count'"):
        vtab(tiny(), ["clevr-counts"])
    with pytest.raises(ValueError, match="at least one task"):
        vtab(tiny(), [])
    mixed = VtabTask("natural", shades(), numbered(9, 2)[0], shades(10, 1))
    with pytest.raises(ValueError, match="parts of mixed must have the same classes"):
        vtab(tiny(2), {"mixed": mixed})


@pytest.mark.slow
def test_a_task_of_each_group_runs_from_its_name(mocked_tfds):
    names = ["dtd", "eurosat", "clevr_distance"]
    result = vtab(tiny(), names, grid=(1.0,))
    # The mock's four images are the same in every part: each is recognised.
    assert result.scores == dict.fromkeys(names, 1.0)
    assert list(result.group_means) == ["natural", "specialized", "structured"]


@pytest.mark.slow
def test_every_task_runs_from_its_name(mocked_tfds):
    names = [name for name in VTAB_TASKS if name != "kitti_distance"]  # TFDS fails
    assert vtab(tiny(), names, grid=(1.0,)).scores == dict.fromkeys(names, 1.0)
