"""What stands in the way of an image, in words with its name."""

import re

from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import pixels_of
from keras_vit.data.steps.spelling import steps_to_text

CORRUPT = "Corrupt image: "
READABLE = "it could not be read the first time, but could the second"
HINT = " Remove or repair it, or leave such images out with corrupt='skip'."
UNFIT = "Image that does not suit the steps: "
UNLABELLED = "Example without a label: "
HINTS = {
    CORRUPT: HINT,
    UNFIT: " Resize images before a crop, as in 'resize_small(256)|random_crop'.",
    UNLABELLED: " Its label is negative, as in a test set whose labels are secret: "
    "choose another split.",
}


def explainer(store, order, preprocessing, read, batch_size):
    """A function that raises the reason why a batch is not whole.

    Args:
        store: As for `pipeline.batches`.
        order: The `Order` of the batches.
        preprocessing: A `Preprocessing`.
        read: Function of position and item, which fails or doesn't.
        batch_size: Integer.

    Returns:
        A function of the number of the batch's first example.
    """

    def explain(begin):
        items = store.items(order).enumerate().skip(int(begin)).take(batch_size)
        for at, item in items:
            reason, name = why_unreadable(read, at, item), display(item["id"].numpy())
            if reason == READABLE:
                if item["label"] < 0:
                    raise ValueError(f"{UNLABELLED}{name}.{HINTS[UNLABELLED]}")
                continue
            try:
                height, width, _ = pixels_of(item, preprocessing.num_channels).shape
            except Exception:
                raise ValueError(f"{CORRUPT}{name}: {reason}.{HINT}") from None
            raise ValueError(
                f"{UNFIT}{name}, {height}x{width} pixels, in "
                f"{steps_to_text(preprocessing.image_steps)}: {reason}.{HINTS[UNFIT]}"
            )
        raise ValueError(f"{CORRUPT}one of numbers {begin} on: {READABLE}.{HINT}")

    return explain


def why_unreadable(read, *arguments) -> str:
    """The reason for which `read` failed, in one line."""
    try:
        read(*arguments)
    except Exception as error:
        return reason_of(error)
    return READABLE


def reason_of(error: BaseException) -> str:
    """One line from an error that came out of a graph."""
    text = getattr(error, "message", None) or str(error)
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*?\]|\[\[.*?\]\]", "", text)
    lines = [line.strip() for line in text.splitlines() if not line.startswith("  ")]
    told = [line for line in lines if line and not line.startswith(_FRAMES)]
    last = told[-1] if told else type(error).__name__
    return re.sub(r"^(\w+Error: )+", "", last).rstrip(". ")


_FRAMES = ("Graph execution", "Detected at", "<stack", "Traceback", "name:")


def corrupt_message(error: BaseException) -> str | None:
    """The line about a broken image in an error that came out of `fit` or a batch."""
    text = str(error)
    for begin, hint in HINTS.items():
        if begin in text:
            return begin + text.split(begin, 1)[1].split(hint)[0] + hint
    return None
