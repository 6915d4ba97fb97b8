"""Writes small prepared TFDS directories for the tests."""

import tensorflow_datasets as tfds


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

    Builder(data_dir=data_dir).download_and_prepare()
