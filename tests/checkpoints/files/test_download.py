"""Downloads are whole, the same ever after, and explain themselves."""

import hashlib
import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from server import serve

import keras_vit
from keras_vit.checkpoints import registry
from keras_vit.checkpoints.files import download
from keras_vit.checkpoints.opening import open_source


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_VIT_OFFLINE", raising=False)
    return tmp_path / "models" / "keras_vit"


@pytest.fixture(scope="module")
def data():
    buffer = io.BytesIO()
    model = keras_vit.BiT(2, num_blocks=(1,), width_factor=0.5, image_size=32)
    np.savez(buffer, **{v.path: np.asarray(v.value) for v in model.variables})
    return buffer.getvalue()


def files(home):
    return sorted(path.name for path in home.iterdir())


def test_a_file_is_downloaded_once_and_its_checksum_written_down(home, data):
    with serve(data, ["good"]) as (address, asked, _):
        path = download.fetch(f"{address}/a%2Bb.npz")
        again = download.fetch(f"{address}/a%2Bb.npz")
    assert path == again and path.parent == home and len(asked) == 1
    assert path.name.startswith("a+b-") and path.name.endswith(".npz")
    record = path.with_name(path.name + ".sha256").read_text().strip()
    assert record == hashlib.sha256(data).hexdigest() == download.checksum(path)


def test_a_file_that_changed_on_disk_is_refused(home, data):
    with serve(data, ["good"]) as (address, _, _):
        path = download.fetch(f"{address}/w.npz")
        path.write_bytes(data[:-1] + b"x")
        with pytest.raises(ValueError, match="Delete it"):
            download.fetch(f"{address}/w.npz")


@pytest.mark.parametrize("fault", ["cut", "404", "page", "short"])
def test_a_failed_download_leaves_nothing_and_can_be_repeated(home, data, fault):
    with serve(data, [fault, "good"]) as (address, asked, _):
        with pytest.raises((OSError, ValueError)) as error:
            download.fetch(f"{address}/w.npz", check=open_source)
        assert files(home) == []
        path = download.fetch(f"{address}/w.npz", check=open_source)
    assert path.read_bytes() == data and len(asked) == 2
    if fault in ("cut", "404"):
        assert f"{address}/w.npz" in str(error.value)
        assert str(path) in str(error.value)


def test_a_wrong_file_is_refused_by_its_checksum(home, data):
    sha256 = hashlib.sha256(data).hexdigest()
    with serve(data, ["wrong", "good"]) as (address, _, _):
        with pytest.raises(ValueError, match=sha256):
            download.fetch(f"{address}/w.npz", sha256=sha256)
        assert files(home) == []
        assert download.fetch(f"{address}/w.npz", sha256=sha256.upper()).exists()


def test_a_silent_server_is_given_up(home, data, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    with serve(data, ["stalled"]) as (address, _, _):
        with pytest.raises(OSError, match="by other means"):
            download.fetch(f"{address}/w.npz")
    assert files(home) == []


def test_an_unreachable_host_is_explained(home):
    with serve(b"", ["good"]) as (address, _, _):
        pass  # the port is closed again
    with pytest.raises(OSError, match="save it as") as error:
        download.fetch(f"{address}/w.npz")
    assert address in str(error.value) and str(home) in str(error.value)


def test_offline_nothing_is_fetched(home, data, monkeypatch):
    with serve(data, ["good"]) as (address, asked, _):
        monkeypatch.setenv("KERAS_VIT_OFFLINE", "1")
        with pytest.raises(OSError, match="switched off"):
            download.fetch(f"{address}/w.npz")
        assert not asked
        download.fetch(f"{address}/w.npz", offline=False)
        assert download.fetch(f"{address}/w.npz").read_bytes() == data
        assert len(asked) == 1


def test_a_file_put_there_by_hand_is_taken_and_remembered(home, data):
    url = "http://127.0.0.1:9/w.npz"
    with pytest.raises(OSError) as error:
        download.fetch(url, offline=True)
    place = str(error.value).rsplit("save it as ", 1)[1]
    with open(place, "wb") as file:
        file.write(data)
    assert str(download.fetch(url, offline=True, check=open_source)) == place
    assert len(files(home)) == 2


def test_parts_of_dead_downloads_are_removed(home, data):
    home.mkdir(parents=True)
    with serve(data, ["good"]) as (address, _, _):
        name = download._file_name(f"{address}/w.npz")
        old, new = (home / f"{name}.{who}.part" for who in ("dead", "alive"))
        for part in (old, new):
            part.write_bytes(b"half")
        os.utime(old, (0, 0))
        download.fetch(f"{address}/w.npz")
    assert not old.exists() and new.exists()


# Imports the module alone, and of Keras the backend that is there soonest.
_FETCH = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("download", sys.argv[1])
download = importlib.util.module_from_spec(spec)
spec.loader.exec_module(download)
download.fetch(sys.argv[2])
"""


def test_two_processes_at_once_end_with_one_whole_file(home, data):
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    with serve(data, ["slow"]) as (address, asked, release):
        command = [sys.executable, "-c", _FETCH, download.__file__, f"{address}/w.npz"]
        other = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        ours = threading.Thread(target=download.fetch, args=(f"{address}/w.npz",))
        ours.start()
        while len(asked) < 2 and other.poll() is None:
            ours.join(0.02)
        release.set()
        assert other.wait(60) == 0
        ours.join(60)
        path = download.fetch(f"{address}/w.npz")
    assert path.read_bytes() == data and len(asked) == 2
    assert files(home) == sorted([path.name, path.name + ".sha256"])


def test_a_url_fills_a_model(home, data):
    sha256 = hashlib.sha256(data).hexdigest()
    with serve(data, ["good"]) as (address, _, _):
        model = keras_vit.BiT(
            2,
            num_blocks=(1,),
            width_factor=0.5,
            image_size=32,
            weights=f"{address}/w.npz#sha256={sha256}",
        )
    arrays = np.load(io.BytesIO(data))
    for variable in model.variables:
        np.testing.assert_array_equal(variable.value, arrays[variable.path])


def test_a_registered_name_is_fetched_for_the_variant(home, data, monkeypatch):
    with serve(data, ["good"]) as (address, asked, _):
        monkeypatch.setattr(registry, "HOST", address + "/")
        with pytest.raises(ValueError, match="BiT model"):
            keras_vit.ViT_B16(weights="imagenet21k")
        with pytest.raises(ValueError, match="BiT model"):
            keras_vit.R50_ViT_B16(weights="imagenet21k")
        with pytest.raises(ValueError, match="BiT model"):
            keras_vit.ViT_S16(weights="augreg:S_16-i1k-300ep.npz")
        model = keras_vit.from_checkpoint("BiT_R50x1/bit-m", image_size=32)
    assert model.output_shape == (None, 2)
    assert asked == [
        "/vit_models/imagenet21k/ViT-B_16.npz",
        "/vit_models/imagenet21k/R50%2BViT-B_16.npz",
        "/vit_models/augreg/S_16-i1k-300ep.npz",
        "/bit_models/BiT-M-R50x1.npz",
    ]


def test_a_hub_address_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="pip install"):
        keras_vit.from_checkpoint("hf://google/vit-base-patch16-224")
