"""Rematerialisation: recomputes a layer for its gradients, to save memory."""

import keras
from keras import ops

from keras_vit.layers.base import CompositeLayer


class RematLayer(CompositeLayer):
    """A layer of layers, which training may compute twice to keep its input only.

    Its computation is `_output(inputs, training)`. It has no weights but those of its
    sublayers. Not for direct use.

    Args:
        remat: Boolean, whether training keeps the input only; see `recomputed`.
    """

    def __init__(self, remat=False, **kwargs):
        super().__init__(**kwargs)
        self.autocast = not remat
        self.remat = remat

    def call(self, inputs, training=False, **options):
        if not self.remat:
            return self._output(inputs, training, **options)
        inputs = ops.cast(inputs, self.compute_dtype)  # Keras does not, by `autocast`
        if not training:
            return self._output(inputs, training, **options)
        return recomputed(self, lambda x: self._output(x, True, **options), inputs)


def recomputed(layer, call, inputs):
    """`call(inputs)`, of which training keeps the inputs only.

    The backward pass computes the layer a second time, which costs a forward pass, and
    gives the same gradients. With `keras.remat` alone they are wrong where there is
    dropout: the state of the seeds has moved on, so that the second pass draws other
    masks, and batch norms count their batch twice. Here both passes are functions of
    tensors that are read before them, and what the first one leaves is assigned once.

    Args:
        layer: The layer, built, with `autocast=False`: variables are passed on as they
            are, and cast where they are used.
        call: Function of the inputs alone. The backward pass calls it outside the
            layer, so that it must pass `training` on.
        inputs: Tensor.

    Reference: [Chen et al., 2016](https://arxiv.org/abs/1604.06174).
    """
    weights = layer.trainable_variables
    moving = []  # states of seeds, and statistics of batch norms
    for part in layer._flatten_layers():
        moving += [generator.state for generator in part._seed_generators]
        moving += part._non_trainable_variables
    trained = {id(weight) for weight in weights}
    fixed = [v for v in layer.variables if id(v) not in trained]
    # Tensors: `ops.convert_to_tensor` gives back the variable itself.
    values = {id(v): ops.stop_gradient(v) for v in fixed}

    def run(x, *weight_values):
        mapping = [*zip(weights, weight_values)]
        mapping += [(variable, values[id(variable)]) for variable in fixed]
        with keras.StatelessScope(mapping, initialize_variables=False) as scope:
            outputs = call(x)
            steps = [scope.get_current_value(v) - values[id(v)] for v in moving]
        # As floats: TensorFlow warns of whole numbers that it cannot differentiate.
        return outputs, *[ops.cast(each, "float32") for each in steps]

    outputs, *steps = keras.remat(run)(inputs, *[weight * 1 for weight in weights])
    for variable, each in zip(moving, steps):
        each = ops.stop_gradient(ops.cast(each, variable.dtype))
        variable.assign(values[id(variable)] + each)
    return outputs
