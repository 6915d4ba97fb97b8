"""Gradient accumulation under JAX."""

import keras

from keras_vit.models.vision_model import JointLossModel


class JaxAccumulation(JointLossModel):
    """A functional model whose training step computes a batch in micro-batches.

    Keras counts accumulation in batches, of which each is then an update for schedules
    and averages. Here the batch is split, and its gradients are applied once. To be
    made by `prepare_model`.
    """

    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.micro_batches = 1

    def train_step(self, state, data):
        import jax

        trainable, non_trainable, optimizer_state, metrics_state = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        # Every device has its share of each micro-batch: micro-batches that follow each
        # other in the batch would lie on some of the devices, and be computed by all.
        split = jax.tree.map(
            lambda v: v.reshape(-1, self.micro_batches, *v.shape[1:]).swapaxes(0, 1),
            (x, y, sample_weight),
        )
        shares = jax.numpy.full(self.micro_batches, 1 / self.micro_batches)
        reduction = getattr(self.loss, "reduction", None)
        if reduction == "mean_with_sample_weight" and sample_weight is not None:
            amounts = split[2].reshape(self.micro_batches, -1).sum(axis=1)
            shares = amounts / jax.numpy.maximum(amounts.sum(), 1e-30)
        gradient_of = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)

        def micro_batch(carry, now):
            sums, non_trainable, metrics_state = carry
            share, now = now
            (_, aux), gradients = gradient_of(
                trainable,
                non_trainable,
                metrics_state,
                *now,
                training=True,
                optimizer_variables=optimizer_state,
            )
            loss, y_pred, non_trainable, metrics_state = aux
            # In the dtype of the sums, where JAX has 64 bits switched on, too.
            sums = [
                total + share.astype(total.dtype) * one
                for total, one in zip(sums, gradients)
            ]
            return (sums, non_trainable, metrics_state), (share * loss, y_pred)

        zeros = [jax.numpy.zeros_like(value) for value in trainable]
        (sums, non_trainable, metrics_state), (losses, outputs) = jax.lax.scan(
            micro_batch, (zeros, non_trainable, metrics_state), (shares, split)
        )
        trainable, optimizer_state = self.optimizer.stateless_apply(
            optimizer_state, sums, trainable
        )
        y_pred = jax.tree.map(
            lambda v: v.swapaxes(0, 1).reshape(-1, *v.shape[2:]), outputs
        )
        logs, metrics_state = self._update_metrics_variables(
            metrics_state, losses.sum(), x, y, y_pred, sample_weight
        )
        return logs, (trainable, non_trainable, optimizer_state, metrics_state)
