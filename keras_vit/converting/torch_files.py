"""Named arrays from the files that PyTorch pickles, with its weights-only loader."""

import argparse
import os
import pickle
import re
import zipfile
from collections.abc import Mapping

import numpy as np

from keras_vit.checkpoints.files.arrays import Arrays, bfloat16_to_float32
from keras_vit.checkpoints.files.errors import Refused, reading
from keras_vit.checkpoints.files.memory import aligned_copy
from keras_vit.common.installed import is_installed
from keras_vit.common.wording import display

# Before it, files could run code in the weights-only loader too (CVE-2025-32434).
OLDEST = (2, 6)


def from_torch(path):
    """`Arrays` of the tensors in a `.pth`, `.pt` or `.bin` file.

    Only torch's weights-only loader reads it, which builds tensors, plain values and
    an `argparse.Namespace`, as training scripts save their options, and nothing else.
    The tensors of nested dictionaries are named as by `state_dict`, with points. What
    an optimizer keeps, it keeps by numbers, and is left out. Where one dictionary holds
    all the tensors, its own name is left out too.

    Args:
        path: Path of the file.

    Raises:
        ImportError: if torch is not installed.
        ValueError: if torch is too old, or the file holds something else.
    """
    origin = display(path)
    torch = _torch(origin)
    with reading(path, "PyTorch"):
        packed = zipfile.is_zipfile(path)
        if packed:
            _check_members(path, origin)
        try:
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(
                    path, map_location="cpu", weights_only=True, mmap=packed
                )
        except pickle.UnpicklingError as error:
            raise Refused(
                f"{origin} is damaged, or holds more than weights, which torch's "
                "weights-only loader does not make; nothing else reads pickled files, "
                f"as they can run code. Received: {_objection(str(error))}. Save "
                "`model.state_dict()` with the program that wrote it."
            ) from None
        tensors = _named(content, torch, origin)
    size = os.path.getsize(path)
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > size:
            raise Refused(
                f"The array {name!r} of {origin} is larger than the file. Received: "
                f"shape {tuple(tensor.shape)}. Fetch the file again."
            )

    def read(name):
        with reading(path, "PyTorch", name):
            return _numbers(tensors[name], name, torch, origin)

    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    types = {n: str(t.dtype).removeprefix("torch.") for n, t in tensors.items()}
    return Arrays(shapes, read, "PyTorch file", origin, types=types)


def _torch(origin):
    if not is_installed("torch"):
        raise ImportError(
            f"{origin} is a pickled PyTorch file, which only torch's weights-only "
            "loader may read: `pip install torch`. Or save the model as safetensors "
            "where torch is: `safetensors.torch.save_file(model.state_dict(), "
            "'model.safetensors')`.",
            name="torch",
        )
    import torch

    version = tuple(int(n) for n in torch.__version__.split(".")[:2] if n.isdigit())
    if version < OLDEST:
        raise ValueError(
            f"Pickled files are read with torch {OLDEST[0]}.{OLDEST[1]} or newer only: "
            "in older ones, files can run code. Received: torch "
            f"{torch.__version__} for {origin}. `pip install --upgrade torch`."
        )
    return torch


def _check_members(path, origin):
    """Raises where a zip archive is not as torch writes it."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise Refused(
            f"{origin} is a TorchScript program, not weights. Save "
            "`model.state_dict()` with `torch.save`."
        )
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise Refused(
            f"{origin} is a compressed archive, which torch does not write. Fetch it "
            "again."
        )


def _objection(message):
    """What the loader objects to, of its long message."""
    found = re.search(r"GLOBAL (\S+)", message)
    return found[1] if found else message.strip().split("\n")[0][:200]


def _named(content, torch, origin):
    """The tensors of nested dictionaries, by their names."""
    if not isinstance(content, Mapping):
        raise Refused(
            f"{origin} must hold a dictionary of tensors. Received: a "
            f"{type(content).__name__}. Save `model.state_dict()`."
        )
    seen = set()  # a dictionary may hold itself, or stand in many places

    def groups(tree):
        """Tensors, and dictionaries with such in them, by the names they have."""
        seen.add(id(tree))
        found = {}
        for key, value in tree.items():
            if isinstance(key, str) and isinstance(value, torch.Tensor):
                found[key] = value
            elif isinstance(key, str) and isinstance(value, Mapping):
                if id(value) not in seen and (inner := groups(value)):
                    found[key] = inner
        return found

    found = groups(content)
    while len(found) == 1 and isinstance(inner := next(iter(found.values())), dict):
        found = inner
    tensors = {}

    def flatten(tree, prefix):
        for key, value in tree.items():
            if isinstance(value, dict):
                flatten(value, f"{prefix}{key}.")
            else:
                tensors[prefix + key] = value

    flatten(found, "")
    if not tensors:
        raise Refused(
            f"{origin} holds no tensors under names. Save `model.state_dict()`."
        )
    return tensors


def _numbers(tensor, name, torch, origin):
    """The NumPy array of a tensor, whose memory is the caller's alone."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise Refused(
            f"The array {name!r} of {origin} is sparse, quantized or without values. "
            "Expand it and save it again with the program that wrote it."
        )
    tensor = tensor.detach().contiguous()
    if tensor.dtype is torch.bfloat16:
        return bfloat16_to_float32(np.array(tensor.view(torch.int16).numpy()))
    return aligned_copy(tensor.numpy())
