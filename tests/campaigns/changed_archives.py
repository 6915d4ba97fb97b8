"""Changes of zip archives: of arrays, and of models."""

import io
import json
import struct
import zipfile

import numpy as np
from changing import HARMLESS, HOSTILE, change, file_of
from layouts_of_files import members_of, npy, pack


@change(
    HARMLESS,
    "npz",
    each=("order", "deflated", "bzip2", "lzma", "float64", "fortran", "big", "readme"),
)
def npz_rewritten(how, rng, folder, layout):
    path = file_of(folder, layout)
    members = members_of(path)
    names = list(members)
    rng.shuffle(names)
    members = {name: members[name] for name in names}
    edit = {
        "float64": lambda a: a.astype("f8"),
        "fortran": np.asfortranarray,
        "big": lambda a: a.astype(">f4"),
    }.get(how)
    if edit:
        members = {n: npy(edit(np.load(io.BytesIO(m)))) for n, m in members.items()}
    if how == "readme":
        members = {"README.md": b"# Weights", **members}
    packing = {
        "deflated": zipfile.ZIP_DEFLATED,
        "bzip2": zipfile.ZIP_BZIP2,
        "lzma": zipfile.ZIP_LZMA,
    }.get(how, zipfile.ZIP_STORED)
    pack(path, members, packing, b"a comment" if how == "readme" else b"")


@change(
    HOSTILE,
    "npz",
    each=(
        *("nan", "large", "objects", "text", "complex", "shape", "gone", "more", "gap"),
        *("kernel gone", "empty", "name", "stack"),
    ),
)
def array_wrong(how, rng, folder, layout):
    path = file_of(folder, layout)
    arrays = {n: np.load(io.BytesIO(m)) for n, m in members_of(path).items()}
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    if how in ("nan", "large"):
        array = array.astype("f8")
        array.flat[rng.randrange(array.size)] = np.nan if how == "nan" else -1e300
        arrays[name] = array
    elif how == "gone":
        del arrays[name]
    elif how == "kernel gone":
        del arrays["head/kernel.npy"]
    elif how == "more":
        arrays["unheard/of.npy"] = array
    elif how == "name":
        arrays["a\x1b[31m\n" + name] = arrays.pop(name)
    elif how == "gap":
        for old in [n for n in arrays if "encoderblock_1" in n]:
            arrays[old.replace("block_1", "block_99999999")] = arrays.pop(old)
    elif how == "stack":
        for old in [n for n in arrays if "encoderblock_1" in n]:
            del arrays[old]
        for old in [n for n in arrays if "encoderblock_0" in n]:
            tall = np.zeros((10_000_000, 0), "f4")
            arrays[old.replace("block_0", "block")] = tall
            del arrays[old]
    else:
        arrays[name] = {
            "objects": lambda: np.array([{"a": 1}], object),
            "text": lambda: np.full(array.shape, "x"),
            "complex": lambda: array.astype("c8"),
            "shape": lambda: np.stack([array, array]),
            "empty": lambda: np.zeros((0, *array.shape), "f4"),
        }[how]()
    pack(path, {n: npy(a) for n, a in arrays.items()}, rng.choice((0, 8)))


_BIG = 2**40


@change(
    HOSTILE,
    "npz",
    each=(
        f"({_BIG},)",
        f"({_BIG}, 0, 3)",
        "(-1, -48)",
        "(True, 1.5)",
        "(" * 5000,
        "[1][0]*3",
        "(1,)*99999999",
        "__import__('os').system('touch hacked'),",
    ),
)
def npy_header_wrong(shape, rng, folder, layout):
    path = file_of(folder, layout)
    members = members_of(path)
    name = rng.choice(sorted(members))
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    members[name] = head + members[name][128:]
    pack(path, members, rng.choice((0, 8)))


@change(
    HOSTILE,
    "npz",
    "keras",
    each=("twice", "outside", "absolute", "bomb", "bomb of one", "nothing", "checksum"),
)
def archive_wrong(how, rng, folder, layout):
    path = file_of(folder, layout)
    members = members_of(path)
    names = sorted(members)
    name = "model.weights.h5" if layout == "keras" else rng.choice(names)
    packing = zipfile.ZIP_DEFLATED
    if how == "twice":
        members = [*members.items(), (name, members[name][:-4] + bytes(4))]
    elif how in ("outside", "absolute"):
        start = "../../" if how == "outside" else "/tmp/"
        members[start + name] = members.pop(name)
    elif how == "bomb":
        members |= {f"zeros/{i}.npy": bytes(2**28) for i in range(4)}
    elif how == "bomb of one":
        members[name] = members[name] + bytes(2**30)
    elif how == "nothing":
        members = {}
    pack(path, members, packing)
    if how == "checksum":
        data = bytearray(path.read_bytes())
        for sign, place in ((b"PK\x01\x02", 16), (b"PK\x03\x04", 14)):
            at = data.find(sign)
            while at >= 0:
                data[at + place] ^= 1
                at = data.find(sign, at + 4)
        path.write_bytes(data)


@change(
    HOSTILE,
    "npz",
    "keras",
    each=("encrypted", "packing", "larger", "packed larger", "offset", "smaller"),
)
def member_claims(how, rng, folder, layout):
    """Changes the table of an archive, as no program writes it."""
    path = file_of(folder, layout)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    for _ in range(rng.randrange(2)):
        at = max(data.find(b"PK\x01\x02", at + 4), at)
    place, form, value = {
        "encrypted": (8, "<H", 1),
        "packing": (10, "<H", 93),
        "larger": (24, "<I", 0xF0000000),
        "packed larger": (20, "<I", 0xF0000000),
        "offset": (42, "<I", 0x0FFFFFFF),
        "smaller": (24, "<I", 40),
    }[how]
    struct.pack_into(form, data, at + place, value)
    path.write_bytes(data)


@change(HARMLESS, "keras", each=("order", "deflated", "more"))
def keras_rewritten(how, rng, folder, layout):
    path = file_of(folder, layout)
    members = dict(reversed(members_of(path).items()))
    if how == "more":
        config = json.loads(members["config.json"])
        config["config"]["metadata"]["note"] = {"by": "somebody", "at": [1, 2.5, None]}
        members["config.json"] = json.dumps(config, indent=2).encode()
        members["metadata.json"] = b'{"keras_version": "3.99", "date_saved": "?"}'
    packing = zipfile.ZIP_DEFLATED if how == "deflated" else zipfile.ZIP_STORED
    pack(path, members, packing, b"a comment")


@change(
    HOSTILE,
    "keras",
    each=(
        *("none", "list", "deep", "lambda", "module", "units", "classes", "image"),
        *("settings", "arguments", "metadata", "names", "steps", "layers", "family"),
        *("hidden_dim", "no weights", "blocks"),
    ),
)
def keras_config_wrong(how, rng, folder, layout):
    path = file_of(folder, layout)
    members = members_of(path)
    config = json.loads(members["config.json"])
    inner = config["config"]
    arguments, odd = inner["settings"]["arguments"], rng.choice((7, "x", [1], True))
    if how == "lambda":
        code = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
        layer = {
            "class_name": "Lambda",
            "module": "keras.layers",
            "config": {"name": "l", "function": code},
            "registered_name": None,
            "name": "l",
            "inbound_nodes": inner["layers"][1]["inbound_nodes"],
        }
        inner["layers"].append(layer)
    elif how == "module":
        inner["layers"][1].update(
            module="os", class_name="system", registered_name=None
        )
    elif how in ("units", "hidden_dim"):
        key = "units" if how == "units" else "hidden_dim"
        for layer in inner["layers"]:
            if key in layer["config"]:
                layer["config"][key] = 10**6
    elif how == "layers":
        inner["layers"] = rng.choice((7, None, {}, [7], [None] * 9))
    elif how == "blocks":
        arguments["num_layers"] = 10**8
    elif how == "classes":
        arguments["num_classes"] = 10**9
    elif how == "image":
        arguments["image_size"] = [10**9, 10**9]
    elif how == "settings":
        inner["settings"] = odd
    elif how == "arguments":
        arguments[rng.choice(sorted(arguments))] = {"odd": odd}
    elif how == "family":
        inner["settings"]["family"] = rng.choice((odd, "swin", None))
    elif how == "metadata":
        inner["metadata"] = odd
    elif how == "names":
        inner["metadata"]["class_names"] = rng.choice((7, [7] * 5, {"a": 1}))
    elif how == "steps":
        inner["metadata"]["preprocessing"] = rng.choice(
            (odd, {"num_channels": 3, "steps": 7}, {"num_channels": 3, "steps": [{}]})
        )
    members["config.json"] = json.dumps(config).encode()
    if how in ("none", "list"):
        members["config.json"] = b"null" if how == "none" else b"[1]"
    elif how == "deep":
        members["config.json"] = b'{"config":' * 90_000 + b"1" + b"}" * 90_000
    elif how == "no weights":
        del members["model.weights.h5"]
    pack(path, members)
