import numpy as np
import pytest

import keras_vit
from keras_vit.models import imagenet_classes


def test_imagenet_names_are_in_the_published_order():
    classes = imagenet_classes()
    assert len(classes) == 1000
    assert classes[0][0] == "n01440764" and "tench" in classes[0][1]
    assert "goldfish" in classes[1][1]
    assert "toilet" in classes[999][1]
    assert len({synset for synset, _ in classes}) == 1000
    assert [synset for synset, _ in classes] == sorted(synset for synset, _ in classes)


def test_imagenet_21k_names_are_complete():
    classes = imagenet_classes(21843)
    assert len(classes) == 21843
    assert len({synset for synset, _ in classes}) == 21843
    assert all(s.startswith("n") and len(s) == 9 and name for s, name in classes)
    # Every class of ImageNet-1k was taken from the larger set.
    assert {s for s, _ in imagenet_classes()} - {s for s, _ in classes} <= {
        s for s, _ in imagenet_classes()
    }


def test_other_numbers_of_classes_have_no_names():
    with pytest.raises(ValueError, match="num_classes=10"):
        imagenet_classes(10)


def test_the_most_probable_class_comes_first():
    logits = np.zeros((2, 1000), "float32")
    logits[0, 1], logits[0, 7], logits[1, 999] = 9, 8, 3
    first, second = keras_vit.decode_predictions(logits, top=3)
    assert [len(first), len(second)] == [3, 3]
    assert first[0][:2] == imagenet_classes()[1]
    assert first[1][:2] == imagenet_classes()[7]
    assert second[0][:2] == imagenet_classes()[999]
    expected = np.exp(9) / (np.exp(9) + np.exp(8) + 998)
    assert first[0][2] == pytest.approx(expected, rel=1e-6)
    assert type(first[0][2]) is float


def test_probabilities_are_taken_as_they_are():
    rows = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    (a, b), (c, _) = keras_vit.decode_predictions(rows, 2, ["x", "y", "z"])
    assert (a, b) == ((0, "x", 0.7), (1, "y", 0.2))
    assert c == (2, "z", 1.0)


def test_logits_that_happen_to_be_positive_go_through_a_softmax():
    ((best, *_),) = keras_vit.decode_predictions([[3.0, 1.0]], 2, ["x", "y"])
    assert best[2] == pytest.approx(1 / (1 + np.exp(-2)))


def test_top_may_exceed_the_classes():
    (row,) = keras_vit.decode_predictions([[0.0, 1.0]], 5, ["x", "y"])
    assert [name for _, name, _ in row] == ["y", "x"]


@pytest.mark.parametrize("top", [0, -1, 2.5])
def test_top_must_be_a_positive_integer(top):
    with pytest.raises(ValueError, match="`top`"):
        keras_vit.decode_predictions([[0.0, 1.0]], top, ["x", "y"])


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="shape"):
        keras_vit.decode_predictions(np.zeros(1000))
    with pytest.raises(ValueError, match="class_names"):
        keras_vit.decode_predictions(np.zeros((1, 10)))
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        keras_vit.decode_predictions(np.zeros((1, 3)), class_names=["x", "y"])


def test_an_empty_batch_gives_an_empty_list():
    assert keras_vit.decode_predictions(np.zeros((0, 1000))) == []
