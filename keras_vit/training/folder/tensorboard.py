"""Numbers of a run for TensorBoard, written without TensorFlow."""

import importlib.util
import time

import keras


def tensorboard_installed():
    """Whether tensorboard can be imported."""
    return importlib.util.find_spec("tensorboard") is not None


class TensorBoardLog(keras.callbacks.Callback):
    """Writes the numbers of every epoch for TensorBoard, without TensorFlow.

    Args:
        folder: `pathlib.Path`.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.writers = {}

    def on_epoch_end(self, epoch, logs=None):
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        for part, prefix in (("train", ""), ("test", "val_")):
            if part not in self.writers:
                self.writers[part] = EventFileWriter(str(self.folder / part))
                # Tells TensorBoard to forget later points of a session that was
                # killed before it could save them.
                start = SessionLog(status=SessionLog.START)
                self._write(part, Event(step=epoch + 1, session_log=start))
            values = [
                Summary.Value(tag=name.removeprefix("val_"), simple_value=value)
                for name, value in (logs or {}).items()
                if name.startswith("val_") == bool(prefix)
            ]
            self._write(part, Event(step=epoch + 1, summary=Summary(value=values)))
            self.writers[part].flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()
        self.writers = {}

    def _write(self, part, event):
        event.wall_time = time.time()
        self.writers[part].add_event(event)


class PictureLog:
    """Writes PNG pictures for TensorBoard, without TensorFlow.

    Args:
        folder: `pathlib.Path`.
    """

    def __init__(self, folder):
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.writer = EventFileWriter(str(folder))

    def add(self, tag, step, png, size):
        """Adds a picture.

        Args:
            tag: String, the name of the picture.
            step: Integer.
            png: Bytes.
            size: `(height, width)`, pixels.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        image = Summary.Image(
            height=size[0], width=size[1], colorspace=3, encoded_image_string=png
        )
        summary = Summary(value=[Summary.Value(tag=tag, image=image)])
        event = Event(wall_time=time.time(), step=step, summary=summary)
        self.writer.add_event(event)
        self.writer.flush()

    def close(self):
        self.writer.close()
