"""How many training images a named data set has, and of what shape they are."""

from keras_vit.data.sets.catalog import DATASETS

# Beside those of the catalog: training images, as the papers count them.
NUM_EXAMPLES = {
    "fashion_mnist_mini": 6_000,
    "imagenet21k": 14_000_000,
    "jft_300m": 303_000_000,
}


def num_training_examples(name):
    """The number of training images of a data set, or `None` where it is not known."""
    facts = DATASETS.get(name)
    return facts.splits.get("train") if facts else NUM_EXAMPLES.get(name)


def image_shape(name):
    """`(height, width, channels)` of all images; sizes are `None` if not known."""
    if name == "fashion_mnist_mini":
        return 28, 28, 1
    facts = DATASETS.get(name)
    size = (facts.image_size if facts else None) or (None, None)
    return (*size, facts.num_channels if facts else 3)
