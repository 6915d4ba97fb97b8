"""A server over HTTP: its answers are those of `predict`, for every kind of model."""

import base64
import concurrent.futures
import io
import json
import threading

import asking
import numpy as np
import pytest
from asking import ask, form, photo, send, served, until
from PIL import Image

import keras_vit
from keras_vit.serving.answering import Answers
from keras_vit.serving.checking import check

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def server():
    with served(asking.model(), host_names=["Model.example.org"]) as found:
        yield found


def shares(answer):
    return {each["class"]: each["probability"] for each in answer["classes"]}


def test_an_upload_gets_what_predict_gives(server):
    address, answers = server
    data = photo(1)
    (expected,) = keras_vit.predict(answers.model, data)
    status, answer = send(address, data)
    assert status == 200 and answer["file"] == "upload"
    assert [each["class"] for each in answer["classes"]] == [
        name for name, _ in expected.classes
    ]
    assert shares(answer) == pytest.approx(dict(expected.classes), abs=1e-6)
    body, headers = form(data, "a <photo> é.png")
    status, answer = send(address, body, "/predict?top=1", **headers)
    assert (status, answer["file"]) == (200, "a <photo> é.png")
    assert len(answer["classes"]) == 1


def test_fifty_at_once_are_all_answered_alike_in_batches():
    gate, sizes = threading.Event(), []
    with served(asking.model(), slow=gate, batch_size=8) as (address, answers):
        waits = answers.predict
        answers.predict = lambda files: sizes.append(len(files)) or waits(files)
        photos = [photo(seed, (20 + seed % 7, 30)) for seed in range(50)]
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            asked = [pool.submit(send, address, data) for data in photos]
            until(lambda: _inside(address) == 50)
            gate.set()
            found = [one.result() for one in asked]
        expected = keras_vit.predict(answers.model, photos)
    assert [status for status, _ in found] == [200] * 50
    for (_, answer), one in zip(found, expected):
        assert shares(answer) == pytest.approx(dict(one.classes), abs=1e-6)
    assert sum(sizes) == 50 and max(sizes) == 8 and len(sizes) < 15


def _inside(address):
    return json.loads(ask(address, "/model")[2])["inside"]


def test_too_many_and_too_slow_get_503_and_504_and_the_others_their_answers():
    gate = threading.Event()
    with served(asking.model(), slow=gate, queue=2, seconds=2) as (address, _):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(send, address, photo(seed)) for seed in (0, 1)]
            until(lambda: _inside(address) == 2)
            status, headers, text = ask(address, "/predict", photo(2))
            assert status == 503 and headers["retry-after"] == "1"
            assert "Try again" in json.loads(text)["error"]
            assert [one.result()[0] for one in asked] == [504, 504]
        gate.set()
        until(lambda: send(address, photo(3))[0] == 200)


def test_of_several_labels_all_above_their_thresholds_are_given():
    names = [f"label {number}" for number in range(9)]
    made = asking.model(9)
    cuts = [0.001] * 8 + [0.999]
    made.metadata.update(task="multilabel", class_names=names, thresholds=cuts)
    with served(made) as (address, _):
        (expected,) = keras_vit.predict(made, photo())
        answer = send(address, photo())[1]
        assert len(expected.classes) == 8
        assert shares(answer) == pytest.approx(dict(expected.classes), abs=1e-6)
        assert len(send(address, photo(), "/predict?top=2")[1]["classes"]) == 2
        assert b"above their thresholds" in ask(address, "/docs")[2]
        made.metadata["thresholds"] = [0.999] * 9
        assert send(address, photo())[1]["classes"] == []


def test_the_answer_of_a_segmenter_has_shares_a_picture_and_its_mask():
    made = keras_vit.Segmenter(asking.model(), 2)
    data = photo(3, (20, 30))
    with served(made) as (address, _):
        status, answer = send(address, data, "/predict?picture=true")
        assert send(address, data)[1].keys() == answer.keys() - {"picture", "mask"}
        assert send(address, data, "/explain")[0] == 501
    (expected,) = keras_vit.segment(made, data)
    assert status == 200 and (answer["height"], answer["width"]) == (20, 30)
    np.testing.assert_array_equal(np.asarray(_opened(answer["mask"])), expected.mask)
    assert _opened(answer["picture"]).size[0] >= 30


def _opened(address):
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def test_the_answer_of_a_detector_has_boxes_and_a_picture():
    made = keras_vit.Detector(asking.model(), 2)
    data = photo(4, (16, 24))
    with served(made, score=0.001) as (address, _):
        status, answer = send(address, data, "/predict?picture=true")
    (expected,) = keras_vit.detect(made, data, score=0.001)
    assert status == 200 and answer["objects"]
    boxes = [each["box"] for each in answer["objects"]]
    np.testing.assert_allclose(boxes, expected.boxes, atol=1e-3)
    assert _opened(answer["picture"]).size == (24, 16)


def test_an_explanation_has_the_views_of_the_page(server):
    pytest.importorskip("matplotlib")
    status, answer = send(server[0], photo(5), "/explain")
    assert status == 200
    titles = [view["title"] for view in answer["views"]]
    best = send(server[0], photo(5))[1]["classes"][0]["class"]
    assert "What reaches the head" in titles and f"Why {best}" in titles
    assert all(
        _opened(view["picture"]).size == (24, 16) for view in answer["views"][:1]
    )


def test_the_description_names_every_address_and_needs_nothing_from_elsewhere(server):
    address, _ = server
    described = json.loads(ask(address, "/openapi.json")[2])
    assert described["openapi"].startswith("3.")
    assert {"/predict", "/explain", "/model"} <= described["paths"].keys()
    model = described["paths"]["/model"]["get"]["responses"]["200"]
    given = model["content"]["application/json"]["schema"]["properties"]
    assert given.keys() == json.loads(ask(address, "/model")[2]).keys()
    refused = described["paths"]["/predict"]["post"]["responses"]
    assert {"413", "415", "422", "503", "504"} <= refused.keys()
    for path in ("/", "/docs", "/page.js"):
        status, headers, text = ask(address, path)
        assert (
            status == 200 and "default-src 'none'" in headers["content-security-policy"]
        )
        assert b"//" not in text.replace(address.encode(), b"").replace(
            b"  // ", b""
        ).replace(b"\n// ", b"")
        assert b"<model>" not in text  # escaped
    assert address.encode() in ask(address, "/docs")[2]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200)),
        *(("model.example.org", 200), ("evil.example.org", 421), ("", 421)),
    ],
)
def test_only_names_of_this_server_are_answered(server, host, status):
    assert ask(server[0], "/model", Host=host)[0] == status


def test_pages_of_other_sites_may_neither_send_nor_read(server):
    address, _ = server
    status, answer = send(address, photo(), Origin="http://[")
    assert status == 403 and "http://[" in answer["error"]
    status, answer = send(address, photo(), Origin="https://evil.example.org")
    assert status == 403 and "evil.example.org" in answer["error"]
    status, headers, _ = ask(address, "/predict", photo(), Origin=address.rstrip("/"))
    assert status == 200
    assert not any(name.startswith("access-control") for name in headers)


def test_the_check_finds_answers_that_differ(server, tmp_path):
    address, answers = server
    for seed in range(3):
        (tmp_path / f"{seed}.png").write_bytes(photo(seed))
    (tmp_path / "broken.jpg").write_text("no image")
    found = check(address, answers, [tmp_path])
    assert (found.compared, found.refused, found.wrong) == (3, 1, [])
    assert found.largest < 1e-6
    other = asking.model()
    other.get_layer("head").set_weights([np.zeros((16, 3)), np.arange(3.0)])
    found = check(address, Answers(other), [tmp_path])
    assert len(found.wrong) == 3


def test_a_model_that_gives_no_classes_is_refused_before_it_is_served():
    features = keras_vit.with_num_classes(asking.model(), 0)
    with pytest.raises(ValueError, match="score per class"):
        Answers(features)
    with pytest.raises(ValueError, match="--score"):
        Answers(asking.model(), score=0.5)
