"""Small models to serve, images to send, and a server while a test lasts."""

import contextlib
import http.client
import io
import json
import socket
import time
import urllib.parse

import numpy as np
from PIL import Image

import keras_vit
from keras_vit.serving import Limits, Server, application
from keras_vit.serving.answering import Answers

NAMES = ["cat & co", "<dog>", "cow"]


def model(num_classes=3):
    """A classifier whose answers differ from image to image."""
    made = keras_vit.ViT(
        num_classes,
        patch_size=8,
        num_layers=1,
        hidden_dim=16,
        mlp_dim=16,
        num_heads=2,
        image_size=(16, 24),
    )
    kernel = np.random.default_rng(0).normal(size=(16, num_classes))
    made.get_layer("head").set_weights([kernel, np.zeros(num_classes)])
    made.metadata["class_names"] = NAMES[:num_classes]
    return made


def photo(seed=0, size=(20, 30), kind="PNG", **options):
    """The bytes of an image file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3))
    data = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(data, kind, **options)
    return data.getvalue()


@contextlib.contextmanager
def served(made, *, host_names=(), score=None, slow=None, **limits):
    """The address of a server of a model, and its `Answers`.

    Args:
        slow: A `threading.Event` that every prediction waits for, or `None`.
    """
    limits = Limits(**limits)
    answers = Answers(made, batch_size=limits.batch_size, score=score)
    if slow is not None:
        predict = answers.predict
        answers.predict = lambda files: slow.wait(60) and predict(files)
    app = application(answers, limits, title="my <model>", host_names=host_names)
    with Server(app, port=0, seconds=limits.seconds).in_thread() as address:
        yield address, answers


def ask(address, path="/", body=None, method=None, **headers):
    """`(status, headers, bytes)` of one request."""
    where = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=120)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method or ("POST" if body else "GET"), path, body, headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def send(address, data, path="/predict", **headers):
    """`(status, answer)` of an upload."""
    status, _, text = ask(address, path, data, "POST", **headers)
    return status, json.loads(text)


def form(data, name="photo.png", field="file"):
    """A form with one file: its body and its headers."""
    edge = "----edge"
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"'
    body = (
        f"--{edge}\r\n{head}\r\n\r\n".encode() + data + f"\r\n--{edge}--\r\n".encode()
    )
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}"}


def raw(address, data):
    """All that the server says to bytes that need not be HTTP."""
    where = urllib.parse.urlsplit(address)
    with socket.create_connection((where.hostname, where.port), 60) as connection:
        connection.sendall(data)
        said = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                said += part
        return said


def until(condition, seconds=60):
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
