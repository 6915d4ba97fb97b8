"""Files that people have: the numbers of their origin, or a refusal with the reason.

Of the golden data all cases are tried, without them those that ship: `golden.py`.
"""

import json
import re
import shutil

import golden
import keras
import make_door_cases
import numpy as np
import pytest
from golden import write_safetensors
from keras import ops
from PIL import Image
from test_formats import timm_arrays

import keras_vit


def names(verdict):
    """The cases of a verdict."""
    if golden.FOLDER is not None and (golden.FOLDER / "doors").is_dir():
        found = (path.parent.name for path in golden.FOLDER.glob("doors/*/meta.json"))
    else:
        index = golden.shipped(golden.DOORS)[0]
        found = {name.split("/")[1] for name in index}
    return [n for n in sorted(found) if meta(n)["verdict"] == verdict]


def meta(name):
    return golden.config(f"doors/{name}/meta.json")


def door(name, tmp_path):
    """What is to be opened, without the answers; seeded cases are drawn."""
    about, folder = meta(name), tmp_path / name
    ignored = shutil.ignore_patterns("meta.json", "io.npz", "photo.png")
    shutil.copytree(golden.path(f"doors/{name}"), folder, ignore=ignored)
    if "seeded" in about:
        seeded = about["seeded"]
        draw = np.random.RandomState(seeded["seed"]).standard_normal
        arrays = {
            seeded["prefix"] + name: (mean + deviation * draw(shape)).astype("float32")
            for name, shape, mean, deviation in seeded["arrays"]
        }
        write_safetensors(folder / about["open"], arrays)
    return folder if about["open"] == "." else folder / about["open"]


def arguments(about):
    args = about["args"].items()
    return {k: tuple(v) if isinstance(v, list) else v for k, v in args}


def names_the_reason(message, words):
    """Whether a word of the reason stands in a message, outside of names of arrays."""
    plain = re.sub(r"'[^'\s]*[./_][^'\s]*'|\S*/\S*|\b\w+(?:\.\w+)+\b", " ", message)
    return any(
        re.search(f"(?<![a-z]){re.escape(word.lower())}", plain.lower())
        or ("_" in word and re.search(rf"\b{word}\b", message))
        for word in words
    )


def fault(name, tmp_path):
    """What is wrong with a case that may open, or `None`."""
    about, source = meta(name), door(name, tmp_path)
    values = golden.arrays(f"doors/{name}/io.npz")
    try:
        model = keras_vit.from_checkpoint(
            source, input_scaling=None, **arguments(about)
        )
    except ValueError as error:
        reason = about.get("reason")
        return None if reason and names_the_reason(str(error), reason) else str(error)
    got = ops.convert_to_numpy(model(values["image"], training=False))
    wanted = [values[k] for k in about["expected"] if values[k].shape == got.shape]
    off = [np.abs(got - w).max() / np.abs(w).max() for w in wanted]
    if not off or not min(off) <= about["tolerance"]:
        return f"outputs of shape {got.shape}, which differ by {off} of their scale"
    return about.get("photo") and fault_of_photo(name, source, about, values)


def fault_of_photo(name, source, about, values):
    model = keras_vit.from_checkpoint(source, **arguments(about))
    pixels = values.get("photo")
    if pixels is None:
        pixels = np.asarray(Image.open(golden.path(f"doors/{name}/photo.png")))
    classes = about["photo"]["class_names"]
    (prediction,) = keras_vit.predict(model, [pixels.astype("uint8")], top=len(classes))
    found = dict(prediction.classes)
    if set(found) != set(classes):
        return f"predict calls the classes {sorted(found)}"
    off = np.abs([found[c] for c in classes] - values["photo_probabilities"][0]).max()
    if not off <= about["photo"]["tolerance"]:
        return f"probabilities of the photo differ by {off}"
    return None


def faults(cases, tmp_path):
    found = []
    for name in cases:
        if wrong := fault(name, tmp_path):
            found.append(f"{name}: {wrong}")
        keras.backend.clear_session()
    return found


def test_files_give_the_numbers_of_their_origin(tmp_path):
    wrong = faults(make_door_cases.OPEN, tmp_path)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_every_file_gives_the_numbers_of_its_origin(tmp_path):
    others = [n for n in names("right") if n not in make_door_cases.OPEN]
    wrong = faults(others, tmp_path)
    assert not wrong, "\n".join(wrong)


def test_what_cannot_be_loaded_is_refused_with_the_reason(tmp_path):
    """And no refusal offers to load it in part, which would compute something else."""
    wrong = []
    for name in names("refuse"):
        about, source = meta(name), door(name, tmp_path)
        try:
            keras_vit.from_checkpoint(source, **arguments(about))
            wrong.append(f"{name} was loaded")
        except ValueError as error:
            known = names_the_reason(str(error), about["reason"])
            if not known or "strict=False" in str(error):
                wrong.append(f"{name}: {error}")
    assert not wrong, "\n".join(wrong)


def test_keys_of_wrong_types_and_other_projects_are_refused(tmp_path):
    source = door("timm_photo_crop", tmp_path)
    config = json.loads((source / "config.json").read_text())
    args, images = config["model_args"], config["pretrained_cfg"]
    wrong = (
        {**config, "architecture": 3},
        {**config, "model_args": [1]},
        {**config, "model_args": {**args, "num_heads": "3"}},
        {**config, "model_args": {**args, "img_size": [32, 32, 32]}},
        {**config, "model_args": {**args, "img_size": 10**9}},
        {**config, "model_args": {**args, "depth": 7}},
        {**config, "model_args": {**args, "a_new_trick": True}},
        {**config, "pretrained_cfg": {**images, "mean": "imagenet"}},
        {**config, "pretrained_cfg": {**images, "std": [0, 0, 0]}},
        {**config, "pretrained_cfg": {**images, "input_size": 32}},
        {"model_type": "vit", "num_attention_heads": 3},
    )
    for content in wrong:
        (source / "config.json").write_text(json.dumps(content))
        with pytest.raises(ValueError, match="config"):
            keras_vit.from_checkpoint(source)


def test_an_average_is_taken_where_it_is_asked_for(tmp_path):
    source, about = door("bare_lightning_ema", tmp_path), meta("bare_lightning_ema")
    values = golden.arrays("doors/bare_lightning_ema/io.npz")
    for average, key in ((True, "logits_ema"), (False, "logits")):
        model = keras_vit.from_checkpoint(source, average=average, **arguments(about))
        np.testing.assert_allclose(model(values["image"]), values[key], atol=1e-5)
        report = keras_vit.load_weights(model, source, average=average)
        assert len(report.unused_by_design) == len(report.used)
    with pytest.raises(ValueError, match="average=True"):
        keras_vit.from_checkpoint(
            door("bare_torchvision", tmp_path), average=True, num_heads=3
        )


def test_positions_of_half_precision_are_resized_in_float32():
    half = {name: array.astype("float16") for name, array in timm_arrays().items()}
    whole = {name: array.astype("float32") for name, array in half.items()}
    tables = [
        keras_vit.from_checkpoint(arrays, num_heads=2, image_size=(24, 20))
        .get_layer("patch_encoder")
        .positions.embeddings
        for arrays in (half, whole)
    ]
    np.testing.assert_array_equal(*map(np.asarray, tables))
