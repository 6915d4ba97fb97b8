"""The training of a Neocognitron: one pattern after another, by its own rule.

Labels are read only for the head, which keeps each class's usual answer; the planes
learn without them. All the rest is that of every run: batches, tests, state, files.
"""

import keras
from keras import ops

from keras_vit.devices import current
from keras_vit.layers import SLayer
from keras_vit.training.replicas import num_replicas

# What is kept of a class's usual answer at each of its patterns. It must forget: an
# answer of planes that have learned since is no answer any more.
KEPT = 0.9


def organises_itself(model):
    """Whether a model learns by the rule of its S-layers."""
    return any(isinstance(layer, SLayer) for layer in model.layers)


def check_self_organisation(recipe):
    """Raises a `ValueError` where a recipe asks of the rule what it does not know."""
    for name in ("accumulation_steps", "steps_per_execution", "layer_decay"):
        value = getattr(recipe, name)
        if value not in (None, 1):
            _refuse(recipe, name)
    for name in ("ema_momentum", "freeze"):
        if getattr(recipe, name) not in (None, ()):
            _refuse(recipe, name)


def _refuse(recipe, name):
    raise ValueError(
        f"A {recipe.model} learns by its own rule, from one pattern after another, not "
        f"by gradients. Leave `{name}` out. Received: {name}={getattr(recipe, name)!r}"
    )


class SelfOrganisation(keras.Model):
    """A Neocognitron whose `fit` is the rule of its S-layers. Made by `organiser`.

    The S-layers learn in turn, the lowest first, each in an equal share of the run:
    what a layer learned of would otherwise change under it.
    """

    # Keras treats a subclass as functional only if its signature is this one.
    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.total_steps = 1
        self._modules = [
            (self.get_layer(f"s{n}"), self.get_layer(f"c{n}")) for n in (1, 2, 3)
        ]
        self._eye = keras.Model(inputs, self.get_layer("photoreceptors").output)

    def train_step(self, *arguments):
        if keras.backend.backend() == "jax":
            return self._jax_step(*arguments)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(arguments[0])
        step = self.optimizer.iterations
        variables = self._learning()
        values = self._learned(x, y, [v.value for v in variables], step)
        for variable, value in zip(variables, values):
            variable.assign(value)
        step.assign_add(1)
        y_pred = self(x, training=True)
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        self._loss_tracker.update_state(loss, sample_weight=ops.shape(x)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _jax_step(self, state, data):
        trainable, non_trainable, optimizer_state, metrics_state = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        known = {}
        for variables, values in (
            (self.trainable_variables, trainable),
            (self.non_trainable_variables, non_trainable),
            (self.optimizer.variables, optimizer_state),
        ):
            known |= {id(v): value for v, value in zip(variables, values)}
        step = self.optimizer.iterations
        changing = self._learning()
        with keras.StatelessScope():
            values = self._learned(
                x, y, [known[id(v)] for v in changing], known[id(step)]
            )
        known |= {id(v): value for v, value in zip(changing, values)}
        known[id(step)] = known[id(step)] + 1
        trainable = [known[id(v)] for v in self.trainable_variables]
        non_trainable = [known[id(v)] for v in self.non_trainable_variables]
        optimizer_state = [known[id(v)] for v in self.optimizer.variables]
        loss, (_, y_pred, non_trainable, metrics_state) = self.compute_loss_and_updates(
            trainable,
            non_trainable,
            metrics_state,
            x,
            y,
            sample_weight,
            training=True,
            optimizer_variables=optimizer_state,
        )
        logs, metrics_state = self._update_metrics_variables(
            metrics_state, loss, x, y, y_pred, sample_weight
        )
        return logs, (trainable, non_trainable, optimizer_state, metrics_state)

    def _learning(self):
        """The variables that the rule changes: of each S-layer two, and the head's."""
        of_modules = [(s.excitation, s.inhibition) for s, _ in self._modules]
        return [*sum(of_modules, ()), self.get_layer("head").kernel]

    def _learned(self, x, y, values, step):
        """New values of `_learning`, after all patterns of a batch in their order."""
        cells = self._eye(x)
        classes = self.output_shape[-1]
        shares = y if len(y.shape) == 2 else ops.one_hot(y, classes)
        shares = ops.cast(shares, cells.dtype)
        done = ops.cast(step, "float32") / self.total_steps
        module = ops.minimum(ops.floor(done * len(self._modules)), 2.0)

        def pattern(index, values):
            u = ops.take(cells, ops.reshape(index, (1,)), axis=0)
            share = ops.take(shares, ops.reshape(index, (1,)), axis=0)
            new = []
            for number, (s, c) in enumerate(self._modules):
                before = values[2 * number : 2 * number + 2]
                after = s.reinforced(u, *before)
                learns = ops.equal(module, number)
                new += [ops.where(learns, a, b) for a, b in zip(after, before)]
                u = c(s.respond(u, *before)[0])
            answer = self.get_layer("answer")(self.get_layer("pooling")(u))  # (1, P)
            # Columns of unit length, or zero: their products with answers are cosines.
            kernel = values[-1] + (1 - KEPT) * share * (
                ops.transpose(answer) - values[-1]
            )
            length = ops.sqrt(ops.sum(ops.square(kernel), axis=0, keepdims=True))
            new.append(kernel / ops.where(length > 0, length, 1.0))
            return tuple(new)

        steps = ops.shape(cells)[0]
        return ops.fori_loop(0, steps, pattern, tuple(values))


def organiser(model, total_steps):
    """The model to compile and fit in the place of one that organises itself.

    Args:
        model: A `keras_vit.Neocognitron` with a head.
        total_steps: Integer, the updates of the whole run.

    Returns:
        A `SelfOrganisation` with the model's layers and variables.

    Raises:
        ValueError: if there are several devices, or the backend is neither TensorFlow
            nor JAX.

    Example:

    >>> trainer = organiser(keras_vit.Neocognitron(5), total_steps=60)
    >>> compile_model(trainer, recipe, total_steps=60)
    >>> trainer.fit(images, labels, batch_size=5, epochs=60, shuffle=False)

    Reference: [Fukushima, 1980](https://doi.org/10.1007/BF00344251), section 3.
    """
    devices = max(num_replicas(model), current().num_devices)
    if devices > 1 or keras.backend.backend() not in ("tensorflow", "jax"):
        raise ValueError(
            "A Neocognitron learns from one pattern after another, on one device, "
            f"under TensorFlow or JAX. Received: {devices} devices, backend "
            f"{keras.backend.backend()!r}. Pass devices='cpu' (--devices cpu)."
        )
    trainer = SelfOrganisation(model.input, model.output, name=model.name)
    trainer.total_steps = total_steps
    return trainer
