import logging
import signal
import threading

import pytest

from keras_vit.training.folder.tensorboard import TensorBoardLog
from keras_vit.training.run.callbacks import Progress, StopRequest


def test_the_first_signal_asks_and_the_second_stops_at_once(caplog):
    before = signal.getsignal(signal.SIGTERM)
    request = StopRequest()
    with request.listening():
        assert request.signal_number is None
        signal.raise_signal(signal.SIGTERM)
        assert request.signal_number == signal.SIGTERM
        assert "Saving after this update" in caplog.text
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_training_works_outside_the_main_thread_where_signals_do_not():
    entered = []

    def listen():
        with StopRequest().listening():
            entered.append(True)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert entered == [True]


def test_without_a_terminal_there_is_one_line_per_epoch(caplog, capsys):
    progress = Progress(epochs=10)
    progress.set_params({"steps": 3})
    with caplog.at_level(logging.INFO):
        progress.on_epoch_begin(0)
        progress.on_train_batch_end(0, {"loss": 1.0})
        progress.on_epoch_end(0, {"accuracy": 0.5, "loss": 1.25})
    assert caplog.messages == ["epoch  1/10  loss 1.25  accuracy 0.5"]
    assert capsys.readouterr() == ("", "")


def test_the_bar_goes_to_stderr_and_goes_away(capsys):
    with Progress(epochs=2, bar=True) as progress:
        progress.set_params({"steps": 3})
        progress.on_epoch_begin(1)
        progress.on_train_batch_end(1, {"loss": 1.0})
        progress.on_test_begin()
        assert progress.bar is not None
    captured = capsys.readouterr()
    assert captured.out == "" and progress.bar is None


def test_tensorboard_reads_the_numbers_and_a_killed_session_is_overwritten(tmp_path):
    tensorboard = pytest.importorskip("tensorboard")
    assert tensorboard
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = TensorBoardLog(tmp_path)
    for epoch in range(3):
        first.on_epoch_end(epoch, {"loss": float(epoch), "val_loss": 10.0 + epoch})
    first.on_train_end()
    second = TensorBoardLog(tmp_path)  # resumed after the second epoch
    second.on_epoch_end(2, {"loss": 7.0, "val_loss": 17.0})
    second.on_train_end()
    for part, expected in (("train", [0.0, 1.0, 7.0]), ("test", [10.0, 11.0, 17.0])):
        events = EventAccumulator(str(tmp_path / part))
        events.Reload()
        scalars = events.Scalars("loss")
        assert [event.step for event in scalars] == [1, 2, 3]
        assert [event.value for event in scalars] == expected
