"""Names of new run folders are names that every file system takes."""

import os

import pytest

from keras_vit.common.wording import file_name
from keras_vit.training.folder.choice import new_folder, run_name
from keras_vit.training.recipes.recipe import Recipe


@pytest.mark.parametrize("letter", ["n", "ä", "蛙", "🐜", "\udcff"])
def test_a_long_name_of_data_makes_a_shorter_name_of_a_run(
    letter, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = letter * (250 // len(os.fsencode(letter)))
    os.mkdir(data)
    (tmp_path / data / "cat").mkdir()
    for number in (1, 2):
        folder = new_folder(Recipe(data=f"./{data}"))
        assert folder.path.name.endswith(f"-small-{number}")
        assert len(os.fsencode(folder.path.name)) <= 122
        (folder.path / "run.json").touch()
    known = {"n": "nnnnn", "ä": "äääää", "蛙": "蛙蛙蛙"}.get(letter, "_")
    assert folder.path.name.startswith(known)
    assert "�" not in folder.path.name


def test_short_names_stay():
    assert run_name(Recipe(data="my photos", model="ViT_B16")) == "my_photos-ViT_B16"
    assert run_name(Recipe(masked_target="pixels")) == "fashion_mnist_mini-small-masked"


def test_names_are_cut_between_characters():
    assert file_name("ää", ".png", most=7) == "ä.png"
    assert file_name("a🐜", "-1", most=6) == "a-1" and file_name("a🐜", most=5) == "a🐜"
    assert file_name("abc", "0123456789", most=4) == "a0123456789"
