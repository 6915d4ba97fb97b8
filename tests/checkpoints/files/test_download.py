"""Downloads are whole, the same ever after, and explain themselves."""

import errno
import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from server import serve

import keras_vit
from keras_vit.checkpoints import registry
from keras_vit.checkpoints.files import download, transfer
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
    monkeypatch.setattr(transfer, "LIMITS", transfer.Limits(idle=0.2))
    with serve(data, ["stalled"]) as (address, _, _):
        with pytest.raises(OSError, match=r"no byte came for 0.2 s.*by other means"):
            download.fetch(f"{address}/w.npz")
    assert files(home) == [] and socket.getdefaulttimeout() is None


def test_a_file_that_the_disk_cannot_hold_is_refused_before_it_comes(
    home, data, monkeypatch
):
    room = lambda folder: SimpleNamespace(free=len(data) - 1)  # noqa: E731
    monkeypatch.setattr(transfer.shutil, "disk_usage", room)
    with serve(data, ["good"]) as (address, _, _):
        with pytest.raises(OSError, match=r"and the disk has room for .* other means"):
            download.fetch(f"{address}/w.npz")
    assert files(home) == []


def test_a_disk_that_fills_up_is_named(data):
    class Full(io.BytesIO):
        name = __file__

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with serve(data, ["good"]) as (address, _, _):
        with pytest.raises(OSError, match="to the disk: No space left on device"):
            transfer.transfer(f"{address}/w.npz", Full())


def test_a_folder_of_somebody_else_is_named_with_a_way_out(home, data, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("keras_vit.common.locks.open", refuse, raising=False)
    with serve(data, ["good"]) as (address, asked, _):
        with pytest.raises(
            OSError, match=r"Permission denied.*set KERAS_HOME"
        ) as error:
            download.fetch(f"{address}/w.npz")
    assert f"{address}/w.npz: it cannot be saved" in str(error.value) and not asked


def test_a_record_that_cannot_be_written_costs_a_warning(
    home, data, monkeypatch, caplog
):
    def refuse(path, *args):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with serve(data, ["good"]) as (address, _, _):
        monkeypatch.setattr(type(home), "write_text", refuse)
        path = download.fetch(f"{address}/w.npz")
    assert path.read_bytes() == data and files(home) == [path.name]
    assert "cannot be written beside it (Read-only file system)" in caplog.text


def test_a_damaged_record_is_named(home, data):
    with serve(data, ["good"]) as (address, _, _):
        path = download.fetch(f"{address}/w.npz")
        path.with_name(f"{path.name}.sha256").write_bytes(b"\xff\xfe")
        with pytest.raises(ValueError, match=r"sha256 holds no SHA-256.*Delete both"):
            download.fetch(f"{address}/w.npz")


def test_long_names_and_odd_addresses_are_cut_and_quoted(home, data):
    with serve(data, ["good"]) as (address, asked, _):
        path = download.fetch(f"{address}/{200 * 'ä'} ü.npz?x=%20y")
    assert asked == [f"/{200 * '%C3%A4'}%20%C3%BC.npz?x=%20y"]
    assert len(os.fsencode(path.name)) <= 150 and path.name.endswith(".npz")
    with pytest.raises(ValueError, match=r"http://\[::1/w is no address"):
        download.fetch("http://[::1/w")


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


def test_parts_of_dead_downloads_are_removed(home, data, monkeypatch):
    home.mkdir(parents=True)
    with serve(data, ["good"]) as (address, _, _):
        name = download._place(f"{address}/w.npz").name
        parts = [home / f"{name}.{who}.part" for who in ("killed", "long-ago")]
        for part in parts:
            part.write_bytes(b"half")
        os.utime(parts[1], (0, 0))
        # Without locks, a part may be somebody's who is at it.
        with monkeypatch.context() as patch:
            patch.setattr("keras_vit.common.locks.fcntl", None)
            path = download.fetch(f"{address}/w.npz")
        assert [part.exists() for part in parts] == [True, False]
        path.unlink()
        path = download.fetch(f"{address}/w.npz")
    assert files(home) == [path.name, f"{path.name}.sha256"]


# Imports the module alone, without the package, which brings Keras.
_FETCH = """
import sys, types
package = types.ModuleType("keras_vit")
package.__path__ = [sys.argv[1]]
sys.modules["keras_vit"] = package
from keras_vit.checkpoints.files import download
download.fetch(sys.argv[2])
"""


def _fetching(url):
    """A process of its own that fetches an address."""
    command = [sys.executable, "-c", _FETCH, keras_vit.__path__[0], url]
    return subprocess.Popen(command)


def _wait_for(asked, count, *others):
    while len(asked) < count and not any(other.poll() for other in others):
        threading.Event().wait(0.01)


def test_of_all_who_want_a_file_at_once_one_downloads_it(home, data, caplog):
    caplog.set_level("INFO", "keras_vit")
    with serve(data, ["slow"]) as (address, asked, release):
        url, paths = f"{address}/w.npz", []
        ours = [
            threading.Thread(target=lambda: paths.append(download.fetch(url)))
            for _ in range(5)
        ]
        for thread in ours:
            thread.start()
        other = _fetching(url)
        while caplog.text.count("Waiting for the download") < 4:
            threading.Event().wait(0.01)
        release.set()
        assert other.wait(60) == 0
        for thread in ours:
            thread.join(60)
    assert len(asked) == 1 and len(paths) == 5
    assert {path.read_bytes() for path in paths} == {data}
    assert files(home) == [paths[0].name, paths[0].name + ".sha256"]


def test_a_download_that_was_killed_holds_nobody_up(home, data):
    with serve(data, ["slow", "good"]) as (address, asked, _):
        other = _fetching(f"{address}/w.npz")
        _wait_for(asked, 1, other)
        while not any(name.endswith(".part") for name in files(home)):
            threading.Event().wait(0.01)
        other.kill()
        other.wait()
        assert not any(name.endswith(".npz") for name in files(home))
        path = download.fetch(f"{address}/w.npz")
    assert path.read_bytes() == data and len(asked) == 2
    assert files(home) == [path.name, f"{path.name}.sha256"]


def test_where_a_disk_has_no_locks_everybody_gets_the_file(home, data, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("keras_vit.common.locks.fcntl.flock", refuse)
    with serve(data, ["slow"]) as (address, asked, release):
        url = f"{address}/w.npz"
        threads = [threading.Thread(target=download.fetch, args=(url,)) for _ in "ab"]
        for thread in threads:
            thread.start()
        _wait_for(asked, 2)
        release.set()
        for thread in threads:
            thread.join(60)
        path = download.fetch(url)
    assert path.read_bytes() == data and len(asked) == 2
    assert files(home) == [path.name, f"{path.name}.sha256"]


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
