"""Several training steps in one call of a compiled function."""

import keras
import tensorflow as tf


class StepCount:
    """How many of the next steps belong to the epoch.

    Args:
        per_epoch: Integer, or `None` where the end of the data ends the epoch.
    """

    def __init__(self, per_epoch=None):
        self.per_epoch = per_epoch
        self.done = 0

    def next(self, most):
        """At most `most` steps, and none of the next epoch. Keras goes beyond."""
        if self.per_epoch is not None:
            most = min(most, self.per_epoch - self.done % self.per_epoch)
        self.done += most
        return most


def compiled_steps(model, step):
    """What `fit` and `evaluate` call for each execution: steps, then the metrics.

    Keras carries the results of a step through its loop, which fails on several
    replicas (keras issue 19246). Here a step leaves nothing behind but the variables
    that it changes, metrics among them; those are read after the last one. A step is
    not begun unless there is data for it: where the end of the data comes as a
    surprise, Keras runs the parts of a step that need none.

    Args:
        model: A compiled model.
        step: Its `train_step` or `test_step`.

    Returns:
        Function of an iterator and a number of steps; it returns the steps done and
        the metrics.
    """
    strategy = model.distribute_strategy
    if model.jit_compile and not model.run_eagerly:
        step = tf.function(step, jit_compile=True, reduce_retracing=True)

    def one(iterator):
        batch = iterator.get_next_as_optional()

        def run():
            strategy.run(step, args=(batch.get_value(),))
            return 1

        return tf.cond(batch.has_value(), run, lambda: 0)

    @tf.autograph.experimental.do_not_convert
    def steps(iterator, most):
        if model.steps_per_execution == 1:
            done = one(iterator)
        else:

            def body(done, _):
                more = one(iterator)
                return done + more, more > 0

            done, _ = tf.while_loop(
                lambda done, more: tf.logical_and(done < most, more),
                body,
                (tf.constant(0), tf.constant(True)),
                parallel_iterations=1,
            )
        return done, model.get_metrics_result()

    if not model.run_eagerly:
        steps = tf.function(steps, autograph=False, reduce_retracing=True)
    return steps


def host_function(model, step, count):
    """What Keras calls with an iterator, for the logs of an execution.

    Args:
        model: A compiled model.
        step: Its `train_step` or `test_step`.
        count: Name of the model's attribute that holds its `StepCount`.
    """
    steps = compiled_steps(model, step)
    strategy = model.distribute_strategy

    def function(iterator):
        if not isinstance(
            iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)
        ):  # of `train_on_batch`: one batch, to be split like any other
            batch = keras.utils.pack_x_y_sample_weight(*next(iterator))
            data = tf.data.Dataset.from_tensors(batch)
            iterator = iter(strategy.experimental_distribute_dataset(data))
            return steps(iterator, tf.constant(1))[1]
        counter = getattr(model, count)
        most = counter.next(model.steps_per_execution)
        done, logs = steps(iterator, tf.constant(most))
        # Asking how many were done waits for the device.
        if counter.per_epoch is None and not int(done):
            raise StopIteration
        return logs

    return function
