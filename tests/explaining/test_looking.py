"""One pass over the layers finds what the views find one by one."""

import cases
import numpy as np
import pytest
from cases import pixels

from keras_vit import visualize
from keras_vit.explaining.looking import look

NAMES = ["token", "gap", "map", "registers", "gap_of_all_tokens", "overlapping"]


@pytest.mark.parametrize("name", [*NAMES, "all_tokens", "hybrid", "every_size"])
def test_a_look_is_what_the_views_show(name):
    model, images = cases.model(name), pixels(cases.MODELS[name])[:1]
    seen = look(model, images[0])
    grid, prefix = seen.place.grid, seen.place.prefix
    close = {"rtol": 1e-5, "atol": 1e-7}
    summary = visualize.attention_to_patches(model, images)[:, 0]
    np.testing.assert_allclose(seen.summary, summary, **close)
    rolled = visualize.attention_rollout(model, images)[0]
    np.testing.assert_allclose(seen.rollout, rolled, **close)
    distances = visualize.mean_attention_distance(model, images)
    np.testing.assert_allclose(seen.distances, distances, **close)
    entropies = visualize.attention_entropy(model, images)
    np.testing.assert_allclose(seen.entropies, entropies, **close)
    maps = visualize.attention_maps(model, images)[:, 0, :, prefix:, prefix:]
    np.testing.assert_allclose(seen.patches, maps.mean(axis=1), **close)
    whole = look(model, images[0], every_head=True)
    np.testing.assert_allclose(whole.patches, maps, **close)
    assert whole.patches.shape[-1] == grid[0] * grid[1]


def test_a_model_without_attention_says_so():
    model, images = cases.model("bit"), pixels(cases.MODELS["bit"])
    with pytest.raises(ValueError, match="have no attention"):
        look(model, images[0])
