"""The training and the test step of a batch that is split over replicas and parts.

Keras counts accumulation in batches: its schedules and averages then run on parts
(`iterations` apart). Here the batch stays the global batch. Each replica splits its
share, weighs every part by its images and adds up the gradients; they are applied once.
Every count is one of updates, and without dropout the update is that of the whole batch
on one device.
"""

import keras
import tensorflow as tf

from keras_vit.training.replicas.loops import StepCount, host_function
from keras_vit.training.replicas.optimizer import reduce_first
from keras_vit.training.replicas.strategy import num_replicas


class ReplicaModel(keras.Model):
    """A functional model whose `fit` and `evaluate` do not depend on the replicas.

    To be made by `prepare_model`. The loss must be an average over images, as it is by
    default, and `compute_loss` that of Keras.
    """

    # Keras treats a subclass as functional only if its signature is this one.
    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.parts = 1
        self._train_count = self._test_count = StepCount()

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        if num_replicas(self) == 1:
            return
        reduction = getattr(self.loss, "reduction", "sum_over_batch_size")
        if reduction != "sum_over_batch_size":
            raise ValueError(
                "The loss must be an average over the images of a batch. Received: "
                f"a loss with reduction={reduction!r}. Use 'sum_over_batch_size'."
            )
        if self.jit_compile:
            raise ValueError(
                "XLA cannot compile a step of several replicas, which wait for each "
                f"other inside. Received: jit_compile={self.jit_compile}, "
                f"{num_replicas(self)} replicas. Leave it to 'auto' or False."
            )
        if self.optimizer is not None:
            reduce_first(self.optimizer)

    # Steps ----------------------------------------------------------------------------

    def train_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        variables = self.trainable_weights
        rows = _rows(x)
        share = self._share(rows)
        part_of = _splitter((x, y, sample_weight), rows, self.parts)

        def gradients_of(index):
            (x, y, sample_weight), weight = part_of(index)
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self._measured(x, y, y_pred, sample_weight, training=True)
                scaled = self.optimizer.scale_loss(_times(_times(loss, share), weight))
            return tape.gradient(
                scaled,
                variables,
                unconnected_gradients="none" if self.parts == 1 else "zero",
            )

        if self.parts == 1:
            gradients = gradients_of(0)
        else:

            def add(index, sums):
                more = gradients_of(index)
                return index + 1, [total + one for total, one in zip(sums, more)]

            _, gradients = tf.while_loop(
                lambda index, _: index < self.parts,
                add,
                (tf.constant(0), [tf.zeros(v.shape, v.dtype) for v in variables]),
                parallel_iterations=1,  # or the parts would lie in memory together
            )
        self.optimizer.apply_gradients(zip(gradients, variables))

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        self._measured(x, y, y_pred, sample_weight, training=False)

    def _measured(self, x, y, y_pred, sample_weight, training):
        """The loss, of which each replica gets its share; into the metrics, too."""
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
        self._loss_tracker.update_state(
            loss * num_replicas(self), sample_weight=_rows(x)
        )
        self.compute_metrics(x, y, y_pred, sample_weight)
        return loss

    def _share(self, rows):
        """What the loss of this replica counts, 1 where all have as many images.

        Keras averages over the images of each replica, then over the replicas.
        """
        if num_replicas(self) == 1 or isinstance(rows, int):
            return 1
        wide = any(v.dtype == "float64" for v in self.trainable_weights)
        rows = tf.cast(rows, "float64" if wide else "float32")
        context = tf.distribute.get_replica_context()
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, rows)
        return rows * num_replicas(self) / total

    # What Keras calls -----------------------------------------------------------------

    def fit(self, *args, **kwargs):
        self._train_count = StepCount(kwargs.get("steps_per_epoch"))
        return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        self._test_count = StepCount(kwargs.get("steps"))
        return super().evaluate(*args, **kwargs)

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = host_function(
                self, self.train_step, lambda: self._train_count
            )

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = host_function(
                self, self.test_step, lambda: self._test_count
            )

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras averages the images of the replicas for their shape, which fails for
        # booleans, strings and several machines. The first ones will do.
        strategy = self._distribute_strategy
        if strategy is None:
            return
        if iterator is not None:
            _, _, batches = next(iter(iterator))
            data_batch = keras.tree.map_structure(
                lambda value: strategy.experimental_local_results(value)[0],
                next(batches),
            )
        with strategy.scope():
            self._symbolic_build(data_batch=data_batch)


def _rows(x):
    """The number of images, an integer where it is known."""
    first = next(value for value in keras.tree.flatten(x) if value is not None)
    return tf.shape(first)[0] if first.shape[0] is None else first.shape[0]


def _splitter(data, rows, parts):
    """Function from an index to a part of the batch, and its share of the images."""
    if parts == 1:
        return lambda index: (data, 1)
    if isinstance(rows, int) and rows % parts == 0:

        def split(value):
            return tf.reshape(value, (parts, rows // parts, *value.shape[1:]))

        whole = _each(split, data)
        return lambda index: (_each(lambda value: value[index], whole), 1 / parts)
    # The last parts of a short batch are short, or empty.
    size = -(-rows // parts)

    def part(index):
        now = _each(lambda value: value[index * size : (index + 1) * size], data)
        return now, tf.cast(_rows(now[0]), "float64") / tf.cast(rows, "float64")

    return part


def _each(function, data):
    return keras.tree.map_structure(
        lambda value: None if value is None else function(value), data
    )


def _times(loss, weight):
    return loss if isinstance(weight, int) else loss * tf.cast(weight, loss.dtype)
