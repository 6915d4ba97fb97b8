"""Damaged files of the networks before the ViT: errors that teach, and no change."""

import re

import golden
import numpy as np
import pytest
from cases import MODELS, array, randomize, rest_slow
from test_weights_of_classics import KNOWN

import keras_vit

VGG_H5 = "vgg/keras_vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5"
RESNET_H5 = "resnet/keras_v1/resnet50_weights_tf_dim_ordering_tf_kernels.h5"
EFFICIENTNET_H5 = "efficientnet/keras_imagenet_notop/efficientnetb0_notop.h5"
ADVICE = "[Ff]etch|[Ss]ave|[Bb]uild|[Pp]ass|incomplete"
TANH = {"activation": "tanh", "subsampling": "average"}
# Files of the golden data, or models of this package, and what the files do not tell.
FILES = (
    ("alexnet/torchvision_127/model.safetensors", {}),
    ("lenet/modern_tanh_average/model.safetensors", TANH),
    ("resnet/hf_v1/model.safetensors", {"stride_in": "1x1"}),
    (VGG_H5, {"grid_size": (2, 3)}),
    ("unet/phseg_v5/model.safetensors", {"image_size": (188, 204)}),
    ("neocognitron", {"form": "1980", "image_size": (16, 18)}),
    (EFFICIENTNET_H5, {}),
    ("efficientnet/timm_tf/model.safetensors", {"padding": "same"}),
    ("vgg/torchvision_vgg16/model.safetensors", {}),
    ("resnet/torchvision_2111/model.safetensors", {}),
    (RESNET_H5, {}),
    ("unet/milesial_same/model.safetensors", {"image_size": (48, 64)}),
    (
        "unet/valid_depth3/model.safetensors",
        {"padding": "valid", "image_size": (92, 76)},
    ),
    *((name, KNOWN[name]) for name in ("lenet", "lenet_modern", "alexnet", "vgg")),
)


def arrays_of(name):
    """The arrays of a file, and a function that writes such a file."""
    if name in MODELS:
        arrays = {w.path: array(w) for w in randomize(MODELS[name].make()).weights}
        return arrays, golden.write_safetensors, "model.safetensors"
    path = golden.path(f"lineage/{name}")
    if path.suffix == ".h5":
        return golden.read_keras_h5(path), golden.write_keras_h5, "model.h5"
    return golden.read_safetensors(path), golden.write_safetensors, "model.safetensors"


def damaged(arrays):
    """Each kind of damage: what it is, and the arrays."""
    # Without codes it is the file of a body alone.
    kernels = [n for n, a in arrays.items() if a.ndim > 1 and n != "head/codes"]
    for name in (kernels[0], kernels[len(kernels) // 2], kernels[-1]):
        yield f"without {name}", {k: a for k, a in arrays.items() if k != name}
        for shape in ((-1,), (*arrays[name].shape, 1)):
            other = arrays[name].reshape(shape)
            yield f"{name} of shape {other.shape}", {**arrays, name: other}
    statistics = [n for n in arrays if re.search(r"(running|moving)_\w", n)]
    last = (statistics or list(arrays))[-1]
    yield f"NaN in {last}", {**arrays, last: np.full_like(arrays[last], np.nan)}
    for name in [n for n in statistics if re.search("var", n)][-1:]:
        yield f"{name} below zero", {**arrays, name: -arrays[name] - 1}


@pytest.mark.parametrize("name, known", rest_slow(FILES, 6))
def test_a_damaged_file_is_refused_and_changes_nothing(name, known, tmp_path):
    arrays, write, file = arrays_of(name)
    write(tmp_path / file, arrays)
    model = keras_vit.from_checkpoint(tmp_path / file, **known)
    before = [array(weight).copy() for weight in model.weights]
    whole = (tmp_path / file).read_bytes()
    for share in (0.001, 0.5, 0.99):
        (tmp_path / file).unlink()  # HDF5 would find the file that it has open
        (tmp_path / file).write_bytes(whole[: int(share * len(whole))])
        refused(tmp_path / file, model, known, f"{share} of the file")
    for what, content in damaged(arrays):
        (tmp_path / file).unlink()
        write(tmp_path / file, content)
        refused(tmp_path / file, model, known, what)
    for weight, value in zip(model.weights, before):
        np.testing.assert_array_equal(array(weight), value)


def refused(path, model, known, what):
    doors = (
        lambda: keras_vit.load_weights(model, path),
        lambda: keras_vit.from_checkpoint(path, **known),
    )
    for door in doors:
        try:
            door()
        except ValueError as error:
            teaches = re.search(
                "[Ff]etch|[Ss]ave|[Bb]uild|[Pp]ass|incomplete", str(error)
            )
            assert teaches, f"{what}: {error}"
        else:
            pytest.fail(f"{what}: was loaded")
