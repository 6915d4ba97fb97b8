"""The fields of a Neocognitron's planes, against what impulses excite."""

import keras
import numpy as np
import pytest
from cases import array, randomize

import keras_vit
from keras_vit.visualize import plane_fields


def test_a_field_is_what_each_pixel_adds_to_the_excitation():
    model = randomize(keras_vit.Neocognitron(0, planes=3))
    s1, c1, s2 = (model.get_layer(name) for name in ("s1", "c1", "s2"))
    pixels = np.eye(17 * 17, dtype="float32").reshape(-1, 17, 17, 1)
    x = keras.ops.conv(pixels, s1.excitation, padding="valid")
    distance = np.hypot(*np.mgrid[-2:3, -2:3])
    d = np.repeat((c1.strength * c1.falloff**distance)[..., None, None], 3, axis=2)
    x = keras.ops.depthwise_conv(x, d.astype("float32"), c1.strides, padding="valid")
    x = array(keras.ops.conv(x, s2.excitation, padding="valid"))  # (289, 1, 1, 3)
    expected = x.reshape(17, 17, 3).transpose(2, 0, 1)[..., None]
    np.testing.assert_allclose(plane_fields(model, "s2"), expected, rtol=1e-4)
    first = array(s1.excitation).transpose(3, 0, 1, 2)
    np.testing.assert_allclose(plane_fields(model), first, rtol=1e-6)
    assert plane_fields(model, "s3").shape == (3, 41, 41, 1)


def test_another_layer_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"layer='c1', S-layers: s1, s2, s3"):
        plane_fields(keras_vit.Neocognitron(0, planes=1), "c1")
