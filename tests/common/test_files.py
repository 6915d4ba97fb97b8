"""Files and folders are written whole or not at all, whatever ends a writer."""

import errno
import logging
import os
import resource
import signal
import subprocess
import sys

import cases
import pytest

import keras_vit
from keras_vit.common import files
from keras_vit.common.files import replacing, restore, write_text

# The process that pytest started, or no process at all.
ALIVE, DEAD = os.getpid(), 2**22 + 1


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def killed(path, moment):
    """A process that dies at `moment`, an expression, while it replaces `path`."""
    script = f"""if True:
        import os, signal, sys, types
        from pathlib import Path
        # The package without Keras, which takes seconds to import.
        package = sys.modules["keras_vit"] = types.ModuleType("keras_vit")
        package.__path__ = {keras_vit.__path__!r}
        from keras_vit.common import files
        path = Path({str(path)!r})
        def die(*names):
            os.kill(os.getpid(), signal.SIGKILL)
        with files.replacing(path) as temporary:
            if path.is_dir():
                temporary.mkdir()
                temporary = temporary / "new"
            temporary.write_text("new")
            {moment}
    """
    child = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert child.returncode == -signal.SIGKILL, child.stderr


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_clears_up(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "old")
    for moment in ("die()", "os.replace = die"):
        killed(path, moment)
        assert path.read_text() == "old" and len(names(tmp_path)) == 2
        write_text(tmp_path / "other.html", "other")
        assert names(tmp_path) == ["other.html", "page.html"]
        (tmp_path / "other.html").unlink()


def test_a_living_writer_keeps_what_it_has_begun(tmp_path):
    with replacing(tmp_path / "page.html") as temporary:
        temporary.write_text("slow")
        write_text(tmp_path / "page.html", "quick")
        write_text(tmp_path / "other.html", "other")
    assert (tmp_path / "page.html").read_text() == "slow"
    assert names(tmp_path) == ["other.html", "page.html"]


def test_what_older_versions_left_goes_unless_its_process_lives(tmp_path):
    others = [f".m.{ALIVE}.npz", ".m.7.txt", ".other.npz-abcd1234"]
    for name in (f".m.{DEAD}.npz", *others):
        (tmp_path / name).touch()
    for name in (".m.npz-abcd1234", ".m.npz-mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.npz").touch()
    write_text(tmp_path / "m.npz", "new")
    assert names(tmp_path) == sorted([*others, ".m.npz-mine", "m.npz"])


@pytest.mark.parametrize(
    "moment", cases.rest_slow(["files._exchange = die", "os.rename = die"], 1)
)
def test_a_folder_is_whole_under_its_name_when_its_writer_is_killed(tmp_path, moment):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "old").touch()
    if "rename" in moment:  # where the system swaps no folders
        moment = f"{moment}; files._exchange = lambda *names: False"
    killed(folder, moment)
    assert names(folder) == ["old"]
    with replacing(folder) as temporary:
        temporary.mkdir()
        (temporary / "new").touch()
    assert names(folder) == ["new"] and names(tmp_path) == ["export"]


@pytest.mark.slow
def test_a_folder_that_was_being_replaced_gets_its_name_back(tmp_path, caplog):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "old").touch()
    swap = "os.replace = die; files._exchange = lambda *names: False"
    killed(folder, swap)
    assert not folder.exists()
    with caplog.at_level(logging.WARNING):
        restore(folder)
    assert names(folder) == ["old"] and ".export.keras_vit-backup" in caplog.text
    # Killed again, and the one after it wrote a new one, as others may.
    killed(folder, swap)
    folder.mkdir()
    (folder / "newer").touch()
    restore(folder)
    assert names(folder) == ["newer"] and ".export.keras_vit-backup" not in names(
        tmp_path
    )


def test_two_folders_are_swapped_where_the_system_can(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if files._exchange(tmp_path / "a", tmp_path / "b"):
        assert names(tmp_path / "a") == ["b"] and names(tmp_path / "b") == ["a"]
    else:
        assert names(tmp_path / "a") == ["a"] and names(tmp_path / "b") == ["b"]
    assert not files._exchange(tmp_path / "a", tmp_path / "c")


def test_a_full_disk_is_said_with_the_name_of_the_file(tmp_path):
    path = tmp_path / "run.json"
    write_text(path, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match=r"not written.*still there") as raised:
            write_text(path, "new" * 1000)
        with pytest.raises(OSError, match="not written") as library:
            with replacing(path):
                raise RuntimeError("HDF5: errno = 28, 'No space left on device'")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG and library.value.errno == errno.ENOSPC
    assert raised.value.filename == library.value.filename == str(path)
    assert path.read_text() == "old" and names(tmp_path) == ["run.json"]


def test_a_folder_that_is_not_there_is_said_with_the_name_of_the_file(tmp_path):
    path = tmp_path / "nowhere" / "page.html"
    with pytest.raises(FileNotFoundError) as raised:
        write_text(path, "new")
    assert raised.value.filename == str(path)


def test_a_link_stays_and_a_device_is_not_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/page.html")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "page.html").read_text() == "new"
    (tmp_path / "null").symlink_to(os.devnull)
    os.mkfifo(tmp_path / "pipe")
    for name in ("null", "pipe"):
        with pytest.raises(ValueError, match="neither a file nor a folder"):
            write_text(tmp_path / name, "new")


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_text("mine")
    with pytest.raises(IsADirectoryError, match="Choose another path") as raised:
        write_text(photos, "new")
    assert raised.value.filename == str(photos)
    assert (photos / "cat.jpg").read_text() == "mine" and names(tmp_path) == ["photos"]


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    name = "n" * 250 + ".html"
    write_text(tmp_path / name, "new")
    assert names(tmp_path) == [name]
