"""A run that is resumed in another folder finds its data."""

import pytest
from tiny_runs import TINY, write_images

from keras_vit.training.datasets import load_data, located
from keras_vit.training.recipes.recipe import Recipe


def test_the_data_of_a_resumed_run_are_where_they_were(tmp_path, monkeypatch):
    write_images(tmp_path / "photos")
    before = {"data_name": str(tmp_path / "photos")}
    recipe = Recipe(**{**TINY.to_json(), "data": "photos"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    here = load_data(recipe)
    monkeypatch.chdir("elsewhere")
    write_images(tmp_path / "elsewhere" / "photos", seed=1, count=5)  # other images
    there = load_data(located(recipe, "runs/mine", before))
    for one, other in zip(here, there):
        assert one.files == other.files and one.num_examples > 3
        assert other.name == str(tmp_path / "photos")
    # Older runs, and data that have no path, are named as they were given.
    assert located(recipe, "runs/mine", {}) is recipe
    assert located(recipe, "runs/mine", {"data_name": "cifar10"}) is recipe
    (tmp_path / "photos").rename(tmp_path / "moved")
    with pytest.raises(ValueError, match=r"runs/mine trains on were at .*/photos, and"):
        located(recipe, "runs/mine", before)
