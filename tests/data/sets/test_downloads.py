"""Unreachable hosts are reported at once, with what to do."""

import threading
import urllib.error

import pytest

from keras_vit.data import load
from keras_vit.data.sets import downloads


def test_an_unreachable_host_is_named_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "answer", lambda url: "no such host")
    with pytest.raises(ConnectionError) as caught:
        load("cifar10", data_dir=tmp_path)
    message = str(caught.value)
    assert "www.cs.toronto.edu: no such host" in message
    assert "tfds build cifar10" in message
    assert f"to {tmp_path / 'cifar10'} on this one" in message


def test_a_host_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(downloads, "PROBE_SECONDS", -0.9)
    asked, told = threading.Event(), threading.Event()

    def answer(url):
        asked.set()
        told.wait()

    monkeypatch.setattr(downloads, "answer", answer)
    assert list(downloads.unreachable(["http://slow.example/x"])) == ["slow.example"]
    assert asked.wait(60) and not told.is_set()
    told.set()


def test_one_host_that_answers_is_enough(monkeypatch):
    reasons = {"http://a.example/1": "refused", "http://b.example/2": None}
    monkeypatch.setattr(downloads, "answer", reasons.get)
    assert downloads.unreachable(list(reasons)) == {}
    assert downloads.unreachable([]) == {}


def test_any_answer_counts_even_an_error(monkeypatch):
    monkeypatch.undo()

    def refuse(request, timeout):
        assert request.get_method() == "HEAD" and timeout <= 5
        raise urllib.error.HTTPError(request.full_url, 405, "no HEAD", {}, None)

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert downloads.answer("http://a.example/x") is None
    lost = urllib.error.URLError(OSError("no route"))

    def fail(request, timeout):
        raise lost

    monkeypatch.setattr("urllib.request.urlopen", fail)
    assert "no route" in downloads.answer("http://a.example/x")


def test_files_that_must_be_placed_by_hand_are_explained(tmp_path):
    with pytest.raises(ValueError, match=r"(?s)downloads.manual.*ILSVRC2012_img_train"):
        load("imagenet2012", data_dir=tmp_path)
