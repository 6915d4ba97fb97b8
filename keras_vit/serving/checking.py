"""`check`: whether a running server gives the answers of `predict`."""

import concurrent.futures
import dataclasses
import functools
import http.client
import json
import os
import urllib.parse
from pathlib import Path

from keras_vit.inference.inputs import find_images
from keras_vit.serving.answering import to_json

# Requests that are sent at a time.
_AT_ONCE = 8
# What numbers may differ by: batches of other sizes are computed in another order.
TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Check:
    """How the answers of a server compare with those of `predict`."""

    # Files that were compared, and those that both refuse.
    compared: int
    refused: int
    # The largest difference of two numbers, of those above 1 relative.
    largest: float
    # Sentences about files whose answers differ by more, or in anything else.
    wrong: list

    def __str__(self):
        lines = [
            f"{self.compared} files: largest difference from predict {self.largest:.1e}"
            f" (bar {TOLERANCE:.0e}); {self.refused} refused by both"
        ]
        return "\n".join([*lines, *self.wrong])


def check(address, answers, files):
    """Sends files to a server, several at once, and compares with `predict`.

    Args:
        address: String, that of the server's page.
        answers: The `Answers` of its model.
        files: List of paths of images and folders.

    Returns:
        A `Check`.
    """
    paths = [file for file, error in find_images(files) if error is None]
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        ask = functools.partial(post, address, "predict?top=1000")
        served = list(pool.map(ask, paths))
    largest, refused, wrong = 0.0, 0, []
    for path, (status, answer) in zip(paths, served):
        (found,) = answers.predict([Path(path).read_bytes()])
        if found.error is not None or status != 200:
            refused += 1
            if (found.error is None) != (status == 200):
                said = "reads it" if found.error is None else found.error
                wrong.append(f"{path}: status {status}, but predict says: {said}")
            continue
        mine = to_json(found, answer["file"], top=1000, picture=False)
        difference = _difference(_by_class(mine), _by_class(answer))
        if difference is None or difference > TOLERANCE:
            wrong.append(f"{path}: {answer} instead of {mine}")
        largest = max(largest, difference or 0.0)
    return Check(len(paths) - refused, refused, largest, wrong)


def post(address, path, file, timeout=600):
    """`(status, answer)` of the upload of a file.

    Args:
        address: String, that of the server's page.
        path: String, what to ask there.
        file: Path, or bytes.
        timeout: Number, seconds.
    """
    data = file if isinstance(file, bytes) else Path(os.fspath(file)).read_bytes()
    where = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout)
    try:
        headers = {"Content-Type": "application/octet-stream"}
        connection.request("POST", f"/{path}", data, headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def _by_class(answer):
    """An answer whose classes are in an order that does not hang on float noise."""
    if "classes" not in answer:
        return answer
    return {**answer, "classes": sorted(answer["classes"], key=lambda c: c["class"])}


def _difference(a, b):
    """The largest difference of the numbers of two answers; `None` if more differs."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        pairs = [(a[key], b[key]) for key in a]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = list(zip(a, b))
    elif isinstance(a, float | int) and isinstance(b, float | int):
        return abs(a - b) / max(1.0, abs(a))
    else:
        return 0.0 if a == b else None
    differences = [_difference(*pair) for pair in pairs]
    return None if None in differences else max(differences, default=0.0)
