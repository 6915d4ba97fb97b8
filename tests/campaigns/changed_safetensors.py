"""Changes of safetensors files, alone, in several files, and beside a config.json."""

import json
import os
import shutil
import struct

import numpy as np
from changing import CONFIGURED, HARMLESS, HOSTILE, SAFETENSORS, change, file_of
from layouts_of_files import INDEX, join, joined, parts_of, split, tensors_of


def _with_tensor(folder, layout, edit):
    """Changes one `(type, shape, bytes)`."""
    path = file_of(folder, layout)
    tensors = tensors_of(path)
    edit(tensors)
    path.write_bytes(joined(tensors, {"format": "pt"}))


@change(HARMLESS, *SAFETENSORS, each=("order", "padding", "metadata", "float64"))
def safetensors_rewritten(how, rng, folder, layout):
    path = file_of(folder, layout)
    tensors = tensors_of(path)
    if how == "order":
        names = list(tensors)
        rng.shuffle(names)
        path.write_bytes(joined({name: tensors[name] for name in names}))
    elif how == "padding":
        header, data = parts_of(path)
        path.write_bytes(join(json.dumps(header).encode() + b" " * 777, data))
    elif how == "metadata":
        path.write_bytes(joined(tensors, {"format": "pt", "note": "x" * 9999}))
    else:
        path.write_bytes(joined({n: _as_float64(t) for n, t in tensors.items()}))


def _as_float64(tensor):
    return "F64", tensor[1], np.frombuffer(tensor[2], "<f4").astype("<f8").tobytes()


@change(
    HOSTILE,
    *SAFETENSORS,
    each=("negative", "overlap", "hole", "beyond", "float", "text", "reversed"),
)
def offsets_wrong(how, rng, folder, layout):
    path = file_of(folder, layout)
    header, data = parts_of(path)
    names = [n for n in header if n != "__metadata__"]
    entry, other = header[rng.choice(names)], header[rng.choice(names)]
    low, high = entry["data_offsets"]
    entry["data_offsets"] = {
        "negative": [low - len(data), high - len(data)],
        "overlap": [max(0, low - 4), max(0, low - 4) + high - low],
        "hole": [low + 4, high + 4],
        "beyond": [len(data), len(data) + high - low],
        "float": [low + 0.5, high + 0.5],
        "text": [str(low), str(high)],
        "reversed": [high, low],
    }[how]
    if how == "overlap" and low == 0:
        entry["data_offsets"] = [4, high + 4]
    del other
    path.write_bytes(join(header, data))


@change(
    HOSTILE,
    *SAFETENSORS,
    each=("size", "huge", "deep", "list", "twice", "latin", "empty", "null"),
)
def header_wrong(how, rng, folder, layout):
    path = file_of(folder, layout)
    header, data = parts_of(path)
    text = json.dumps(header).encode()
    name = json.dumps(next(n for n in header if n != "__metadata__")).encode()
    whole = {
        "size": lambda: struct.pack("<Q", 2**63) + text + data,
        "huge": lambda: join(b'{"a":"' + b" " * (101 << 20) + b'"}', b""),
        "deep": lambda: join(b'{"a":' + b"[" * 99999 + b"]" * 99999 + b"}", data),
        "list": lambda: join(b"[" + text + b"]", data),
        "twice": lambda: join(
            text[:-1] + b"," + name + b":" + _entry(header, name) + b"}", data
        ),
        "latin": lambda: join(text.replace(b"weight", b"w\xe9ight", 1), data),
        "empty": lambda: join(b"{}", b""),
        "null": lambda: join(text.replace(b'"shape": [', b'"shape": [null, ', 1), data),
    }[how]()
    path.write_bytes(whole)


def _entry(header, name):
    return json.dumps(header[json.loads(name)]).encode()


@change(
    HOSTILE,
    *SAFETENSORS,
    each=("nan", "infinity", "large", "shape", "type", "gone", "name", "more", "gap"),
)
def tensor_wrong(how, rng, folder, layout):
    def edit(tensors):
        name = rng.choice(sorted(tensors))
        kind, shape, raw = tensors[name]
        values = np.frombuffer(raw, "<f4").copy()
        spot = rng.randrange(len(values))
        if how in ("nan", "infinity"):
            values[spot] = np.nan if how == "nan" else -np.inf
            tensors[name] = kind, shape, values.tobytes()
        elif how == "large":
            wide = values.astype("<f8")
            wide[spot] = 1e300
            tensors[name] = "F64", shape, wide.tobytes()
        elif how == "shape":
            longer = rng.choice(([*shape, 2], [2, *shape], [shape[0] * 2, *shape[1:]]))
            tensors[name] = kind, longer, raw * 2
        elif how == "type":
            tensors[name] = rng.choice(
                [
                    ("I32", shape, raw),
                    ("F8_E4M3", [*shape, 4], raw),
                    ("U8", [*shape, 4], raw),
                ]
            )
            if tensors[name][0] == "I32":  # numbers without end in another reading
                tensors[name] = (
                    "C64",
                    [len(raw) // 8 or 1],
                    raw[: max(8, len(raw) // 8 * 8)],
                )
        elif how == "gone":
            del tensors[name]
        elif how == "name":
            new = rng.choice(
                ("a\nb\x1b[31m", "x" * 99999, "../" + name, "\u202e" + name)
            )
            tensors[new] = tensors.pop(name)
        elif how == "more":
            tensors["unheard.of"] = kind, shape, raw
        else:
            for old in [n for n in tensors if ".1." in n]:
                tensors[old.replace(".1.", ".99999999.", 1)] = tensors.pop(old)
            if not any("99999999" in n for n in tensors):
                del tensors[name]

    _with_tensor(folder, layout, edit)


@change(HARMLESS, *CONFIGURED, each=("order", "indent", "more"))
def config_rewritten(how, rng, folder, layout):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if how == "more":
        config.update(transformers_version="9.9", _name_or_path="../../etc/passwd")
    keys = list(config)
    rng.shuffle(keys)
    config = {key: config[key] for key in keys}
    path.write_text(json.dumps(config, indent=rng.choice((None, 1, 7))))


@change(
    HOSTILE,
    *CONFIGURED,
    each=(*(b"", b"{", b"[]", b"null", b'"text"', b"7", b"\xff\xfe", b"{} {}"),),
)
def config_is_none(text, rng, folder, layout):
    (folder / "config.json").write_bytes(text)


@change(HOSTILE, *CONFIGURED, each=("deep", "large", "pipe", "digits", "surrogate"))
def config_odd(how, rng, folder, layout):
    path = folder / "config.json"
    config = path.read_text()
    path.unlink()
    if how == "pipe":
        os.mkfifo(path)
    elif how == "deep":
        path.write_text('{"a":' * 200_000 + "1" + "}" * 200_000)
    elif how == "large":
        path.write_text(config[:-1] + ', "a": "' + "x" * (60 << 20) + '"}')
    elif how == "digits":
        path.write_text(
            config.replace('"image_size": 32', '"image_size": ' + "9" * 9999)
        )
    else:
        path.write_text(config.replace('"gelu"', '"\\ud800\\u001b[2J"'))


_ODD = (
    "text",
    [],
    {},
    None,
    -1,
    0,
    1e9,
    10**9,
    2**70,
    True,
    [1, [2]],
    "\x1b[2J" * 9999,
)
_FACTS = (
    "hidden_size",
    "image_size",
    "num_attention_heads",
    "layer_norm_eps",
    "hidden_act",
    "id2label",
    "architectures",
    "model_type",
    "patch_size",
    "num_channels",
    "qkv_bias",
    "num_hidden_layers",
    "intermediate_size",
)


@change(HOSTILE, *CONFIGURED, each=_FACTS)
def fact_odd(name, rng, folder, layout):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config[name] = rng.choice(_ODD)
    path.write_text(json.dumps(config))


@change(HARMLESS, "sharded", each=("elsewhere", "index"))
def shards_rewritten(how, rng, folder, layout):
    if how == "index":
        path = folder / INDEX
        index = json.loads(path.read_text())
        listed = list(index["weight_map"].items())
        rng.shuffle(listed)
        path.write_text(json.dumps({"weight_map": dict(listed), "more": [1]}, indent=3))
        return
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors.update(tensors_of(file))
    whole = folder / "whole.safetensors"
    whole.write_bytes(joined(tensors))
    split(whole, rng.uniform(0.1, 0.9))


@change(
    HOSTILE,
    "sharded",
    each=(
        "outside",
        "absolute",
        "device",
        "missing",
        "number",
        "other",
        "list",
        "none",
    ),
)
def index_wrong(how, rng, folder, layout):
    path = folder / INDEX
    index = json.loads(path.read_text())
    listed = index["weight_map"]
    name = rng.choice(sorted(listed))
    outside = folder.parent / f"{folder.name}-outside.safetensors"
    if how in ("outside", "absolute"):
        shutil.copy(folder / listed[name], outside)
    old = listed[name]
    new = {
        "outside": f"../{outside.name}",
        "absolute": str(outside),
        "device": "/dev/zero",
        "missing": "model-00003-of-00003.safetensors",
        "number": 7,
        "other": "config.json",
    }.get(how)
    index["weight_map"] = {
        "list": list(listed),
        "none": None,
    }.get(how, {n: new if f == old else f for n, f in listed.items()})
    path.write_text(json.dumps(index))
