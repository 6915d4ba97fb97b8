"""Gradient times attention, against finite differences of the oracle."""

import cases
import numpy as np
import pytest
import reference
from cases import pixels

from keras_vit import visualize
from keras_vit.visualize import anatomy, gradients
from keras_vit.visualize.attention import read_weights

STEP = 1e-5


def one_image(name):
    return pixels(cases.MODELS[name])[:1]


class Nudge:
    """A softmax that counts its calls, and adds a step to one value of one of them."""

    def __init__(self, place=None, step=0.0):
        self.place, self.step, self.found = place, step, []

    def __call__(self, x):
        x = np.exp(x - x.max(-1, keepdims=True))
        x = x / x.sum(-1, keepdims=True)
        if self.place and self.place[0] == len(self.found):
            x[0, self.place[1], self.place[2]] += self.step
        self.found.append(x)
        return x


def oracle_relevance(name, class_index, monkeypatch):
    """The relevance of one image's tokens, by central differences in float64."""
    model, images = cases.model(name), one_image(name)
    settings = {**model.settings["arguments"], "classifier_activation": None}
    arrays = reference.arrays_of(model)

    def logit(nudge):
        monkeypatch.setattr(reference, "softmax", nudge)
        return reference.vit(images, arrays, settings)["head"][0, class_index]

    plain = Nudge()
    logit(plain)
    layers = []
    for call, scores in enumerate(plain.found):  # one call for each head
        gradient = np.zeros_like(scores[0])
        for query, key in np.ndindex(gradient.shape):
            place = (call, query, key)
            up, down = (logit(Nudge(place, step)) for step in (STEP, -STEP))
            gradient[query, key] = (up - down) / (2 * STEP)
        layers.append(np.maximum(gradient * scores[0], 0))
    heads = settings["num_heads"]
    layers = [sum(layers[i : i + heads]) / heads for i in range(0, len(layers), heads)]
    tokens = layers[0].shape[-1]
    read = np.eye(tokens)[:1]  # the class token
    if settings["pooling"] == "map":
        read = layers.pop()
    elif settings["pooling"] == "gap":
        read = np.full((1, tokens), 1 / 6)
        read[:, : tokens - 6] = 0
    rolled = np.eye(tokens)
    for layer in layers:
        rolled = rolled + layer @ rolled
    return (read @ rolled)[0, -6:].reshape(2, 3)


@pytest.mark.parametrize(
    "name", ["token", "map", "layer_scale_erf", "positions_at_every_layer"]
)
def test_relevance_is_gradient_times_attention(name, monkeypatch):
    expected = oracle_relevance(name, 2, monkeypatch)
    found = visualize.relevance(cases.model(name), one_image(name), 2)
    np.testing.assert_allclose(found[0], expected, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        *("gap_beside_class_token", "gap_of_all_tokens", "softmax", "registers"),
        *("relative_positions", "positions_shared", "preprocessing", "hybrid"),
        *("regularised", "every_size", "overlapping"),
    ],
)
def test_the_layers_one_by_one_are_the_model(name):
    model, images = cases.model(name), pixels(cases.MODELS[name])
    blocks = anatomy.blocks_of(model, "")
    (tokens,) = anatomy.run(model, images, [blocks[0].input])
    _, logits = gradients._forward(model, tokens)
    logits = cases.array(logits)
    if name == "softmax":
        logits = reference.softmax(logits)
    np.testing.assert_allclose(logits, cases.array(model(images)), atol=2e-5)


def test_relevance_is_of_the_class_and_of_each_image():
    model, images = cases.model("token"), pixels(cases.MODELS["token"])
    both = visualize.relevance(model, images, [0, 3])
    assert both.shape == (2, 2, 3) and (both >= 0).all()
    for i, k in enumerate((0, 3)):
        alone = visualize.relevance(model, images[i : i + 1], k)
        np.testing.assert_allclose(both[i], alone[0], rtol=1e-4, atol=1e-6)
    best = cases.array(model(images)).argmax(axis=1)
    np.testing.assert_allclose(
        visualize.relevance(model, images),
        visualize.relevance(model, images, best),
        atol=1e-7,
    )
    assert np.abs(both[0] - visualize.relevance(model, images, 1)[0]).max() > 1e-4


@pytest.mark.parametrize("classes", [5, -1, 1.0, [0, 1, 2], "cat"])
def test_an_unknown_class_is_refused(classes):
    images = pixels(cases.MODELS["token"])
    with pytest.raises(ValueError, match=r"from 0 to 4.*class_index="):
        visualize.relevance(cases.model("token"), images, classes)


@pytest.mark.parametrize(
    "name, why", [("token_features", "with classes"), ("all_tokens", "pooling=None")]
)
def test_a_model_without_one_row_of_scores_is_refused(name, why):
    with pytest.raises(ValueError, match=why):
        visualize.relevance(cases.model(name), pixels(cases.MODELS[name]))


@pytest.mark.parametrize("name", ["clip", "swiglu", "prefix", "token_and_gap"])
def test_models_of_other_parts_have_the_same_views(name):
    model = cases.model(name)
    images = cases.inputs(cases.MODELS[name].shape)
    read = read_weights(model, images)
    np.testing.assert_allclose(read.sum(axis=1), 1, rtol=1e-6)
    prefix = model.get_layer("patch_encoder").prefix_tokens
    if name == "prefix":
        assert (read[:, :prefix] == 1 / prefix).all() and not read[:, prefix:].any()
    if name == "token_and_gap":
        assert (read[:, 0] == 0.5).all() and not read[:, 1:prefix].any()
    for view in (visualize.attention_rollout, visualize.relevance):
        values = view(model, images)
        assert values.shape == (2, 2, 3) and np.isfinite(values).all()
        assert (values >= 0).all() and values.max() > 0
