"""Batches that are whole, or an error with the name of what is missing."""

import tensorflow as tf

from keras_vit.data.readers.stores import as_written

MARKED = 16  # batches, of which the stream says whether all of them have come


def whole_batches(store, order, read, explain, batch_size, labelled=True):
    """Reads and batches; a batch that can't be read ends in an error with a name.

    A broken image fails inside the graph, where nobody knows its name. So the batches
    that fail are dropped, and each one that comes is compared with the numbers of the
    examples that belong in it.

    Args:
        store: As for `pipeline.batches`.
        order: An `Order`.
        read: Function of position and item that returns a dictionary of tensors with
            the keys `"position"` and `"label"`.
        explain: Function of the number of a batch's first example, which raises the
            reason why that batch is not whole.
        batch_size: Integer.
        labelled: Whether negative labels are an error, too.

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

    @as_written
    def check(turn, batch):
        begin = (turn - turn // (MARKED + 1)) * batch_size
        end = begin + batch_size
        expected = tf.range(begin, end if total is None else tf.minimum(end, total))
        found = batch["position"]
        no_label = tf.reduce_any(batch["label"] < 0) if labelled else False
        complete = tf.case(
            [
                (is_mark(turn), lambda: found[0] < 0),
                (tf.size(found) != tf.size(expected), lambda: tf.constant(False)),
            ],
            lambda: tf.reduce_all(found == expected) & tf.logical_not(no_label),
        )
        passed = tf.cond(
            complete,
            lambda: tf.constant(True),
            lambda: tf.numpy_function(explain, [begin], tf.bool),
        )
        with tf.control_dependencies([passed]):
            return {key: tf.identity(value) for key, value in batch.items()}

    checked = both.ignore_errors().enumerate().map(check)
    return checked.filter(as_written(lambda batch: batch["position"][0] >= 0))
