"""Writes small prepared TFDS directories for the tests."""

import numpy as np
import tensorflow_datasets as tfds

from keras_vit.data.sets.prepared import without_bucket


def write(data_dir, set_name, features, examples, splits=("train",)):
    """A prepared set `set_name`, version 3.0.0.

    The same examples are in each split, or those of a dictionary, split to examples.
    """
    if not isinstance(examples, dict):
        examples = dict.fromkeys(splits, examples)

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = set_name
        VERSION = tfds.core.Version("3.0.0")

        def _info(self):
            kinds = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=kinds)

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in examples}

        def _generate_examples(self, split):
            yield from enumerate(examples[split])

    with without_bucket():
        Builder(data_dir=data_dir).download_and_prepare()


def write_numbered(folder, count=30, images=None, shards=4, **features):
    """A prepared set of numbered images, in several files; returns its directory."""
    features = features or {
        "image": tfds.features.Image(shape=(4, 4, 1)),
        "label": tfds.features.ClassLabel(names=["even", "odd"]),
    }

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = "numbered"
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            kinds = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=kinds)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for i in range(count):
                image = np.full((4, 4, 1), i, np.uint8) if images is None else images[i]
                yield i, {"image": image, "label": i % 2}

    config = tfds.download.DownloadConfig(num_shards=shards)
    with without_bucket():
        Builder(data_dir=folder).download_and_prepare(download_config=config)
    return folder / "numbered" / "1.0.0"
