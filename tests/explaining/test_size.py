"""What a page of a whole ViT-B/16 takes."""

import keras
import numpy as np
import pytest
from subjects import photo

import keras_vit

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


@pytest.mark.slow
def test_four_images_of_a_base_model_take_less_than_three_megabytes(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras_vit.ViT_B16(1000)
    head = model.get_layer("head").kernel
    head.assign(0.02 * np.random.default_rng(0).standard_normal(head.shape))
    # Noise, the pictures that take most.
    files = [photo(tmp_path / f"{i}.png", (300, 400), seed=i) for i in range(4)]
    report = keras_vit.explain(model, files, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.size < 3e6
    # Not because anything were coarser or left out.
    assert page.count('"patchesGrid": [14, 14], "summary"') == 4
    assert page.count('"summaryGrid": [14, 14]') == 4
