"""Write CIFAR-10 from arrays as the prepared TFDS directory that `cifar10` names.

    python benchmarks/make_cifar10.py cifar10.npz OUT_DIR [PER_CLASS]

`cifar10.npz` holds `x_train`, `y_train`, `x_test`, `y_test` (uint8, `(N, 32, 32, 3)`
and `(N,)` or `(N, 1)`), as `keras.datasets.cifar10.load_data` returns them. OUT_DIR
becomes a `data_dir`: OUT_DIR/cifar10/3.0.2 has the features of TFDS's own set, and
`keras_vit.data.load("cifar10", data_dir=OUT_DIR)` needs no network. With PER_CLASS,
only the first so many images of each class are written. The whole set takes ten seconds
and 140 MB.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

CLASS_NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()
CITATION = """\
@techreport{Krizhevsky09learningmultiple,
  author = {Alex Krizhevsky},
  title  = {Learning Multiple Layers of Features from Tiny Images},
  year   = {2009}
}
"""


class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Writes the arrays, which are handed over as an attribute."""

    name = "cifar10"
    VERSION = tfds.core.Version("3.0.2")
    arrays: dict = {}
    per_class: int | None = None

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=(32, 32, 3)),
            "label": tfds.features.ClassLabel(names=CLASS_NAMES),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description="CIFAR-10: 60,000 colour images, 32x32 pixels, ten classes.",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in ("train", "test")}

    def _generate_examples(self, split):
        images, labels = self.arrays[f"x_{split}"], self.arrays[f"y_{split}"].ravel()
        written = np.zeros(len(CLASS_NAMES), int)
        for number, (image, label) in enumerate(zip(images, labels)):
            written[label] += 1
            if self.per_class is None or written[label] <= self.per_class:
                name = f"{split}_{number:05d}"
                yield name, {"id": name, "image": image, "label": int(label)}


def main(source: str, out_dir: str, per_class: str | None = None) -> pathlib.Path:
    with np.load(source) as arrays:
        Builder.arrays = {name: arrays[name] for name in arrays.files}
    Builder.per_class = None if per_class is None else int(per_class)
    builder = Builder(data_dir=out_dir)
    builder.download_and_prepare()
    return pathlib.Path(builder.data_dir)


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")
    print(main(*sys.argv[1:]))
