"""The data sets that ship with the package. A table only."""

EMBEDDED = {
    "fashion_mnist_mini": "1.0.0",  # name -> version; see embedded/
}
DEFAULT_DATA_DIR = "~/tensorflow_datasets"  # TFDS's own default
