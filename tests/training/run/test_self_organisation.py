"""The simulation of the Neocognitron's paper, and its runs."""

import keras
import numpy as np
import pytest
from cases import array
from PIL import Image

import keras_vit
from keras_vit.training import Recipe, train
from keras_vit.training.run.build import check_model, compile_model
from keras_vit.training.run.self_organisation import KEPT, organiser

# Five digits, drawn with lines of one pixel.
DIGITS = """
..####.. ...#.... ..####.. .#####.. .....#..
.#....#. ..##.... .#....#. #.....#. ....##..
#......# ...#.... #......# .......# ...#.#..
#......# ...#.... .......# ......#. ..#..#..
#......# ...#.... ......#. ..####.. .#...#..
#......# ...#.... ....##.. ......#. #....#..
#......# ...#.... ...#.... .......# ########
#......# ...#.... ..#..... .......# .....#..
.#....#. ...#.... .#...... #.....#. .....#..
..####.. ..###... ######## .#####.. .....#..
"""
SHIFTS = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]


def pattern(digit, rows=0, columns=0):
    """A digit on 16x16 cells, shifted from the middle; 1 on -1."""
    lines = [line.split()[digit] for line in DIGITS.strip().splitlines()]
    drawn = np.array([[mark == "#" for mark in line] for line in lines])
    image = np.full((16, 16, 1), -1.0, "float32")
    image[3 + rows : 13 + rows, 4 + columns : 12 + columns, 0] = 2 * drawn - 1
    return image


def presented(seed=0, times=20):
    """Each of the five patterns so often, at shifts that change; and their names."""
    random = np.random.default_rng(seed)
    images = [
        pattern(digit, *random.integers(-2, 3, 2))
        for _ in range(times)
        for digit in range(5)
    ]
    return np.array(images), np.tile(np.arange(5, dtype="int32"), times)


def trained(seed, jit="no"):
    keras.utils.set_random_seed(seed)
    model = keras_vit.Neocognitron(5)
    trainer = organiser(model, total_steps=60)
    recipe = Recipe(model="Neocognitron", jit_compile=jit)
    compile_model(trainer, recipe, total_steps=60)
    options = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0}
    trainer.fit(*presented(seed), **options)
    return model, trainer


def check_the_claim_of_the_paper(model):
    images = np.array([pattern(digit, *s) for digit in range(5) for s in SHIFTS])
    cells = array(keras.Model(model.input, model.get_layer("c3").output)(images))
    answers = (cells > 0).reshape(5, len(SHIFTS), 24)
    # One cell answers each pattern, wherever it lies, and answers no other.
    assert (answers.sum(-1) == 1).all()
    assert (answers == answers[:, :1]).all()
    assert len(set(answers[:, 0].argmax(-1))) == 5
    classes = array(model(images)).argmax(-1).reshape(5, -1)
    np.testing.assert_array_equal(classes, np.repeat(np.arange(5)[:, None], 25, 1))


@pytest.mark.slow
def test_five_shifted_digits_are_each_recognised_by_one_cell():
    model, trainer = trained(0)
    check_the_claim_of_the_paper(model)
    assert int(array(trainer.optimizer.iterations)) == 60
    # The head's columns are of unit length: logits are cosines.
    kernel = array(model.get_layer("head").kernel)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    assert not array(model.get_layer("head").bias).any() and KEPT < 1


@pytest.mark.slow
def test_nearly_so_they_are_from_other_first_synapses():
    for seed in (1, 2):
        model, _ = trained(seed, jit="auto")
        images = np.array([pattern(digit, *s) for digit in range(5) for s in SHIFTS])
        classes = array(model(images)).argmax(-1)
        assert (classes == np.repeat(np.arange(5), 25)).mean() >= 0.95


def write_digits(root):
    for part, times in (("train", 4), ("test", 2)):
        images, labels = presented(len(part), times)
        for number, (image, label) in enumerate(zip(images, labels)):
            folder = root / part / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = ((image[..., 0] + 1) * 127.5).astype("uint8")
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return str(root)


@pytest.mark.slow
def test_a_run_is_resumed_to_the_same_bits(tmp_path):
    recipe = Recipe(
        data=write_digits(tmp_path / "data"),
        model="Neocognitron",
        epochs=3,
        batch_size=4,
        augment="none",
        jit_compile="no",
    )
    options = {"devices": "cpu", "check": False, "progress": False}
    whole = train(recipe, tmp_path / "whole", **options)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(array(self.model.optimizer.iterations)) == 8:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopping = {"callbacks": [Stop()], "save_steps": 1}
        train(recipe, tmp_path / "parts", **options, **stopping)
    parts = train(recipe, tmp_path / "parts", resume=True, **options)
    assert parts.metrics["val_accuracy"] == whole.metrics["val_accuracy"]
    first, second = (run.load_model() for run in (whole, parts))
    for one, other in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(one, other)
    assert keras_vit.Neocognitron(5).count_params() == first.count_params()


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"accumulation_steps": 2}, "Leave `accumulation_steps` out.*=2"),
        ({"ema_momentum": 0.9}, "ema_momentum=0.9"),
        ({"freeze": ("s1",)}, "freeze"),
        ({"layer_decay": 0.5}, "layer_decay=0.5"),
        ({"masked_target": "pixels"}, "Neocognitron has none"),
    ],
)
def test_what_only_gradients_know_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        check_model(Recipe(model="Neocognitron", **fields))
