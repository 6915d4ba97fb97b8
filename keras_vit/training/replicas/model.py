"""The training and test steps of a batch that is split over replicas and micro-batches.

Keras counts accumulation in batches: its schedules and averages then run on
micro-batches (`iterations` apart). Here the batch stays the global batch. Each replica
splits its share, weighs every micro-batch by its images and adds up the gradients; they
are applied once. Every count is one of updates, and without dropout the update is that
of the whole batch on one device.
"""

import keras
import tensorflow as tf

from keras_vit.models.vision_model import JointLossModel
from keras_vit.training.replicas.loops import StepCount, host_function
from keras_vit.training.replicas.optimizer import reduce_first
from keras_vit.training.replicas.strategy import num_replicas

# The reductions of Keras that are averages.
BY_IMAGES, BY_WEIGHTS = "sum_over_batch_size", "mean_with_sample_weight"


class ReplicaModel(JointLossModel):
    """A functional model whose `fit` and `evaluate` do not depend on the replicas.

    To be made by `prepare_model`. The loss must be an average over images, as it is by
    default, or over sample weights.
    """

    # Keras treats a subclass as functional only if its signature is this one.
    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.micro_batches = 1
        self._train_count = self._test_count = StepCount()

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        reduction = getattr(self.loss, "reduction", BY_IMAGES)
        self._by_weight = reduction == BY_WEIGHTS
        parts = self.micro_batches
        if not getattr(self.loss, "sums_over_replicas", False):
            parts *= num_replicas(self)
        if parts > 1 and getattr(self.loss, "of_whole_batch", False):
            raise ValueError(
                "The loss must be an average over images where a batch is split. "
                f"Received: {type(self.loss).__name__}, which divides by what a whole "
                f"batch holds, and {parts} parts. Where every pixel has a label, give "
                "`ignore_class=None`, no `class_weights`, `over_batch=False`; else "
                "train on one device, without accumulation."
            )
        if num_replicas(self) == 1:
            return
        if reduction not in (BY_IMAGES, BY_WEIGHTS):
            raise ValueError(
                "The loss must be an average over the images of a batch, or over their "
                f"weights. Received: a loss with reduction={reduction!r}. Use "
                f"{BY_IMAGES!r}."
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
        share, images = self._share(x, sample_weight)
        by_weight = self._by_weight and sample_weight is not None
        micro_batch_of = _splitter((x, y, sample_weight), self.micro_batches, by_weight)

        def gradients_of(index):
            (x, y, sample_weight), weight = micro_batch_of(index)
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                counted = _times(images, weight)
                loss = self._measured(x, y, y_pred, sample_weight, counted, True)
                scaled = self.optimizer.scale_loss(_times(_times(loss, share), weight))
            return tape.gradient(
                scaled,
                variables,
                unconnected_gradients="none" if self.micro_batches == 1 else "zero",
            )

        if self.micro_batches == 1:
            gradients = gradients_of(0)
        else:

            def add(index, sums):
                more = gradients_of(index)
                return index + 1, [total + one for total, one in zip(sums, more)]

            _, gradients = tf.while_loop(
                lambda index, _: index < self.micro_batches,
                add,
                (tf.constant(0), [tf.zeros(v.shape, v.dtype) for v in variables]),
                parallel_iterations=1,  # or they would all lie in memory together
            )
        self.optimizer.apply_gradients(zip(gradients, variables))

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        images = self._share(x, sample_weight)[1] if self._by_weight else _rows(x)
        self._measured(x, y, y_pred, sample_weight, images, training=False)

    def _measured(self, x, y, y_pred, sample_weight, images, training):
        """The loss, of which each replica gets its share; into the metrics, too."""
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
        self._loss_tracker.update_state(loss * num_replicas(self), sample_weight=images)
        self.compute_metrics(x, y, y_pred, sample_weight)
        return loss

    def _share(self, x, sample_weight):
        """What this replica counts, 1 where all count alike; and in images.

        Keras averages over the images of each replica, or over their weights, then over
        the replicas.
        """
        rows, by_weight = _rows(x), self._by_weight and sample_weight is not None
        if num_replicas(self) == 1 or (isinstance(rows, int) and not by_weight):
            return 1, rows
        wide = any(v.dtype == "float64" for v in self.trainable_weights)
        rows = tf.cast(rows, "float64" if wide else "float32")
        amount = rows
        if by_weight:
            amount = tf.cast(tf.reduce_sum(sample_weight), rows.dtype)
            inner = list(range(1, sample_weight.shape.rank))
            if inner:  # of patches or pixels: an image of none is filling
                weights = tf.reduce_sum(sample_weight, axis=inner)
                rows = tf.math.count_nonzero(weights, dtype=rows.dtype)
        context = tf.distribute.get_replica_context()
        amounts, images = context.all_reduce(tf.distribute.ReduceOp.SUM, [amount, rows])
        part = tf.math.divide_no_nan(amount, amounts)
        return part * num_replicas(self), part * images

    # What Keras calls -----------------------------------------------------------------

    def fit(self, *args, **kwargs):
        self._train_count = StepCount(kwargs.get("steps_per_epoch"))
        return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        self._test_count = StepCount(kwargs.get("steps"))
        return super().evaluate(*args, **kwargs)

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = host_function(self, self.train_step, "_train_count")

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = host_function(self, self.test_step, "_test_count")

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


def _splitter(data, count, by_weight):
    """Function from an index to a micro-batch, and what it counts."""
    if count == 1:
        return lambda index: (data, 1)
    rows = _rows(data[0])
    equal = isinstance(rows, int) and rows % count == 0
    size = -(-rows // count)
    # The last ones of a short batch are short, or empty.
    if equal:
        divided = _each(lambda v: tf.reshape(v, (count, -1, *v.shape[1:])), data)

    def amount(data):
        return tf.reduce_sum(data[2]) if by_weight else _rows(data[0])

    def micro_batch(index):
        if equal:
            now = _each(lambda value: value[index], divided)
        else:
            now = _each(lambda v: v[index * size : (index + 1) * size], data)
        if equal and not by_weight:
            return now, 1 / count
        shares = [tf.cast(amount(some), "float64") for some in (now, data)]
        return now, tf.math.divide_no_nan(*shares)

    return micro_batch


def _each(function, data):
    return keras.tree.map_structure(
        lambda value: None if value is None else function(value), data
    )


def _times(value, weight):
    if isinstance(weight, int):
        return value
    value = tf.convert_to_tensor(value)
    if not value.dtype.is_floating:
        value = tf.cast(value, "float32")
    return value * tf.cast(weight, value.dtype)
