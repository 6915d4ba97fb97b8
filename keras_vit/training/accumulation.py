"""Gradient accumulation: one update from a batch that is computed in equal parts.

Keras counts accumulation in batches: its schedules and averages then run on parts
(`iterations` apart), and under a `tf.distribute` strategy it fails (keras issue 20582).
Here the batch stays the global batch: the training step splits it, averages the
gradients of the parts and applies them once, before which they are clipped. Every
count is one of updates, and without dropout the update is that of the whole batch.
"""

import keras


def accumulating(model, parts):
    """A model to train in place of another, whose layers and variables it shares.

    Args:
        model: A functional model, not compiled.
        parts: Integer, the equal parts of a batch. Their number must divide it.

    Returns:
        `model` itself where there is one part only; else a model to be compiled and
        fitted, while `model` is the one to save. Its metrics must be built before
        `fit`, as `compile_model` does.

    Raises:
        ValueError: on a backend other than TensorFlow and JAX.

    Example:

    >>> trainer = accumulating(model, parts=8)
    >>> trainer.compile(optimizer, loss)
    >>> trainer.fit(batches)
    >>> model.save("model.keras")
    """
    if parts == 1:
        return model
    backend = keras.backend.backend()
    if backend not in _STEPS:
        raise ValueError(
            "`accumulation_steps` needs the TensorFlow or JAX backend. "
            f"Received: accumulation_steps={parts}, backend {backend!r}"
        )
    trainer = _STEPS[backend](model.input, model.output, name=model.name)
    trainer.parts = parts
    return trainer


class _TensorFlowSteps(keras.Model):
    # Keras treats a subclass as functional only if its signature is this one.
    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.parts = 1

    def train_step(self, data):
        import tensorflow as tf

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        split = keras.tree.map_structure(self._split, (x, y, sample_weight))
        variables = self.trainable_weights
        wide = any(v.dtype == "float64" for v in variables)
        dtype = "float64" if wide else "float32"

        def part(index, loss_sum, sums):
            x, y, sample_weight = keras.tree.map_structure(
                lambda v: None if v is None else v[index], split
            )
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
                scaled = self.optimizer.scale_loss(loss)
            gradients = tape.gradient(scaled, variables)
            sums = [total + gradient for total, gradient in zip(sums, gradients)]
            self.compute_metrics(x, y, y_pred, sample_weight)
            return index + 1, loss_sum + tf.cast(loss, dtype), sums

        zeros = [tf.zeros(v.shape, v.dtype) for v in variables]
        _, loss, sums = tf.while_loop(
            lambda index, *_: index < self.parts,
            part,
            (tf.constant(0), tf.zeros((), dtype), zeros),
            parallel_iterations=1,  # or the parts would lie in memory together
        )
        # A strategy divides the loss by the replicas, whose gradients it adds up.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self._loss_tracker.update_state(
            loss / self.parts * replicas,
            sample_weight=tf.shape(keras.tree.flatten(x)[0])[0],
        )
        gradients = [total / self.parts for total in sums]
        self.optimizer.apply_gradients(zip(gradients, variables))
        return self.get_metrics_result()

    def _split(self, value):
        if value is None:
            return None
        shape = keras.ops.shape(value)
        return keras.ops.reshape(value, (self.parts, -1, *shape[1:]))


class _JaxSteps(keras.Model):
    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.parts = 1

    def train_step(self, state, data):
        import jax

        trainable, non_trainable, optimizer_state, metrics_state = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        split = jax.tree.map(
            lambda v: v.reshape(self.parts, -1, *v.shape[1:]), (x, y, sample_weight)
        )
        gradient_of = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)

        def part(carry, now):
            sums, non_trainable, metrics_state = carry
            (_, aux), gradients = gradient_of(
                trainable,
                non_trainable,
                metrics_state,
                *now,
                training=True,
                optimizer_variables=optimizer_state,
            )
            loss, y_pred, non_trainable, metrics_state = aux
            sums = [total + gradient for total, gradient in zip(sums, gradients)]
            return (sums, non_trainable, metrics_state), (loss, y_pred)

        zeros = [jax.numpy.zeros_like(value) for value in trainable]
        (sums, non_trainable, metrics_state), (losses, outputs) = jax.lax.scan(
            part, (zeros, non_trainable, metrics_state), split
        )
        gradients = [total / self.parts for total in sums]
        trainable, optimizer_state = self.optimizer.stateless_apply(
            optimizer_state, gradients, trainable
        )
        y_pred = outputs.reshape(-1, *outputs.shape[2:])
        logs, metrics_state = self._update_metrics_variables(
            metrics_state, losses.mean(), x, y, y_pred, sample_weight
        )
        return logs, (trainable, non_trainable, optimizer_state, metrics_state)


_STEPS = {"tensorflow": _TensorFlowSteps, "jax": _JaxSteps}
