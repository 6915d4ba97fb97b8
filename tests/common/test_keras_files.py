"""Models are written whole, whatever the clock and the disk say."""

import errno
import resource
import shutil
import time
import zipfile

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.common.keras_files import check_room, save_keras
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.folder.state import Position, read_state, save_state

FIRST = (1980, 1, 1, 0, 0, 0)


@pytest.fixture
def model():
    sizes = dict(num_layers=1, hidden_dim=8, mlp_dim=8, num_heads=2)
    return keras_vit.ViT(2, image_size=8, patch_size=4, **sizes)


def members(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {member.filename: member.date_time for member in archive.infolist()}


def test_a_full_disk_is_said_before_hdf5_meets_it(model, tmp_path, monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            save_keras(model, tmp_path / "model.keras")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    usage = shutil.disk_usage(tmp_path)._replace(free=60_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError) as caught:
        save_keras(model, tmp_path / "model.keras")
    assert caught.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())


def test_the_room_asked_for_is_near_what_is_taken(model, tmp_path):
    save_keras(model, tmp_path / "model.keras")
    size = (tmp_path / "model.keras").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for allowed, fits in ((size - 1, False), (4 * size, True)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, limits[1]))
        try:
            if fits:
                check_room(model, tmp_path)
            else:
                with pytest.raises(OSError):
                    check_room(model, tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_is_what_keras_writes(model, tmp_path):
    model.save(tmp_path / "theirs.keras")
    save_keras(model, tmp_path / "ours.keras")
    ours, theirs = (members(tmp_path / f"{name}.keras") for name in ("ours", "theirs"))
    assert sorted(ours) == sorted(theirs)
    again = keras.saving.load_model(tmp_path / "ours.keras")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("year", [1969, 1970, 1979])
def test_a_clock_before_1980_ends_nothing(year, model, tmp_path, monkeypatch):
    seconds = (year - 1970) * 365.25 * 86_400 + 86_400
    monkeypatch.setattr(time, "time", lambda: seconds)
    with pytest.raises(ValueError, match="before 1980"):
        model.save(tmp_path / "theirs.keras")  # why this is here
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.save_model(model)
    folder.write_history([])
    model.compile(optimizer="sgd", loss="mse")
    model.optimizer.build(model.trainable_variables)
    save_state(folder.checkpoints, model, Position(step=3))
    (state,) = folder.checkpoints.iterdir()
    assert read_state(state).position.step == 3
    for path in (folder.model, state):
        assert set(members(path).values()) == {FIRST}
    assert keras.saving.load_model(folder.model).count_params() == model.count_params()
