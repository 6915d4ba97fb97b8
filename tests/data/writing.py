"""Writes small prepared TFDS directories for the tests."""

import tensorflow_datasets as tfds


def write(data_dir, set_name, features, examples, splits=("train",)):
    """A prepared set `set_name`, version 3.0.0: the same examples in each split."""

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = set_name
        VERSION = tfds.core.Version("3.0.0")

        def _info(self):
            kinds = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=kinds)

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples() for split in splits}

        def _generate_examples(self):
            yield from enumerate(examples)

    Builder(data_dir=data_dir).download_and_prepare()
