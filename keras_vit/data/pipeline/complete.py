"""Complete batches, or an error that names the image that is missing."""

import re

import tensorflow as tf

from keras_vit.common.regular import NotRegular
from keras_vit.common.wording import display
from keras_vit.data.decoding.headers import read_header
from keras_vit.data.decoding.jpeg_png import pixels_of
from keras_vit.data.decoding.pillow import check_image_file
from keras_vit.data.graphs import as_written
from keras_vit.data.steps.spelling import steps_to_text

MARKED = 16  # batches, of which the stream says whether all of them have come
CORRUPT = "Corrupt image: "
READABLE = "it could not be read the first time, but could be the second time"
HINT = " Remove or repair it, or leave such images out with corrupt='skip'."
UNFIT = "Image that does not suit the steps: "
ANNOTATION = "Image with a wrong annotation: "
UNLABELLED = "Example without a label: "
HINTS = {
    CORRUPT: HINT,
    UNFIT: " Resize images before a crop, as in 'resize_small(256)|random_crop'.",
    ANNOTATION: " Repair the annotation, or remove both.",
    UNLABELLED: " Its label is negative, as in a test set whose labels are secret: "
    "choose another split.",
}
_FRAMES = ("Graph execution", "Detected at", "<stack", "Traceback", "name:")


def complete_batches(store, order, preprocessing, read, batch_size):
    """Reads and batches; an unreadable image ends in an error with its name.

    A broken image fails inside the graph, where nobody knows its name. So what fails is
    dropped, and the first example of each batch that comes is compared with the one
    that belongs there. Only then are the examples that should have come read once more,
    one by one, to find the name.

    Args:
        store: As for `pipeline.batches`.
        order: An `Order`.
        preprocessing: A `Preprocessing`.
        read: Function of position and item that returns a dictionary of tensors with
            the keys `"position"` and `"label"`.
        batch_size: Integer.

    Returns:
        Dataset of dictionaries.
    """
    total = order.remaining
    static = total is None or total % batch_size == 0
    # Nothing between the two, so that each image is written into its batch at once.
    batched = store.mapped(order, read).batch(batch_size, drop_remainder=static)
    mark = {
        key: tf.fill([batch_size, *spec.shape[1:]], tf.cast(0, spec.dtype))
        for key, spec in batched.element_spec.items()
    }
    mark["position"] -= 1
    marks = tf.data.Dataset.from_tensors(mark).repeat()
    # Marks come in their turn even where all batches fail.
    count = 2**62 if total is None else -(-total // batch_size)
    turns = count + -(-count // MARKED)

    def is_mark(turn):
        return (turn % (MARKED + 1) == MARKED) | (turn == turns - 1)

    choice = tf.data.Dataset.range(turns).map(
        as_written(lambda turn: tf.cast(is_mark(turn), tf.int64))
    )
    both = tf.data.Dataset.choose_from_datasets(
        [batched, marks], choice, stop_on_empty_dataset=False
    )
    labelled = not any(step.last for step in preprocessing.batch_steps)

    def explain(begin):
        items = store.items(order).enumerate().skip(int(begin)).take(batch_size)
        _raise_reason(items, preprocessing, read)
        raise ValueError(f"{CORRUPT}one of numbers {begin} on: {READABLE}.{HINT}")

    @as_written
    def check(turn, batch):
        begin = (turn - turn // (MARKED + 1)) * batch_size
        first = tf.where(is_mark(turn), tf.constant(-1, tf.int64), begin)
        complete = batch["position"][0] == first
        if labelled:
            complete &= tf.reduce_all(batch["label"] >= 0)
        passed = tf.cond(
            complete,
            lambda: tf.constant(True),
            lambda: tf.numpy_function(explain, [begin], tf.bool),
        )
        with tf.control_dependencies([passed]):
            return {key: tf.identity(value) for key, value in batch.items()}

    checked = both.ignore_errors().enumerate().map(check)
    return checked.filter(as_written(lambda batch: batch["position"][0] >= 0))


def _raise_reason(items, preprocessing, read):
    """Raises for the first item that can't be read or has no label."""
    for at, item in items:
        reason, name = why_unreadable(read, at, item), display(item["id"].numpy())
        if reason == READABLE:
            if tf.reduce_any(item["label"] < 0):
                raise ValueError(f"{UNLABELLED}{name}.{HINTS[UNLABELLED]}")
            continue
        if ANNOTATION in reason:
            reason = reason.partition(ANNOTATION)[2]
            raise ValueError(f"{ANNOTATION}{name}: {reason}.{HINTS[ANNOTATION]}")
        try:
            height, width, _ = pixels_of(item, preprocessing.num_channels).shape
        except Exception:
            raise ValueError(f"{CORRUPT}{name}: {reason}.{HINT}") from None
        raise ValueError(
            f"{UNFIT}{name}, {height}x{width} pixels, in "
            f"{steps_to_text(preprocessing.image_steps)}: {reason}.{HINTS[UNFIT]}"
        )


def why_unreadable(read, *arguments) -> str:
    """The reason for which `read` failed, in one line.

    Args:
        read: Function that failed.
        *arguments: Its arguments, the last one the item.
    """
    try:
        if "file" in arguments[-1]:
            path = arguments[-1]["id"].numpy()
            check_image_file(path)
            read_header(path)  # which tells the size of what is too large
        read(*arguments)
    except NotRegular as error:
        return error.reason
    except Exception as error:
        return reason_of(error)
    return READABLE


def reason_of(error: BaseException) -> str:
    """One line from an error that came out of a graph."""
    text = getattr(error, "message", None) or str(error)
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*?\]|\[\[.*?\]\]", "", text)
    lines = [line.strip() for line in text.splitlines() if not line.startswith("  ")]
    messages = [line for line in lines if line and not line.startswith(_FRAMES)]
    last = messages[-1] if messages else type(error).__name__
    return re.sub(r"^(\w+Error: )+", "", last).rstrip(". ")


def corrupt_message(error: BaseException) -> str | None:
    """The line about a broken image in an error that came out of `fit` or a batch."""
    text = str(error)
    for begin, hint in HINTS.items():
        if begin in text:
            return begin + text.split(begin, 1)[1].split(hint)[0] + hint
    return None
