"""Prints the advice that a run folder holds."""


def advice_of(run):
    """The `Advice` of a run folder, or `None` without any.

    Args:
        run: Path of the folder, a `RunFolder`, or `None`.
    """
    from keras_vit.advising.writing import read_advice

    return None if run is None else read_advice(run)


def print_advice(run):
    """Prints the lines of advice, if there are any."""
    advice = advice_of(run)
    if advice:
        print(f"advice:\n{advice}")
