"""Segmenter in plain NumPy, float64, from the equations of its paper.

Strudel et al., "Segmenter: Transformer for Semantic Segmentation", 2021, section 3. It
reads the arrays of the project's files and gives its values by name, images and maps
channels last. `make_lineage_cases.py` first compares them with the original's own.
"""

import math

import numpy as np
from reference import gelu, softmax

PATCH, HEADS = 8, 3  # of all golden cases


def segmenter(arrays, images, labels):
    """The values of every block, the masks, the logits and the loss."""
    p = {name: array.astype("float64") for name, array in arrays.items()}
    pad = [(0, -side % PATCH) for side in images.shape[1:3]]
    x = np.pad(images.astype("float64"), [(0, 0), *pad, (0, 0)])
    count, rows, columns = len(x), x.shape[1] // PATCH, x.shape[2] // PATCH
    x = x.reshape(count, rows, PATCH, columns, PATCH, 3).transpose(0, 1, 3, 5, 2, 4)
    kernel = p["encoder.patch_embed.proj.weight"]
    x = x.reshape(count, rows * columns, -1) @ kernel.reshape(len(kernel), -1).T
    x = x + p["encoder.patch_embed.proj.bias"]
    token = np.broadcast_to(p["encoder.cls_token"], (count, 1, x.shape[2]))
    table = p["encoder.pos_embed"]
    side = math.isqrt(table.shape[1] - 1)
    grid = resized(table[:, 1:].reshape(1, side, side, -1), (rows, columns))
    grid = grid.reshape(1, rows * columns, -1)
    x = np.concatenate([token, x], 1) + np.concatenate([table[:, :1], grid], 1)
    out = {"embedding": x}
    for i in range(2):
        x = out[f"block.{i}"] = block(p, f"encoder.blocks.{i}", x)
    x = out["norm"] = norm(p, "encoder.norm", x)
    masks = (mask_head if "decoder.cls_emb" in p else linear_head)(p, x[:, 1:], out)
    masks = masks.reshape(count, rows, columns, -1)
    logits = resized(masks, (PATCH * rows, PATCH * columns))
    logits = logits[:, : images.shape[1], : images.shape[2]]
    out |= {"masks": masks, "logits": logits}
    known = labels != 255
    chosen = np.eye(logits.shape[-1])[np.where(known, labels, 0)]
    losses = -(np.log(softmax(logits)) * chosen).sum(-1)
    return out | {"loss": losses[known].mean()}


def linear_head(p, x, out):
    return dense(p, "decoder.head", x)


def mask_head(p, x, out):
    count = x.shape[1]
    classes = np.repeat(p["decoder.cls_emb"], len(x), 0)
    x = np.concatenate([dense(p, "decoder.proj_dec", x), classes], 1)
    for i in range(2):
        x = out[f"decoder.block.{i}"] = block(p, f"decoder.blocks.{i}", x)
    x = out["decoder.norm"] = norm(p, "decoder.decoder_norm", x)
    patches = unit(x[:, :count] @ p["decoder.proj_patch"])
    classes = unit(x[:, count:] @ p["decoder.proj_classes"])
    masks = out["decoder.similarity"] = patches @ classes.transpose(0, 2, 1)
    return norm(p, "decoder.mask_norm", masks)


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def dense(p, name, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def norm(p, name, x):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    return x * p[f"{name}.weight"] + p[f"{name}.bias"]


def block(p, name, x):
    inner = dense(p, f"{name}.attn.qkv", norm(p, f"{name}.norm1", x))
    inner = inner.reshape(*x.shape[:2], 3, HEADS, -1).transpose(2, 0, 3, 1, 4)
    queries, keys, values = inner
    scores = queries @ keys.swapaxes(-1, -2) / math.sqrt(queries.shape[-1])
    mixed = (softmax(scores) @ values).transpose(0, 2, 1, 3).reshape(x.shape)
    x = x + dense(p, f"{name}.attn.proj", mixed)
    inner = dense(p, f"{name}.mlp.fc1", norm(p, f"{name}.norm2", x))
    return x + dense(p, f"{name}.mlp.fc2", gelu(inner, "erf"))


def resized(x, shape):
    """Bilinear, half-pixel centres, the border repeated."""
    for axis, size in zip((1, 2), shape):
        last = x.shape[axis] - 1
        at = np.clip((np.arange(size) + 0.5) * (last + 1) / size - 0.5, 0, last)
        low = np.floor(at).astype(int)
        share = (at - low).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        high = np.minimum(low + 1, last)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x
