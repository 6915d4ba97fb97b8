"""YOLOS in plain NumPy, float64, from the equations of its paper.

Fang et al., "You Only Look at One Sequence", 2021, section 3. It reads the arrays of
Hugging Face's files and gives its values by name, images channels last, tokens in the
order of the original. `make_lineage_cases.py` first compares them with the original's.
"""

import math

import numpy as np
from reference import gelu, softmax

HEADS = 3  # of all golden cases


def yolos(arrays, images, table_grid):
    """Tokens, logits and boxes; `table_grid`: rows and columns of the positions."""
    p = {name: array.astype("float64") for name, array in arrays.items()}
    kernel = p["vit.embeddings.patch_embeddings.projection.weight"]
    patch = kernel.shape[-1]
    count, height, width, _ = images.shape
    grid = height // patch, width // patch
    x = images.astype("float64").reshape(count, grid[0], patch, grid[1], patch, 3)
    x = x.transpose(0, 1, 3, 5, 2, 4).reshape(count, grid[0] * grid[1], -1)
    x = x @ kernel.reshape(len(kernel), -1).T
    x = x + p["vit.embeddings.patch_embeddings.projection.bias"]
    tokens = p["vit.embeddings.detection_tokens"]
    first, last = (
        np.repeat(token, count, 0) for token in (p["vit.embeddings.cls_token"], tokens)
    )
    sizes = (table_grid, grid, tokens.shape[1])
    x = np.concatenate([first, x, last], 1)
    x = x + positions(p["vit.embeddings.position_embeddings"], *sizes)
    out = {"embeddings": x}
    mid = p.get("vit.encoder.mid_position_embeddings", ())
    depth = 0
    while f"vit.encoder.layer.{depth}.output.dense.bias" in p:
        if len(mid) and depth:
            x = x + positions(mid[depth - 1], *sizes)
        x = block(p, f"vit.encoder.layer.{depth}", x)
        depth += 1
    x = out["layernorm"] = norm(p, "vit.layernorm", x)
    x = x[:, -tokens.shape[1] :]
    out["logits"] = mlp(p, "class_labels_classifier", x)
    out["pred_boxes"] = 1 / (1 + np.exp(-mlp(p, "bbox_predictor", x)))
    return out


def positions(table, table_grid, grid, tokens):
    """A table resized: the patches stand between the class token and the others."""
    middle = table[0, 1:-tokens].reshape(*table_grid, -1)
    rows, columns = (cubic(old, new) for old, new in zip(table_grid, grid))
    middle = np.einsum("ir,jc,rcd->ijd", rows, columns, middle)
    middle = middle.reshape(1, grid[0] * grid[1], -1)
    return np.concatenate([table[:, :1], middle, table[:, -tokens:]], 1)


def cubic(old, new, a=-0.75):
    """The matrix of bicubic interpolation, half-pixel centres, borders repeated."""
    matrix = np.zeros((new, old))
    for i in range(new):
        at = (i + 0.5) * old / new - 0.5
        for j in range(math.floor(at) - 1, math.floor(at) + 3):
            d = abs(at - j)
            near = (a + 2) * d**3 - (a + 3) * d**2 + 1
            far = a * (d**3 - 5 * d**2 + 8 * d - 4)
            matrix[i, min(max(j, 0), old - 1)] += near if d <= 1 else far
    return matrix


def mlp(p, name, x):
    for i in range(3):
        x = dense(p, f"{name}.layers.{i}", x)
        x = np.maximum(x, 0) if i < 2 else x
    return x


def dense(p, name, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def norm(p, name, x):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
    return x * p[f"{name}.weight"] + p[f"{name}.bias"]


def block(p, name, x):
    inner = norm(p, f"{name}.layernorm_before", x)
    queries, keys, values = (
        dense(p, f"{name}.attention.attention.{part}", inner)
        .reshape(*x.shape[:2], HEADS, -1)
        .transpose(0, 2, 1, 3)
        for part in ("query", "key", "value")
    )
    scores = queries @ keys.swapaxes(-1, -2) / math.sqrt(queries.shape[-1])
    mixed = (softmax(scores) @ values).transpose(0, 2, 1, 3).reshape(x.shape)
    x = x + dense(p, f"{name}.attention.output.dense", mixed)
    inner = dense(
        p, f"{name}.intermediate.dense", norm(p, f"{name}.layernorm_after", x)
    )
    return x + dense(p, f"{name}.output.dense", gelu(inner, "erf"))
