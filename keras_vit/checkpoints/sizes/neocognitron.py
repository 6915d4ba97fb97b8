"""Reads the sizes of a Neocognitron from the shapes of its arrays."""


def arguments(checkpoint):
    """The arguments of `keras_vit.Neocognitron` that the arrays of a file show.

    Its planes learn at one image size and take every other.
    """
    return {
        "planes": checkpoint.length("s1/excitation", 3),
        "num_channels": checkpoint.length("s1/excitation", 2),
    }
