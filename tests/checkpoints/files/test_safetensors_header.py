"""Headers of safetensors files say the truth, or the file is refused."""

import json
import struct

import numpy as np
import pytest

from keras_vit.checkpoints.files.safetensors import from_safetensors
from keras_vit.checkpoints.opening import open_source

DATA = np.arange(8, dtype="<f4").tobytes()
A = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
B = {"dtype": "F32", "shape": [2, 2], "data_offsets": [16, 32]}


def write(path, header, data=DATA):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_order_padding_and_metadata_change_nothing(tmp_path):
    header = {"__metadata__": {"by": "somebody"}, "b": B, "a": A}
    path = write(tmp_path / "a", json.dumps(header).encode() + b" " * 99)
    arrays = from_safetensors(path)
    assert arrays.shapes == {"b": (2, 2), "a": (4,)}
    assert arrays.read("a").tolist() == [0, 1, 2, 3]
    assert arrays.read("b").tolist() == [[4, 5], [6, 7]]


@pytest.mark.parametrize(
    "header",
    [
        {"a": {**A, "data_offsets": [-8, 8]}, "b": B},
        {"a": A, "b": {**B, "data_offsets": [12, 28]}},
        {"a": A, "b": {**B, "data_offsets": [20, 36]}},
        {"a": A, "b": {**B, "data_offsets": [32, 16]}},
        {"a": A, "b": {**B, "data_offsets": ["16", "32"]}},
        {"a": A, "b": {**B, "data_offsets": [16.5, 32.5]}},
        {"a": A},
        {"a": A, "b": {**B, "shape": [2, 3]}},
        {"a": A, "b": {**B, "shape": [2**40, 2**40]}},
        {"a": A, "b": {**B, "shape": [-2, -2]}},
        {"a": A, "b": {**B, "dtype": "F16"}},
        {"a": A, "b": {**B, "dtype": "F33"}},
        {"a": A, "b": 7},
        [A, B],
        b"{" + b'"a":{' * 5000,
        b'{"a": \xff}',
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, header):
    path = write(tmp_path / "weights", header)
    with pytest.raises(ValueError, match=r"[Ff]etch it again") as error:
        open_source(path)
    assert str(path) in str(error.value) and len(str(error.value)) <= 4000


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    text = json.dumps({"a": A, "b": B})[:-1] + f', "a": {json.dumps(A)}}}'
    path = write(tmp_path / "weights", text.encode())
    with pytest.raises(ValueError, match="a name occurs twice"):
        from_safetensors(path)


def test_a_header_is_bounded(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(struct.pack("<Q", 2**60) + json.dumps({"a": A}).encode() + DATA)
    with pytest.raises(ValueError, match="header"):
        from_safetensors(path)
