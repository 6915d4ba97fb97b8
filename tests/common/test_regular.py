"""Only regular files are opened; all else is named, and nothing is waited for."""

import os
import socket

import pytest

from keras_vit.common.regular import NotRegular, check_regular, read_regular


def no_files(folder):
    """`{path: words that say what it is}`."""
    made = {
        name: folder / name
        for name in ("pipe", "to a pipe", "gone", "loop", "device", "socket", "folder")
    }
    os.mkfifo(made["pipe"])
    made["to a pipe"].symlink_to("pipe")
    made["gone"].symlink_to("moved-away.png")
    made["loop"].symlink_to("loop")
    made["device"].symlink_to("/dev/zero")
    made["folder"].mkdir()
    here = os.getcwd()
    os.chdir(folder)  # an address of a socket has at most 108 letters
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    os.chdir(here)
    return {
        made["pipe"]: "pipe is a pipe, no regular file",
        made["to a pipe"]: f"to a pipe is a link to {made['pipe']}, a pipe",
        made["gone"]: "gone is a link that leads nowhere, to moved-away.png",
        made["loop"]: "loop is a link that leads back to itself",
        made["device"]: "device is a link to /dev/zero, a device",
        made["socket"]: "socket is a socket",
        made["folder"]: "folder is a folder",
        folder / "nothing": "nothing is not there",
        f"{folder}/a\0b": r"a\x00b is not readable",
    }


def test_what_is_no_regular_file_is_named_and_not_opened(tmp_path):
    for path, words in no_files(tmp_path).items():
        for function in (check_regular, read_regular):
            with pytest.raises(NotRegular) as caught:
                function(path)
            assert words in str(caught.value)
            assert words.split(" is ", 1)[1] in caught.value.reason


def test_regular_files_are_read_also_through_links(tmp_path):
    file = tmp_path / "file \udce9.bin"  # no valid UTF-8
    file.write_bytes(bytes(range(256)))
    (tmp_path / "one").symlink_to(file)
    (tmp_path / "two").symlink_to("one")
    for path in (file, os.fsencode(file), tmp_path / "one", str(tmp_path / "two")):
        check_regular(path)
        assert read_regular(path) == read_regular(path, limit=256) == bytes(range(256))
    with pytest.raises(ValueError, match="256 bytes, more than the 255 bytes"):
        read_regular(file, limit=255)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match=r"GB, more than the 1\.0 kB that are read"):
        read_regular(tmp_path / "sparse", limit=1000)


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path, monkeypatch):
    pipe = tmp_path / "was a file"
    os.mkfifo(pipe)
    monkeypatch.setattr("keras_vit.common.regular.check_regular", lambda path: None)
    with pytest.raises(NotRegular, match="was a file is a pipe"):
        read_regular(pipe)
