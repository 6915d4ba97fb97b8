"""Makes `lineage_cases.xz`, small cases of the networks before the ViT, and Segmenter.

    python tests/make_lineage_cases.py

needs the golden data and h5py; see `golden.py`. Small cases are those of the original
implementations, of the first image. The others have weights and images of five bits of
mantissa, which take a quarter of the room; their values are computed here in float64 by
`reference_lineage.py`, once the same lines have given the original's values from the
original's weights. So are Segmenter's, with weights and images of one bit; its cases
share the weights of one of them. Of models that are refused only the names and shapes
ship.
"""

import functools
from pathlib import Path

import golden
import numpy as np
import reference_lineage as oracle
from reference_resnet import same, symmetric
from reference_segmenter import segmenter

FOLDER = "lineage/"
# As they are, of the first image.
WHOLE = (
    *("lenet/modern_tanh_average", "unet/phseg_v5", "unet/valid_depth3"),
    *("transformer/post_norm_relu", "transformer/bert_mlm"),
)
PAIRS = ("alexnet/two_group_caffe", "lenet/lenet5_1998", "neocognitron/network")
PAIRS += ("unet/weight_map",)
LAST = ("image", "logits", "logits_when_loaded_by_path", "train.logits")
LARGEST = 1600  # numbers in a value inside that ships beside the last ones
RESNET_H5 = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
VGG_H5 = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
EFFICIENTNET_H5 = "efficientnetb0_notop.h5"
DEPTHS = (1, 1, 1, 2, 2, 2, 1)  # of the golden EfficientNets

SEGMENTERS = ("mask", "linear", "mask_padded")  # the first lends the others its weights
REFUSED = ("dpt/project", "upernet/head", "vitdet/window_relpos", "eomt/masked")


def efficientnet(arrays, images, epsilon, padding):
    p = oracle.Torch(arrays, epsilon)
    return oracle.efficientnet(p, images, DEPTHS, padding)


def keras_efficientnet(arrays, images):
    """With the scaling that the file's weights were trained with."""
    p = oracle.Keras(arrays, 1e-3)
    mean, deviation = (p.arrays[f"normalization/{n}"] for n in ("mean", "variance"))
    x = (images / 255 - mean) / np.sqrt(deviation)
    wrong = oracle.efficientnet(p, x, DEPTHS, same, oracle.keras_block)
    out = oracle.efficientnet(
        p, x / np.sqrt(deviation), DEPTHS, same, oracle.keras_block
    )
    return out | {"logits_when_loaded_by_path": wrong["logits"]}


def torchvision_resnet(arrays, images):
    """In training too."""
    training = oracle.Torch(arrays, training=True)
    trained = {"logits": oracle.torchvision_resnet(training, images)["logits"]}
    trained |= training.statistics
    out = oracle.torchvision_resnet(oracle.Torch(arrays), images)
    return out | {f"train.{name}": value for name, value in trained.items()}


def of_torch(function):
    return lambda arrays, images: function(oracle.Torch(arrays), images)


def of_keras(function, epsilon=None):
    return lambda arrays, images: function(oracle.Keras(arrays, epsilon), images)


# Case, its file, and a function of arrays and images to all values.
ROUNDED = {
    "alexnet/torchvision_127": ("model.safetensors", of_torch(oracle.alexnet)),
    "vgg/torchvision_vgg16": ("model.safetensors", of_torch(oracle.vgg)),
    "vgg/keras_vgg16": (VGG_H5, of_keras(oracle.vgg)),
    "resnet/torchvision_2111": ("model.safetensors", torchvision_resnet),
    "resnet/hf_v1": ("model.safetensors", of_torch(oracle.hugging_face_resnet)),
    "resnet/keras_v1": (RESNET_H5, of_keras(oracle.keras_resnet, 1.001e-5)),
    "efficientnet/timm_tf": (
        "model.safetensors",
        functools.partial(efficientnet, epsilon=1e-3, padding=same),
    ),
    "efficientnet/timm_native": (
        "model.safetensors",
        functools.partial(efficientnet, epsilon=1e-5, padding=symmetric),
    ),
    "efficientnet/keras_imagenet_notop": (EFFICIENTNET_H5, keras_efficientnet),
    "unet/milesial_same": ("model.safetensors", of_torch(oracle.milesial)),
}


def main():
    data = golden.packed(cases())
    target = Path(__file__).parent / golden.LINEAGE
    target.write_bytes(data)
    print(target, len(data), "bytes")


def cases():
    """All files that ship, by name: arrays by key, or the text of a JSON file."""
    files = {}
    for case in WHOLE:
        source = golden.path(f"{FOLDER}{case}/model.safetensors")
        files[f"{FOLDER}{case}/model.safetensors"] = golden.read_safetensors(source)
        values = golden.arrays(f"{FOLDER}{case}/io.npz")
        files[f"{FOLDER}{case}/io.npz"] = _first(values)
    for case in PAIRS:
        files[f"{FOLDER}{case}.npz"] = dict(golden.arrays(f"{FOLDER}{case}.npz"))
        files[f"{FOLDER}{case}.json"] = golden.config(f"{FOLDER}{case}.json")
    files["dense/unet_2015.npz"] = dict(golden.arrays("dense/unet_2015.npz"))
    for case, (name, function) in ROUNDED.items():
        files |= _rounded(f"{FOLDER}{case}", name, function)
    files |= _segmenters()
    for case in REFUSED:
        name = f"dense/{case}/model.safetensors"
        arrays = golden.read_safetensors(golden.path(name))
        files[name] = {key: np.zeros_like(array) for key, array in arrays.items()}
    for case in (*WHOLE, *ROUNDED):
        config = f"{FOLDER}{case}/config.json"
        if (golden.FOLDER / config).exists():
            files[config] = golden.config(config)
    return files


def _first(values):
    """The values of the first image, but for large maps; all of token sequences."""
    if "image" not in values:
        return dict(values)
    first = {name: array[:1] for name, array in values.items()}
    return {n: a for n, a in first.items() if n in LAST or a.size < 3 * LARGEST}


def _rounded(case, name, function):
    """A case with rounded weights and the values that they give."""
    if name.endswith(".h5"):
        arrays = golden.read_keras_h5(golden.path(f"{case}/{name}"))
        # As Keras 3 calls layer and variable.
        known = {key: f"{key.split('|')[0]}/{_variable(key)}" for key in arrays}
    else:
        arrays = golden.read_safetensors(golden.path(f"{case}/{name}"))
        known = {key: key for key in arrays}
    values = golden.arrays(f"{case}/io.npz")

    def compute(arrays, images):
        named = {known[key]: array for key, array in arrays.items()}
        found = function(named, images.astype("float64"))
        if name.endswith(".h5"):
            return found
        maps = {key for key, value in found.items() if value.ndim == 4}
        return found | {key: oracle.channels_first(found[key]) for key in maps}

    compare(case, compute(arrays, values["image"]), values)
    arrays = {key: rounded(array) for key, array in arrays.items()}
    image = rounded(values["image"][:1])
    found = compute(arrays, image)
    io = {"image": image}
    for key, theirs in values.items():
        if key in found and (theirs.size <= LARGEST or key in LAST):
            io[key] = found[key].astype("float32")
    files = {f"{case}/{name}": arrays, f"{case}/io.npz": io}
    if case.startswith(f"{FOLDER}efficientnet/timm"):
        keys = golden.config(f"{case}/meta.json")["file_keys"]
        files[f"{case}/meta.json"] = {"file_keys": keys}
    return files


def _segmenters():
    files, lent = {}, {}
    for case in SEGMENTERS:
        folder = f"dense/segmenter/{case}"
        arrays = golden.read_safetensors(golden.path(f"{folder}/model.safetensors"))
        values = golden.arrays(f"{folder}/io.npz")
        # The norm over three classes amplifies float32's rounding.
        compare(case, _segmenter(arrays, values), values, 2.5e-5)
        for key, array in arrays.items():
            short = rounded(array, bits=1)
            if key not in lent or lent[key].shape != array.shape:
                lent[key] = short
            arrays[key] = lent[key]
        inputs = {"image": rounded(values["image"][:1], bits=1)}
        inputs["labels"] = values["labels"][:1]
        found = _segmenter(arrays, inputs)
        # The rest is left to these: the loss is of all logits.
        keys = ("masks", "loss", "logits" if case == "mask_padded" else "norm")
        io = inputs | {key: found[key].astype("float32") for key in keys}
        files[f"{folder}/model.safetensors"] = arrays
        files[f"{folder}/io.npz"] = io
    return files


def _segmenter(arrays, values):
    found = segmenter(arrays, values["image"], values["labels"])
    maps = {key: np.moveaxis(found[key], -1, 1) for key in ("masks", "logits")}
    return found | maps


def _variable(key):
    """`kernel` of `block1_conv1|block1_conv1_W_1:0` and `conv1_conv|.../kernel:0`."""
    last = key.split("|")[1].rpartition("/")[2].removesuffix(":0").removesuffix("_1")
    last = {"W": "kernel", "b": "bias"}.get(last.rpartition("_")[2], last)
    return "kernel" if last == "depthwise_kernel" else last


def compare(case, found, values, bar=2e-5):
    """The oracle gives the original's values from the original's weights."""
    assert {"logits"} <= found.keys() & values.keys()
    for key in found.keys() & values.keys():
        theirs = values[key]
        mine = found[key][: len(theirs)] if theirs.ndim else found[key]
        scale = max(1.0, np.abs(theirs).max())
        np.testing.assert_allclose(
            mine, theirs, rtol=0, atol=bar * scale, err_msg=f"{case} {key}"
        )


def rounded(array, bits=5):
    """Few bits of mantissa; counts, and means of colours, as they are."""
    if array.dtype != np.float32 or array.size < 4:
        return array
    return (array.view("<u4") & (0xFFFFFFFF << 23 - bits & 0xFFFFFFFF)).view("<f4")


if __name__ == "__main__":
    main()
