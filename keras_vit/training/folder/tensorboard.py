"""Logs the numbers of a run for TensorBoard."""

import time

import keras
import tensorflow as tf

v1 = tf.compat.v1


def new_writer(folder, step):
    """A writer of events; TensorBoard then forgets earlier ones from a step on.

    Those are of a session that was killed before it could save them.
    """
    # The writer of TensorFlow 1: that of `tf.summary` cannot say that a session starts,
    # so that a resumed run would have steps twice. Two files of the same second
    # need different names.
    with tf.Graph().as_default():
        writer = v1.summary.FileWriter(
            str(folder), filename_suffix=f".{time.monotonic_ns()}"
        )
    writer.add_session_log(v1.SessionLog(status=v1.SessionLog.START), step)
    return writer


class TensorBoardLog(keras.callbacks.Callback):
    """Writes the numbers of every epoch for TensorBoard.

    Args:
        folder: `pathlib.Path`.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.writers = {}

    def on_epoch_end(self, epoch, logs=None):
        for name in ("train", "test"):
            if name not in self.writers:
                self.writers[name] = new_writer(self.folder / name, epoch + 1)
            values = [
                v1.Summary.Value(tag=key.removeprefix("val_"), simple_value=value)
                for key, value in (logs or {}).items()
                if key.startswith("val_") == (name == "test")
            ]
            self.writers[name].add_summary(v1.Summary(value=values), epoch + 1)
            self.writers[name].flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()
        self.writers = {}
