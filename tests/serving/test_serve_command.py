"""The command: it checks itself, stops cleanly, and names what is missing."""

import os
import re
import signal
import subprocess
import sys

import asking
import pytest
from asking import photo, send

from keras_vit import cli
from keras_vit.common import installed
from keras_vit.serving import Limits

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    asking.model().save(folder / "model.keras")
    (folder / "photo.png").write_bytes(photo())
    return folder


def test_check_compares_with_predict_and_says_so(saved, capsys):
    words = ["serve", str(saved / "model.keras"), "--devices", "cpu:1", "--check"]
    assert cli.main([*words, str(saved / "photo.png")]) == 0
    assert "1 files: largest difference from predict" in capsys.readouterr().out
    (saved / "text.jpg").write_text("no image")
    assert cli.main([*words, str(saved / "text.jpg")]) == 1  # nothing was compared


def test_what_is_not_installed_is_named_with_its_pip_line(saved, monkeypatch, capsys):
    monkeypatch.setattr(installed, "is_installed", lambda name: name != "uvicorn")
    assert cli.main(["serve", str(saved / "model.keras")]) == 1
    error = capsys.readouterr().err
    assert (
        "uvicorn" in error and 'pip install "keras-vision-transformer[serve]"' in error
    )


@pytest.mark.parametrize(
    "words", [{"queue": 0}, {"seconds": -1}, {"megabytes": 0}, {"batch_size": 1.5}]
)
def test_limits_must_be_positive(words):
    with pytest.raises(ValueError, match=next(iter(words))):
        Limits(**words)


def test_a_port_that_is_taken_is_named():
    from keras_vit.serving.server import Server

    first = Server(None, port=0)
    with pytest.raises(ValueError, match=f"port {first.port}.*--port"):
        Server(None, port=first.port)
    first._socket.close()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_it_ends_after_the_requests_that_are_under_way(saved, number, status):
    words = [sys.executable, "-m", "keras_vit", "serve", str(saved / "model.keras")]
    process = subprocess.Popen(
        [*words, "--port", "0", "--host", "0.0.0.0", "--devices", "cpu:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    try:
        address = re.search(r"http\S+", process.stdout.readline())[0]
        assert send(address, photo())[0] == 200
        process.send_signal(getattr(signal, number))
        _, error = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == status
    assert "Open to other machines" in error
    assert error.rstrip().endswith("keras-vit: Stopped.") and "Traceback" not in error
