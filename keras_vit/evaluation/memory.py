"""What an evaluation takes in memory."""

# Probabilities of all classes are kept up to this many numbers: 256 MiB.
MAX_PROBABILITIES = 2**26
# Arrays of a batch that hold a score in float64 for each class at a time.
_COPIES = 6
# Bytes of an example, whose numbers are kept, and of a class: its rows in files.
_PER_EXAMPLE, _PER_CLASS = 8 * 10, 4096
# The pictures of an evaluation: matplotlib, and the largest of them.
_PICTURES = 150 * 2**20


def evaluation_memory(num_examples, num_classes, batch_size=64):
    """Bytes that an evaluation and its pictures take at most, beside the model.

    Args:
        num_examples: Integer.
        num_classes: Integer.
        batch_size: Integer, images at a time.
    """
    kept = num_examples * num_classes
    return (
        4 * kept * (kept <= MAX_PROBABILITIES)
        + 8 * _COPIES * batch_size * num_classes
        + _PER_EXAMPLE * num_examples
        + _PER_CLASS * num_classes
        + _PICTURES
    )
