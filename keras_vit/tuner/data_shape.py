"""What a search must know of its data before any trial."""

import dataclasses

from keras_vit.training.datasets import load_data


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """What decides the shape of a model."""

    # (height, width) where all images have one size, else `None`.
    image_size: tuple[int, int] | None
    # 1 if all images are grey, else 3.
    num_channels: int
    num_classes: int
    # Images that trials train on, and are compared by.
    num_training: int
    num_validation: int

    def __post_init__(self):
        if isinstance(self.image_size, list):  # from JSON
            object.__setattr__(self, "image_size", tuple(self.image_size))


def data_facts_of(recipe):
    """The `DataFacts` of a recipe's data, which is loaded for it.

    Raises:
        ValueError: if there is no such data set, or it cannot be read.
    """
    train, validation = load_data(recipe)
    return DataFacts(
        image_size=train.image_size,
        num_channels=train.num_channels,
        num_classes=train.num_classes,
        num_training=train.num_examples,
        num_validation=validation.num_examples,
    )
