"""S- and C-layers against the equations of 1980, computed apart (golden data)."""

import golden
import keras
import numpy as np
import pytest
from cases import array

from keras_vit.layers import CLayer, SLayer

FOLDER = "lineage/neocognitron"


def layers_of(facts, planes, falloff=0.7, strength=0.6, spread=0.8):
    """An S- and a C-layer as the golden data have them."""
    s = SLayer(
        planes,
        padding=facts["s_padding"][0],
        selectivity=facts["r"],
        reinforcement=facts["q"],
        column=facts["s_column"],
        falloff=falloff,
    )
    c = CLayer(
        facts["c_area"],
        facts["c_stride"],
        facts["c_padding"],
        saturation=facts["alpha"],
        strength=strength,
        falloff=spread,
    )
    return s, c


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_cells_and_reinforcement_are_those_of_the_equations(stage):
    arrays = golden.arrays(f"{FOLDER}/{stage}.npz")
    facts = golden.config(f"{FOLDER}/{stage}.json")["config"]
    s, c = layers_of(facts, arrays["a"].shape[-1])
    s.build(arrays["image"].shape)
    s.excitation.assign(arrays["a"])
    s.inhibition.assign(arrays["b"])

    def close(found, name):
        expected = arrays[name]
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(array(found), expected, rtol=0, atol=2e-6 * scale)

    for t in range(facts["patterns"]):
        u = keras.ops.convert_to_tensor(arrays["image"][t : t + 1])
        cells, v = s.respond(u, s.excitation, s.inhibition)
        close(v[0, ..., 0], f"{t}.v_c")
        close(cells[0], f"{t}.u_s")
        close(c(cells)[0], f"{t}.u_c")
        chosen = array(s.representatives(cells[0]))
        found = sorted((k, i, j) for i, j, k in np.argwhere(chosen))
        np.testing.assert_array_equal(found, arrays[f"{t}.representatives"])
        new = s.reinforced(u, s.excitation, s.inhibition)
        close(new[0], f"{t}.a")
        close(new[1], f"{t}.b")
        s.excitation.assign(new[0])
        s.inhibition.assign(new[1])
        close(s(u)[0], f"{t}.u_s_after")


def test_c_cells_are_silent_where_the_quotient_would_turn_positive_again():
    # Trap: x / (alpha + x) is positive below -alpha, too.
    layer = CLayer(1, strength=1.0, saturation=0.5)
    cells = np.zeros((1, 1, 1, 4), "float32")
    cells[..., 0] = 9.0  # the mean inhibits the other three: x = 1 / 3.25 - 1
    found = array(layer(cells)).ravel()
    x = 10 / 3.25 - 1
    np.testing.assert_allclose(found, [x / (0.5 + x), 0, 0, 0], rtol=1e-6)


def test_the_form_of_1988_inhibits_half_as_much_and_learns_it_twice_as_fast():
    u = np.full((1, 1, 1, 1), 0.5, "float32")
    found = {}
    for form in ("1980", "1988"):
        layer = SLayer(1, 1, column=1, selectivity=4.0, reinforcement=3.0, form=form)
        layer.build(u.shape)
        layer.excitation.assign([[[[2.0]]]])
        layer.inhibition.assign([0.5])
        now, v = layer.respond(u, layer.excitation, layer.inhibition)
        a, b = layer.reinforced(u, layer.excitation, layer.inhibition)
        found[form] = [float(array(x).squeeze()) for x in (now, v, a, b)]
    first = 4 * (2 / (1 + 1.6 * 0.5 * 0.5) - 1)
    second = 4 * (2 / (1 + 0.8 * 0.5 * 0.5) - 1)
    assert found["1980"] == pytest.approx([first, 0.5, 3.5, 0.5 + 1.5 * 0.5])
    assert found["1988"] == pytest.approx([second, 0.5, 3.5, 0.5 + 3.0 * 0.5])


def test_planes_begin_with_lines_of_another_orientation_and_no_inhibition():
    layer = SLayer(4, initial_value=0.02)
    layer.build((None, 16, 16, 1))
    first = array(layer.excitation)[:, :, 0]
    assert (first > 0).all() and not array(layer.inhibition).any()
    np.testing.assert_allclose(first.sum((0, 1)), 0.02, rtol=1e-5)
    # Horizontal, and after a quarter of a turn vertical.
    assert first[2, :, 0].sum() > 5 * first[:, 2, 0].sum() - 4 * first[2, 2, 0]
    np.testing.assert_allclose(first[..., 2], first[..., 0].T, rtol=1e-5)
    assert not layer.trainable_weights


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match=r"'1980', '1988'.*form='1979'"):
        SLayer(3, form="1979")
