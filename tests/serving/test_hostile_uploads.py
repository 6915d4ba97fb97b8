"""Damaged and hostile uploads get a status and a reason, and the server goes on."""

import json
import random
import socket
import sys
import urllib.parse
from pathlib import Path

import asking
import pytest
from asking import ask, form, photo, raw, send, served

import keras_vit

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
sys.path.insert(0, str(Path(__file__).parents[1] / "campaigns"))
import odd_images

LIMITS = {"megabytes": 0.2, "megapixels": 20, "seconds": 20}


@pytest.fixture(scope="module")
def server():
    with served(asking.model(), **LIMITS) as found:
        yield found


def test_what_is_no_image_is_refused_with_its_reason(server):
    address, _ = server
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'></svg>"
    bomb = odd_images.png(65_535, 65_535)
    for data, status, word in [
        (b"", 422, "empty"),
        (b"no image, but called so", 415, "not an image"),
        (svg, 415, "not an image"),
        (b"%!PS\nquit", 415, "PostScript"),
        (bomb, 413, "pixels"),
        (photo(size=(5000, 1), kind="PNG")[:60], 422, "Corrupt"),
        (photo(size=(60, 60), kind="JPEG")[:1500], 422, "Corrupt"),
        (b"x" * 200_001, 413, "0.2 MB"),
    ]:
        found, answer = send(address, data)
        assert (found, answer["status"]) == (status, status), (data[:20], answer)
        assert word in answer["error"]
    assert send(address, photo())[0] == 200


def test_forms_without_a_file_or_in_pieces_are_refused(server):
    address, _ = server
    body, headers = form(photo(), "notes.jpg")
    assert send(address, body, **headers)[0] == 200
    text, named = form(b"text", "photo.jpg")
    assert send(address, text, **named)[0] == 415
    no_file = body.replace(b'; filename="notes.jpg"', b"")
    for broken, own, status in [
        (no_file, headers, 422),
        (b"", headers, 400),
        (body[:50], headers, 400),
        (body, {"Content-Type": "multipart/form-data"}, 400),
        (body + body, headers, 200),
    ]:
        found, answer = send(address, broken, **own)
        assert found in (status, 422) and (found == 200 or answer["error"]), answer


def test_requests_that_are_no_http_or_ask_for_nothing_get_a_reason(server):
    address, _ = server
    huge = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000
    for data in (huge, b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        said = raw(address, data)
        assert said.startswith(b"HTTP/1.1 400") and b'"error"' in said
    for path, method, status in [
        ("/nothing", "GET", 404),
        ("/predict", "GET", 405),
        ("/predict?top=0", "POST", 422),
        ("/predict?top=many", "POST", 422),
    ]:
        found, _, text = ask(
            address, path, photo() if method == "POST" else None, method
        )
        assert found == status and json.loads(text)["error"], path


def test_a_slow_sender_is_given_up_and_leaves_room():
    with served(asking.model(), seconds=1, queue=1) as (address, _):
        where = urllib.parse.urlsplit(address)
        place = (where.hostname, where.port)
        with socket.create_connection(place, 60) as silent:
            with socket.create_connection(place, 60) as slow:
                head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
                slow.sendall(head + b"Content-Length: 1000\r\n\r\nabc")
                assert slow.recv(4096).startswith(b"HTTP/1.1 408")
            assert silent.recv(1) == b""  # closed, as it said nothing
        with socket.create_connection(place, 60) as leaving:
            leaving.sendall(head + b"Content-Length: 1000\r\n\r\nabc")
        asking.until(lambda: send(address, photo())[0] == 200)


def judge(address, answers, files):
    """The statuses of uploads: 200, and what `predict` gives, or refused by both."""
    statuses = {}
    for name, data in files.items():
        status, answer = send(address, data)
        (expected,) = keras_vit.predict(answers.model, data, top=3)
        if status == 200:
            classes = {c["class"]: c["probability"] for c in answer["classes"]}
            assert classes == pytest.approx(dict(expected.classes), abs=1e-6), name
        else:
            assert answer["error"] and status in (413, 415, 422), (name, answer)
            assert expected.error or status == 413, (name, answer)
        statuses[name] = status
    return statuses


def test_odd_but_right_images_get_their_classes(server):
    made = odd_images.harmless(random.Random(0))
    names = ("turned JPEG", "CMYK JPEG", "16 bit PNG", "animated GIF", "palette PNG")
    names += ("clear PNG", "bilevel panorama PNG", "film behind JPEG", "plain WEBP")
    statuses = judge(*server, {name: made[name] for name in names})
    assert statuses.pop("bilevel panorama PNG") == 413
    assert set(statuses.values()) == {200}


@pytest.mark.slow
def test_two_hundred_hostile_uploads_lose_nothing(server):
    rng, files = random.Random(1), {}
    while len(files) < 200:
        for kind in (odd_images.harmless, odd_images.damaged, odd_images.hostile):
            made = {f"{len(files)} {k}": data for k, data in kind(rng).items()}
            files |= {k: data for k, data in made.items() if isinstance(data, bytes)}
    statuses = judge(*server, files)
    assert set(statuses.values()) == {200, 413, 415, 422}
    assert send(server[0], photo())[0] == 200
