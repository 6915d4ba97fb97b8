"""A Vision Transformer in plain NumPy, float64: the oracle of the tests.

Written from the equations of the paper (Dosovitskiy et al., 2021, section 3.1 and
appendix A) and, for what it does not have, of the papers named beside it. It reads
arrays under the official names and knows nothing of the package's layers; `arrays_of`
and `assign` translate between a model and those names.
"""

import math

import numpy as np

MLP = {
    "dense_1/kernel": "Dense_0/kernel",
    "dense_1/bias": "Dense_0/bias",
    "dense_2/kernel": "Dense_1/kernel",
    "dense_2/bias": "Dense_1/bias",
}
RELATIVE = [
    "relative_positions",
    "prefix_to_prefix",
    "prefix_to_patches",
    "patches_to_prefix",
]
BLOCK = {
    "attention_norm/gamma": "LayerNorm_0/scale",
    "attention_norm/beta": "LayerNorm_0/bias",
    "attention/query_norm/gamma": "query_norm/scale",
    "attention/query_norm/beta": "query_norm/bias",
    "attention/key_norm/gamma": "key_norm/scale",
    "attention/key_norm/beta": "key_norm/bias",
    "attention/projection/kernel": "MultiHeadDotProductAttention_0/out/kernel",
    "attention/projection/bias": "MultiHeadDotProductAttention_0/out/bias",
    **{f"attention/{name}": f"relative/{name}" for name in RELATIVE},
    "attention_scale/gamma": "attention_scale",
    "mlp_norm/gamma": "LayerNorm_1/scale",
    "mlp_norm/beta": "LayerNorm_1/bias",
    "mlp_scale/gamma": "mlp_scale",
    **{f"mlp/{ours}": f"MlpBlock_0/{theirs}" for ours, theirs in MLP.items()},
}
REST = {
    "patch_encoder/class_token": "cls",
    "patch_encoder/register_tokens": "registers",
    "patch_encoder/projection/kernel": "embedding/kernel",
    "patch_encoder/projection/bias": "embedding/bias",
    "pre_norm/gamma": "pre_norm/scale",
    "pre_norm/beta": "pre_norm/bias",
    "encoder_norm/gamma": "Transformer/encoder_norm/scale",
    "encoder_norm/beta": "Transformer/encoder_norm/bias",
    "pooled_norm/gamma": "Transformer/encoder_norm/scale",
    "pooled_norm/beta": "Transformer/encoder_norm/bias",
    "pooling/probe": "MAPHead_0/probe",
    "pooling/query/kernel": "MAPHead_0/MultiHeadDotProductAttention_0/query/kernel",
    "pooling/query/bias": "MAPHead_0/MultiHeadDotProductAttention_0/query/bias",
    "pooling/projection/kernel": "MAPHead_0/MultiHeadDotProductAttention_0/out/kernel",
    "pooling/projection/bias": "MAPHead_0/MultiHeadDotProductAttention_0/out/bias",
    "pooling/norm/gamma": "MAPHead_0/LayerNorm_0/scale",
    "pooling/norm/beta": "MAPHead_0/LayerNorm_0/bias",
    **{f"pooling/mlp/{o}": f"MAPHead_0/MlpBlock_0/{t}" for o, t in MLP.items()},
    "pre_logits/kernel": "pre_logits/kernel",
    "pre_logits/bias": "pre_logits/bias",
    "head/kernel": "head/kernel",
    "head/bias": "head/bias",
}
POSITIONS = {"embeddings": "pos_embedding", "rows": "rows", "columns": "columns"}


def names_of(path):
    """The official names of one of our weights; several where we fuse matrices."""
    first, _, rest = path.partition("/")
    if first.startswith("block_"):
        prefix = f"Transformer/encoderblock_{int(first[6:])}/"
        if rest.startswith("attention/query_key_value/"):
            inner = prefix + "MultiHeadDotProductAttention_0"
            part = rest.rpartition("/")[2]
            return [f"{inner}/{n}/{part}" for n in ("query", "key", "value")]
        return [prefix + BLOCK[rest]]
    if path.startswith("pooling/key_value/"):
        inner, part = "MAPHead_0/MultiHeadDotProductAttention_0", path.split("/")[-1]
        return [f"{inner}/{n}/{part}" for n in ("key", "value")]
    if "position_embedding" in path:
        *_, owner, kind = path.split("/")
        layer = owner.removeprefix("position_embedding").strip("_") or "input"
        return [f"positions/{layer}/{POSITIONS.get(kind, kind)}"]
    return [REST[path]]


def arrays_of(model, values=None):
    """The weights of a model (or `values` by our path) under their official names."""
    if values is None:
        values = {w.path: np.asarray(w.numpy(), "float64") for w in model.weights}
    heads = model.settings["arguments"]["num_heads"]
    patch = model.settings["arguments"]["patch_size"]
    arrays = {}
    for path, value in values.items():
        names = names_of(path)
        for name, part in zip(names, np.split(value, len(names), axis=-1)):
            arrays[name] = _official(name, part, heads, patch)
    return arrays


def assign(model, arrays):
    """Fills a model from official arrays; every array must be used.

    Accepts the published numbering and prefixes of the golden files.
    """
    arrays = {linen(name): value for name, value in arrays.items()}
    for weight in model.weights:
        parts = [np.asarray(arrays.pop(name)) for name in names_of(weight.path)]
        parts = [p.reshape(_two_d(name, p)) for name, p in _named(weight.path, parts)]
        value = np.concatenate(parts, axis=-1)
        weight.assign(value.reshape(weight.shape))
    if arrays:
        raise KeyError(f"unused arrays: {sorted(arrays)}")


def _named(path, parts):
    return zip(names_of(path), parts)


def linen(name):
    name = name.removeprefix("params/")
    for old, new in (
        ("MultiHeadDotProductAttention_1", "MultiHeadDotProductAttention_0"),
        ("LayerNorm_2", "LayerNorm_1"),
        ("MlpBlock_3", "MlpBlock_0"),
    ):
        name = name.replace(old, new)
    if name.endswith("pos_embedding") and not name.startswith("positions/"):
        return "positions/input/pos_embedding"
    return name


def _two_d(name, part):
    """The matrix or vector that an official array is, flattened."""
    if name.endswith("/kernel"):
        out_axes = 1 if part.ndim == 2 or "/out/" in name or "embedding" in name else 2
        return (-1, math.prod(part.shape[part.ndim - out_axes :]))
    if "MultiHead" in name:
        return (-1,)
    return part.shape


def _official(name, value, heads, patch):
    """One of our arrays in the official shape."""
    if name == "embedding/kernel":
        return value.reshape(*patch, -1, value.shape[-1])
    if "MultiHeadDotProductAttention_0" not in name:
        return value
    if "/out/" in name:
        kernel = value.ndim == 2
        return value.reshape(heads, -1, value.shape[-1]) if kernel else value
    return value.reshape(*value.shape[:-1], heads, value.shape[-1] // heads)


# The model -----------------------------------------------------------------------


def vit(images, arrays, settings):
    """Every value of the forward pass, by name.

    Args:
        images: Array `(B, H, W, C)`.
        arrays: Arrays under the official names.
        settings: The constructor's arguments, as in `model.settings["arguments"]`.
    """
    s, out = settings, {}
    x = np.asarray(images, "float64")
    if s["include_preprocessing"]:
        x = (x - 127.5) / 127.5
    if s["input_scaling"]:
        mean, deviation = np.array(s["input_scaling"])
        x = ((x + 1) / 2 - mean) / deviation
    kernel = arrays["embedding/kernel"]
    out["patches"] = x = cut(x, s["patch_size"], s["stride"])  # (B, N, P*P*C)
    x = x @ kernel.reshape(-1, kernel.shape[-1]) + arrays.get("embedding/bias", 0.0)
    out["embedding"] = x
    extra = [arrays[k] for k in ("cls", "registers") if k in arrays]
    x = np.concatenate([*(np.repeat(p, len(x), axis=0) for p in extra), x], axis=1)
    grid = [
        (size - patch) // stride + 1
        for size, patch, stride in zip(images.shape[1:3], s["patch_size"], s["stride"])
    ]

    def positions(layer):
        return position_table(arrays, layer, grid, x.shape, s)

    if s["position_scope"] == "input":
        x = x + positions("input")
    if s["pre_norm"]:  # Radford et al., 2021, section 2.4
        x = layer_norm(x, arrays, "pre_norm/", s["epsilon"])
    out["encoded"] = x
    for i in range(s["num_layers"]):
        if s["position_scope"] == "every_layer":
            x = x + positions(f"{i:02d}")
        elif s["position_scope"] == "shared":
            x = x + positions("input")
        x = block(
            x, arrays, f"Transformer/encoderblock_{i}/", s, out, f"block_{i:02d}", grid
        )
    if not s["pooled_norm"]:
        x = layer_norm(x, arrays, "Transformer/encoder_norm/", s["epsilon"])
        out["encoder_norm"] = x
    if s["pooling"] == "token":
        x = x[:, 0]
    elif s["pooling"] == "gap":
        x = x[:, x.shape[1] - grid[0] * grid[1] :].mean(1)
    elif s["pooling"] == "gap_all":
        x = x.mean(1)
    elif s["pooling"] == "prefix":
        first = x.shape[1] - grid[0] * grid[1]
        x = np.concatenate([x[:, i] for i in range(first)], axis=-1)
    elif s["pooling"] == "token+gap":
        mean = x[:, x.shape[1] - grid[0] * grid[1] :].mean(1)
        x = np.concatenate([x[:, 0], mean], axis=-1)
    elif s["pooling"] == "map":
        x = map_head(x, arrays, s)
    out["pooling"] = x
    if s["pooled_norm"]:
        x = layer_norm(x, arrays, "Transformer/encoder_norm/", s["epsilon"])
    if s["representation_size"]:
        x = np.tanh(x @ arrays["pre_logits/kernel"] + arrays["pre_logits/bias"])
        out["pre_logits"] = x
    if s["num_classes"]:
        x = x @ arrays["head/kernel"] + arrays["head/bias"]
        if s["classifier_activation"] == "softmax":
            x = softmax(x)
        out["head"] = x
    out["output"] = x
    return out


def cut(images, patch_size, stride):
    """Flattened patches, row by row, one slice at a time."""
    (p1, p2), (s1, s2) = patch_size, stride
    height, width = images.shape[1:3]
    patches = [
        images[:, i : i + p1, j : j + p2].reshape(len(images), -1)
        for i in range(0, height - p1 + 1, s1)
        for j in range(0, width - p2 + 1, s2)
    ]
    return np.stack(patches, axis=1)


def relative_bias(arrays, prefix, grid, tokens):
    """What is added to the logits, `(heads, tokens, tokens)`, one pair at a time."""
    table = arrays.get(prefix + "relative/relative_positions")
    if table is None:
        return 0.0
    places = [(i, j) for i in range(grid[0]) for j in range(grid[1])]
    first = tokens - len(places)
    bias = np.zeros((len(table), tokens, tokens))
    for q in range(tokens):
        for k in range(tokens):
            if q >= first and k >= first:
                (i, j), (m, n) = places[q - first], places[k - first]
                value = table[:, i - m + grid[0] - 1, j - n + grid[1] - 1]
            elif q < first and k < first:
                value = arrays[prefix + "relative/prefix_to_prefix"][:, q, k]
            elif q < first:
                value = arrays[prefix + "relative/prefix_to_patches"][:, q, 0]
            else:
                value = arrays[prefix + "relative/patches_to_prefix"][:, 0, k]
            bias[:, q, k] = value
    return bias


def block(x, arrays, prefix, s, out, name, grid):
    """Equations 2 and 3; LayerScale as in Touvron et al., 2021, equation 4."""
    y = layer_norm(x, arrays, prefix + "LayerNorm_0/", s["epsilon"])
    bias = relative_bias(arrays, prefix, grid, y.shape[1])
    y, scores = attention(y, y, arrays, prefix, s, bias)
    out[f"{name}.attention"], out[f"{name}.attention_weights"] = y, scores
    x = x + y * arrays.get(prefix + "attention_scale", 1.0)
    y = layer_norm(x, arrays, prefix + "LayerNorm_1/", s["epsilon"])
    y = mlp(y, arrays, prefix + "MlpBlock_0/", "swiglu" if s["swiglu"] else s["gelu"])
    out[name] = x + y * arrays.get(prefix + "mlp_scale", 1.0)
    return out[name]


def attention(queries, tokens, arrays, prefix, s, bias=0.0):
    """Appendix A, equations 5 to 8, each head on its own.

    Query and key are normalised per head as in Dehghani et al., 2023, section 2.
    """
    inner = prefix + "MultiHeadDotProductAttention_0/"

    def project(x, part, head):
        x = x @ arrays[f"{inner}{part}/kernel"][:, head]
        if f"{inner}{part}/bias" in arrays:
            x = x + arrays[f"{inner}{part}/bias"][head]
        norm = f"{prefix}{part}_norm/"
        if s["qk_norm"] and norm + "scale" in arrays:
            x = layer_norm(x, arrays, norm, s["epsilon"])
        return x

    total, scores = 0.0, []
    for head in range(s["num_heads"]):
        query = project(queries, "query", head)
        key, value = (project(tokens, part, head) for part in ("key", "value"))
        logits = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        added = bias if np.ndim(bias) == 0 else bias[head]
        scores.append(softmax(logits + added))
        total = total + scores[-1] @ value @ arrays[inner + "out/kernel"][head]
    return total + arrays[inner + "out/bias"], np.stack(scores, axis=1)


def map_head(x, arrays, s):
    """Zhai et al., 2022, section 2.2, as in big_vision."""
    probe = np.repeat(arrays["MAPHead_0/probe"], len(x), axis=0)
    x, _ = attention(probe, x, arrays, "MAPHead_0/", s)
    y = layer_norm(x, arrays, "MAPHead_0/LayerNorm_0/", s["epsilon"])
    return (x + mlp(y, arrays, "MAPHead_0/MlpBlock_0/", s["gelu"]))[:, 0]


def mlp(x, arrays, prefix, kind):
    x = x @ arrays[prefix + "Dense_0/kernel"] + arrays[prefix + "Dense_0/bias"]
    if kind == "swiglu":  # Shazeer, 2020, equation 6, gates before values
        gate, value = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
        x = gate / (1 + np.exp(-gate)) * value
    else:
        x = gelu(x, kind)
    return x @ arrays[prefix + "Dense_1/kernel"] + arrays[prefix + "Dense_1/bias"]


def layer_norm(x, arrays, prefix, epsilon):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    x = (x - mean) / np.sqrt(variance + epsilon)
    return x * arrays[prefix + "scale"] + arrays[prefix + "bias"]


def gelu(x, kind):
    if kind == "quick":
        return x / (1 + np.exp(-1.702 * x))
    if kind == "erf":
        return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def position_table(arrays, layer, grid, shape, s):
    """What is added to the tokens: zero for those without a vector."""
    table = np.zeros(shape[1:])
    rows, columns = grid
    prefix = shape[1] - rows * columns
    if s["position_embedding"] == "learned":
        learned = arrays[f"positions/{layer}/pos_embedding"][0]
        table[shape[1] - len(learned) :] = learned
    elif s["position_embedding"] == "learned_2d":
        # x (columns) in the first half, y (rows) in the second: appendix D.4.
        for i in range(rows):
            for j in range(columns):
                x = arrays[f"positions/{layer}/columns"][0, j]
                y = arrays[f"positions/{layer}/rows"][i, 0]
                table[prefix + i * columns + j] = np.concatenate([x, y])
        if f"positions/{layer}/prefix" in arrays:
            table[:prefix] = arrays[f"positions/{layer}/prefix"][0]
    elif s["position_embedding"] == "sincos2d":
        quarter = shape[2] // 4
        omega = 10_000.0 ** -(np.arange(quarter) / (quarter - 1))
        for i in range(rows):
            for j in range(columns):
                parts = [np.sin(j * omega), np.cos(j * omega)]
                parts += [np.sin(i * omega), np.cos(i * omega)]
                table[prefix + i * columns + j] = np.concatenate(parts)
    return table
