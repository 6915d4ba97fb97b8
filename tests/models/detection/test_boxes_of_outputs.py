import keras
import numpy as np
import pytest
from cases import MODELS

from keras_vit.models.detection import decode
from keras_vit.models.vision_model import VisionModel


class Model(VisionModel):
    """Knows its settings and its images alone."""

    def __init__(self, family, size=(40, 60)):
        self.__dict__["_settings"] = {"family": family}
        # Keras makes a subclass functional, and looks for `_inputs`, at its first use.
        for name in ("inputs", "_inputs"):
            self.__dict__[name] = [keras.KerasTensor((None, *size, 3))]
        self.__dict__["input"] = None


def logit(share):
    return np.log(share / (1 - share))


def dense(boxes, shares, near):
    return {
        "logits": logit(np.array([shares], "float32")),
        "boxes": np.array([boxes], "float32"),
        "centreness": logit(np.array([near], "float32")),
        "points": np.zeros((1, len(boxes), 3)),
    }


def test_the_best_of_boxes_on_one_object_is_kept_for_each_class():
    boxes = [(0, 0, 20, 20), (1, 1, 21, 21), (30, 0, 70, 50)]
    shares = [(0.81, 0.2), (0.64, 0.9), (0.01, 0.36)]
    (found,) = decode(Model("detector"), dense(boxes, shares, [0.999999] * 3), 0.3)
    np.testing.assert_allclose(found["scores"], [0.9**0.5, 0.9, 0.6], atol=1e-5)
    assert found["classes"].tolist() == [1, 0, 1]
    expected = [boxes[1], boxes[0], (30, 0, 60, 40)]  # cut to the image
    np.testing.assert_allclose(found["boxes"], expected)


def test_the_middle_of_an_object_makes_a_better_score():
    boxes = [(0, 0, 20, 20), (0, 0, 20, 20)]
    outputs = dense(boxes, [(0.9,), (0.9,)], [0.1, 0.4])
    (found,) = decode(Model("detector"), outputs)
    np.testing.assert_allclose(found["scores"], [np.sqrt(0.9 * 0.4)], atol=1e-5)


def test_limits_and_images_without_boxes():
    boxes = [(5 * i, 0, 5 * i + 5, 5) for i in range(8)]
    outputs = dense(boxes, [(0.5 + 0.05 * i,) for i in range(8)], [0.9] * 8)
    (found,) = decode(Model("detector"), outputs, limit=3)
    assert found["boxes"][:, 0].tolist() == [35, 30, 25]
    (found,) = decode(Model("detector"), outputs, score=0.99)
    assert found["boxes"].shape == (0, 4) and found["scores"].shape == (0,)


def test_tokens_of_a_yolos_give_their_likeliest_class():
    logits = np.log([[[0.1, 0.6, 0.3], [0.3, 0.2, 0.5], [0.01, 0.01, 0.98]]])
    boxes = np.array([[(0.5, 0.5, 0.5, 0.25), (0.1, 0.2, 0.4, 0.4), (0, 0, 1, 1)]])
    outputs = {"logits": logits, "boxes": boxes}
    (found,) = decode(Model("yolos"), outputs)
    np.testing.assert_allclose(found["scores"], [0.6, 0.3])
    assert found["classes"].tolist() == [1, 0]
    expected = [(15, 15, 45, 25), (0, 0, 18, 16)]
    np.testing.assert_allclose(found["boxes"], expected, atol=1e-6)
    model = Model("yolos", (None, None))
    (again,) = decode(model, outputs, image_size=(40, 60))
    np.testing.assert_array_equal(again["boxes"], found["boxes"])
    with pytest.raises(ValueError, match="`image_size` must be given"):
        decode(model, outputs)


def test_other_models_and_values_are_refused():
    with pytest.raises(ValueError, match=r"must be a Detector or a YOLOS .*'vit'"):
        decode(MODELS["token"].make(), {})
    for words, values in (("score", {"score": 2}), ("limit", {"limit": 0})):
        with pytest.raises(ValueError, match=words):
            decode(Model("yolos"), {}, **values)
