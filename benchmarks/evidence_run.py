"""One run of `evidence_cifar10.py`: training until a budget of CPU time is used up."""

import time

import keras
import numpy as np
import tensorflow as tf

HELD_OUT = 1000
POINTS = 20  # of the learning curve


class Budget(keras.callbacks.Callback):
    """Sets the learning rate, draws the learning curve, and stops the training.

    The clock is the CPU time of this process, all threads together. It stands still
    while the held-out images are classified.

    Args:
        contender: A `Contender`.
        seconds: Float, the budget in CPU-seconds.
        start: Float, `time.process_time()` at the beginning.
        held_out: `(images, labels)` for the learning curve.
        say: Function that is called with a line of text now and then.
    """

    def __init__(self, contender, seconds, start, held_out, say=print):
        super().__init__()
        self.contender, self.seconds, self.start = contender, seconds, start
        self.held_out, self.say = held_out, say
        self.predict = _predictor(contender)
        self.updates = 0
        self.next_point = seconds / POINTS
        self.curve = []

    @property
    def used(self):
        return time.process_time() - self.start

    def on_train_batch_begin(self, batch, logs=None):
        if self.contender.learning_rate is not None:
            rate = self.contender.learning_rate(self.used / self.seconds)
            self.model.optimizer.learning_rate.assign(rate)

    def on_train_batch_end(self, batch, logs=None):
        self.updates += 1
        used = self.used
        self.model.stop_training = used >= self.seconds
        if used >= self.next_point or self.model.stop_training:
            self.next_point = used + self.seconds / POINTS
            before = time.process_time()
            right = accuracy(self.predict, *self.held_out)
            self.start += time.process_time() - before
            self.curve.append([round(used, 1), round(right, 4)])
            images = self.updates * self.contender.batch_size
            loss = float(logs["loss"])
            self.say(f"{used:7.1f} s {images:8d} images loss {loss:.3f} {right:.1%}")


def run(make_contender, arrays, seed, seconds, start, say=print):
    """Trains within the budget; then classifies the test images, once.

    Args:
        make_contender: One of `evidence_contenders.CONTENDERS`.
        arrays: Dictionary with `x_train`, `y_train`, `x_test`, `y_test`.
        seed: Integer.
        seconds: Float, CPU-seconds.
        start: Float, `time.process_time()` when the budget began to run.
        say: Function that is called with a line of text now and then.

    Returns:
        Dictionary of plain numbers.
    """
    keras.utils.set_random_seed(seed)
    images, labels = arrays["x_train"], arrays["y_train"].astype("int32")
    # The same images for every seed; the file is in random order.
    held_out = images[-HELD_OUT:], labels[-HELD_OUT:]
    contender = make_contender(images[:-HELD_OUT], labels[:-HELD_OUT], seed)
    budget = Budget(contender, seconds, start, held_out, say)
    contender.model.fit(
        contender.batches,
        steps_per_epoch=(len(images) - HELD_OUT) // contender.batch_size,
        epochs=10**6,
        callbacks=[budget],
        shuffle=False,
        verbose=0,
    )
    used = budget.used
    return {
        "test_accuracy": accuracy(budget.predict, arrays["x_test"], arrays["y_test"]),
        "held_out_accuracy": budget.curve[-1][1],
        "cpu_seconds": round(used, 1),
        "updates": budget.updates,
        "images": budget.updates * contender.batch_size,
        "parameters": contender.model.count_params(),
        "curve": budget.curve,
    }


def accuracy(predict, images, labels, batch_size=500):
    """The share of images whose label is the predicted class."""
    batches = range(0, len(images), batch_size)
    found = [predict(images[at : at + batch_size]).numpy() for at in batches]
    return float(np.mean(np.concatenate(found) == labels))


def _predictor(contender):
    @tf.function
    def predict(images):
        logits = contender.model(contender.prepare(images), training=False)
        return tf.argmax(logits, axis=-1)

    return predict
