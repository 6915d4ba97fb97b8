"""Reads the sizes of a Neocognitron from the shapes of its arrays."""


def arguments(checkpoint):
    """The arguments of `keras_vit.Neocognitron` that the arrays of a file show.

    Its planes learn at one image size and take every other.
    """
    *_, channels, planes = checkpoint.shape("s1/excitation")
    return {"planes": planes, "num_channels": channels}
