"""Steps as text: the same steps come back, and mistakes are explained."""

import dataclasses

import pytest

from keras_vit.data import steps, steps_from_text, steps_to_text
from keras_vit.data.steps.spelling import step_from_json, step_to_json

EXAMPLES = {
    "resize": steps.Resize(5, 9, "bicubic", antialias=True, fit="cover", pillow=True),
    "resize_small": steps.ResizeSmall(8, "lanczos3", pillow=True),
    "central_crop": steps.CentralCrop(10, 12, (1, 20, 255), halves="even"),
    "inception_crop": steps.InceptionCrop(12, 10, area_min=1 / 3),
    "pad": steps.Pad(2, "reflect"),
    "random_crop": steps.RandomCrop(9, 11),
    "flip": steps.Flip(0.1),
    "randaugment": steps.RandAugment(2, 7.5),
    "random_erasing": steps.RandomErasing(value=128),
    "value_range": steps.ValueRange(0.0),
    "mixup": steps.Mixup(0.2, "bit"),
    "cutmix": steps.CutMix(0.5),
    "label_smoothing": steps.LabelSmoothing(0.1),
    "corrupt_patches": steps.CorruptPatches(4, 8, corruption_rate=0.3),
}


def test_every_step_has_an_example():
    assert {name: type(step) for name, step in EXAMPLES.items()} == steps.STEPS


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_step_comes_back_from_json_and_text(name):
    step = EXAMPLES[name]
    assert step_from_json(step_to_json(step)) == step
    text = steps_to_text([step])
    assert text.startswith(name) and steps_from_text(text) == (step,)


def test_lists_of_steps_come_back_from_text():
    everything = tuple(EXAMPLES.values())
    assert steps_from_text(steps_to_text(everything)) == everything


@pytest.mark.parametrize("kind", steps.STEPS.values())
def test_steps_are_plain_values(kind):
    assert dataclasses.is_dataclass(kind)
    assert set(EXAMPLES[name_of(kind)].__dict__) == {
        field.name for field in dataclasses.fields(kind)
    }


def name_of(kind):
    return next(name for name, other in steps.STEPS.items() if other is kind)


def test_text_is_short():
    pipeline = [steps.Flip(), steps.RandAugment(2, 10), steps.Mixup(0.2)]
    assert steps_to_text(pipeline) == "flip|randaugment(2,10)|mixup(0.2)"


def test_sizes_left_out_are_the_models():
    text = (
        " resize( 448 ) | random_crop | inception_crop(area_min=0.3)|central_crop(9,5)"
    )
    assert steps_from_text(text, (224, 160)) == (
        steps.Resize(448, 448),
        steps.RandomCrop(224, 160),
        steps.InceptionCrop(224, 160, area_min=0.3),
        steps.CentralCrop(9, 5),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "flip|rand_augment(2,10)",
            r"Did you mean randaugment\(num_layers, magnitude\)",
        ),
        ("flip|banana", "'banana' is not a step"),
        ("mixup", r"mixup\(alpha, form='big_vision'\)"),
        ("mixup(alhpa=1)", "Did you mean 'alpha'"),
        ("mixup('a')", r"mixup\(alpha, form"),
        ("mixup(True)", r"mixup\(alpha, form"),
        ("mixup(0.2, alpha=1)", r"mixup\(alpha, form"),
        ("mixup(1,2,3)", r"Received: 'mixup\(1,2,3\)' in"),
        ("mixup(-1)", "must be 0 or more"),
        ("randaugment(2,'a')", r"randaugment\(num_layers, magnitude\)"),
        ("flip||flip", "A step is a name"),
        ("", "A step is a name"),
        ("flip(", "A step is a name"),
        ("flip|a.b(2)", "A step is a name"),
        ("pad(__import__('os'))", "A step is a name"),
        ("random_crop", r"random_crop\(height, width\)"),
    ],
)
def test_mistakes_are_explained(text, message):
    with pytest.raises(ValueError, match=message):
        steps_from_text(text)
