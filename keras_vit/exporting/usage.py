"""The lines of NumPy and Pillow that use an exported file, by its description."""

import json

from keras_vit.exporting.describing import FILE, KEY

# Kernels as Pillow calls them.
_PILLOW = {
    "nearest": "NEAREST",
    "bilinear": "BILINEAR",
    "bicubic": "BICUBIC",
    "lanczos3": "LANCZOS",
}
# Kernels that neither antialias nor are Pillow's.
_NUMBERS = (("bilinear", False), ("bilinear", True), ("area", False))


def usage(about, path, format):
    """Lines of Python that classify `photo.jpg` with an exported file.

    Args:
        about: The description of the file; see `describing.describe`.
        path: Path of the file.
        format: `"saved_model"`, `"litert"`, `"litert_int8"` or `"onnx"`.

    Returns:
        List of strings; empty where its images are prepared in a way that has no such
        lines, or its outputs are no scores of one image.
    """
    resize = about["resize"]
    if not about["exact"] or about["output"] is None:
        return []
    by = resize["kernel"], resize["antialias"]
    if resize["kernel"] not in _PILLOW if resize["pillow"] else by not in _NUMBERS:
        return []
    opened, asked = _RUNTIMES[format]
    path = json.dumps(str(path), ensure_ascii=False)
    colours = "L" if about["input"]["shape"][3] == 1 else "RGB"
    photo = "ImageOps.exif_transpose(Image.open('photo.jpg'))"
    return [
        *(line.format(path=path, key=KEY, file=FILE) for line in opened),
        f"photo = {photo}.convert({colours!r})",
        *_resized(resize),
        *_cropped(about["crop"]),
        "low, high = about['input']['range']",
        f"x = {_cast(about)}",
        *asked,
        *_named(about["output"]),
    ]


_NUMPY = ["import json", "import numpy as np", "from PIL import Image, ImageOps"]
_RUNTIMES = {
    "onnx": (
        [
            *_NUMPY,
            "import onnxruntime",
            "model = onnxruntime.InferenceSession({path})",
            "about = json.loads(model.get_modelmeta().custom_metadata_map['{key}'])",
        ],
        ["y = model.run(None, {'image': x})[0][0]"],
    ),
    "litert": (
        [
            *_NUMPY,
            "from zipfile import ZipFile",
            "from ai_edge_litert.interpreter import Interpreter",
            "model = Interpreter({path})",
            "about = json.loads(ZipFile({path}).read('{file}'))",
        ],
        [
            "model.resize_tensor_input(model.get_input_details()[0]['index'], x.shape)",
            "model.allocate_tensors()",
            "model.set_tensor(model.get_input_details()[0]['index'], x)",
            "model.invoke()",
            "y = model.get_tensor(model.get_output_details()[0]['index'])[0]",
        ],
    ),
    "saved_model": (
        [
            *_NUMPY,
            "import tensorflow as tf",
            "model = tf.saved_model.load({path})",
            "about = json.load(open({path} + '/assets.extra/{file}', encoding='utf8'))",
        ],
        [
            "y = model.signatures['serving_default'](tf.constant(x))",
            "y = next(iter(y.values())).numpy()[0]",
        ],
    ),
}
_RUNTIMES["litert_int8"] = _RUNTIMES["litert"]


def _resized(resize):
    """Lines that make `x`, float32 `(height, width, channels)`, of a photo."""
    yield f"size = {_sides(resize)}[::-1]  # width, height"
    if resize["pillow"]:
        kernel = f"Image.Resampling.{_PILLOW[resize['kernel']]}"
        yield f"bands = photo.resize(size, {kernel}).split()"
        yield "x = np.stack(bands, axis=-1).astype('float32')"
        return
    if resize["kernel"] == "area":
        yield from _AREA
        return
    kernel = "Image.Resampling.BILINEAR"
    if resize["antialias"]:
        yield f"bands = [b.convert('F').resize(size, {kernel}) for b in photo.split()]"
    else:
        yield "move = (photo.width / size[0], 0, 0, 0, photo.height / size[1], 0)"
        yield f"move = Image.Transform.AFFINE, move, {kernel}  # not antialiased"
        yield "bands = [b.convert('F').transform(size, *move) for b in photo.split()]"
    yield "x = np.stack(bands, axis=-1)"


# Each new pixel is the mean of the old ones below it, which count as they overlap:
# `o` old and `n` new ones.
_AREA = """\
x = np.stack(photo.split(), axis=-1).astype('float32')
for axis, n in enumerate(size[::-1]):
    o = x.shape[axis]
    left, at = np.arange(n)[:, None] * o / n, np.arange(o)
    w = np.clip(np.minimum(left + o / n, at + 1) - np.maximum(left, at), 0, 1) * n / o
    x = np.moveaxis(np.tensordot(w, x, (1, axis)), 0, axis)
""".splitlines()


def _sides(resize):
    if "smaller_side" in resize:
        side = "about['resize']['smaller_side']"
        new = f"{'' if resize['pillow'] else 'round'}(s * {side} {{}} min(photo.size))"
        new = new.format("//" if resize["pillow"] else "/")
        return f"[{new} for s in photo.size[::-1]]"
    sides = "[about['resize'][side] for side in ('height', 'width')]"
    if resize["fit"] == "stretch":
        return sides
    ratio = f"min(s / n for s, n in zip(photo.size[::-1], {sides}))"
    return f"[round(s / {ratio}) for s in photo.size[::-1]]"


def _cropped(crop):
    """Lines that cut the middle out of `x`."""
    if crop is None:
        return
    for axis, side in enumerate(("height", "width")):
        rest = f"x.shape[{axis}] - about['crop']['{side}']"
        if crop["halves"] == "even":
            rest = f"{rest} + ({rest}) % 4 // 3"
        place = ":, " * axis
        yield f"at = ({rest}) // 2"
        yield f"x = x[{place}at : at + about['crop']['{side}']]"


def _cast(about):
    scaled = "(x * ((high - low) / 255) + low)[None]"
    if about["input"]["dtype"] == "uint8":
        scaled = f"np.rint({scaled})"
    return f"{scaled}.astype(about['input']['dtype'])"


def _named(kind):
    """Lines that turn the scores `y` into names and probabilities, best first."""
    if kind == "logits":
        yield "y = np.exp(y - y.max()) / np.exp(y - y.max()).sum()"
    yield "names = about['classes'] or range(len(y))"
    yield "print(sorted(zip(y.tolist(), names), reverse=True)[:5])"
