"""Only plain files are opened, and JSON only if it is a bounded object."""

import os
import socket

import golden
import pytest

import keras_vit
from keras_vit.checkpoints.files.plain_files import JSON_BYTES, read_json
from keras_vit.checkpoints.opening import open_source


def test_pipes_devices_and_sockets_are_refused(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.chdir(tmp_path)  # addresses of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for path, kind in (
            ("pipe", "pipe"),
            ("socket", "socket"),
            ("/dev/zero", "dev"),
        ):
            with pytest.raises(ValueError, match=f"no plain file but a {kind}"):
                open_source(path)
    pipe.rename(tmp_path / "pipe.keras")
    with pytest.raises(ValueError, match="no plain file but a pipe"):
        keras_vit.predict("pipe.keras", "photo.png")


def test_a_description_that_is_a_pipe_is_refused(tmp_path):
    for file in ("model.safetensors",):
        data = golden.path(f"hf/vit_cls/{file}").read_bytes()
        (tmp_path / file).write_bytes(data)
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ValueError, match=r"config\.json is no plain file but a pipe"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1]", "must hold a JSON object. Received: a list"),
        (b"null", "Received: a NoneType"),
        (b'{"a":' * 99_999, "nested too deeply"),
        (b'{"a": ' + b"9" * 9999 + b"}", "is not JSON"),
        (b'{"a": "' + b" " * JSON_BYTES + b'"}', "is larger than"),
    ],
)
def test_json_that_describes_no_model_is_refused(tmp_path, text, match):
    path = tmp_path / "config.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=match) as error:
        read_json(path)
    assert str(path) in str(error.value) and "again" in str(error.value)
