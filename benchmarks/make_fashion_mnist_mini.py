"""Make the data set that ships inside the package, from Fashion-MNIST.

    python benchmarks/make_fashion_mnist_mini.py fashion_mnist.npz OUT_DIR

`fashion_mnist.npz` holds `x_train`, `y_train`, `x_test`, `y_test` (uint8, the original
60,000 and 10,000 images in their original order). OUT_DIR/fashion_mnist_mini/1.0.0
becomes a prepared TFDS directory, written by TFDS itself: 600 training images and 100
test images of every class, chosen by a seed, beside the licence notice. The package's
copy is `keras_vit/data/embedded/fashion_mnist_mini/1.0.0`. Takes about ten seconds.
"""

import io
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

NAME = "fashion_mnist_mini"
VERSION = "1.0.0"
SEED = 2017
PER_CLASS = {"train": 600, "test": 100}
CLASS_NAMES = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag".split()
CLASS_NAMES += ["Ankle boot"]
DESCRIPTION = """\
A class-balanced choice from Fashion-MNIST: 6,000 training and 1,000 test images, grey,
28x28 pixels, ten kinds of clothing.
"""
CITATION = """\
@article{xiao2017fashion,
  author  = {Han Xiao and Kashif Rasul and Roland Vollgraf},
  title   = {Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
             Algorithms},
  journal = {arXiv preprint arXiv:1708.07747},
  year    = {2017}
}
"""
LICENSE = """\
The images and labels in this directory were chosen from Fashion-MNIST
(https://github.com/zalandoresearch/fashion-mnist), which is distributed under the
following licence.

The MIT License (MIT)

Copyright (c) 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def choose(labels: np.ndarray, per_class: int, rng: np.random.RandomState):
    """Indices of `per_class` examples of every class, in the original order."""
    chosen = [
        rng.permutation(np.flatnonzero(labels == label))[:per_class]
        for label in range(len(CLASS_NAMES))
    ]
    return np.sort(np.concatenate(chosen))


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


class Builder(tfds.core.GeneratorBasedBuilder):
    """Writes the chosen examples; the arrays are handed over as an attribute."""

    name = NAME
    VERSION = tfds.core.Version(VERSION)
    RELEASE_NOTES = {"1.0.0": "First version."}
    arrays: dict = {}

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.ClassLabel(names=CLASS_NAMES),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            citation=CITATION,
            license="MIT, Copyright (c) 2017 Zalando SE",
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in PER_CLASS}

    def _generate_examples(self, split):
        rng = np.random.RandomState(SEED)  # a stream that no NumPy version changes
        images, labels = self.arrays[f"x_{split}"], self.arrays[f"y_{split}"]
        for index in choose(labels, PER_CLASS[split], rng):
            image = png(images[index].reshape(28, 28))
            yield int(index), {"image": image, "label": int(labels[index])}


def main(source: str, out_dir: str) -> None:
    with np.load(source) as arrays:
        Builder.arrays = {name: arrays[name] for name in arrays.files}
    target = pathlib.Path(out_dir) / NAME / VERSION
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(data_dir=work)
        builder.download_and_prepare()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(builder.data_dir, target)
    (target / "LICENSE").write_text(LICENSE, encoding="utf-8")
    files = sorted(file for file in target.iterdir())
    for file in files:
        print(f"{file.stat().st_size:>9,}  {file.name}")
    print(f"{sum(file.stat().st_size for file in files):>9,}  in all")
    restored = tfds.builder_from_directory(str(target))
    print({name: split.num_examples for name, split in restored.info.splits.items()})


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")
    main(*sys.argv[1:])
