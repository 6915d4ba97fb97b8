"""Base classes of layers: their config, and sublayers that can be quantized."""

import functools
import inspect

import keras
from keras import ops


class Layer(keras.layers.Layer):
    """A layer whose config is its arguments, each stored under its own name.

    Outputs have the shape of the inputs, unless a layer says otherwise. Not for direct
    use.
    """

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        for name in _arguments(type(self)):
            value = getattr(self, name)
            if isinstance(value, keras.initializers.Initializer):
                value = keras.initializers.serialize(value)
            config[name] = value
        return config


@functools.cache
def _arguments(layer):
    """The names of a layer's arguments, those of its bases first.

    A class of the user's that is derived from a layer says itself what it adds.
    """
    names = {}
    for base in reversed(layer.__mro__):
        if base.__module__.startswith("keras_vit.") and "__init__" in vars(base):
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
            names |= {p.name: None for p in parameters if p.kind is not p.VAR_KEYWORD}
    return tuple(names)


class Norm(Layer):
    """A norm with a scale and an offset for each channel.

    Both stay in full precision, also where the layer computes in half. Not for direct
    use.
    """

    def add_scale_and_offset(self, channels, gamma_initializer="ones"):
        """Makes `gamma` and `beta`."""
        for name, initializer in (("gamma", gamma_initializer), ("beta", "zeros")):
            options = {"initializer": initializer, "autocast": False}
            setattr(self, name, self.add_weight((channels,), name=name, **options))

    def scale_and_offset(self, inputs):
        """`gamma` and `beta`, in float32 at least."""
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        return ops.cast(self.gamma, dtype), ops.cast(self.beta, dtype)


class CompositeLayer(Layer):
    """A layer made of Keras layers, each of which may be quantized later.

    `keras.Model.quantize` changes the dtype policy of single sublayers. This class
    writes those policies into the config, so that a quantized model loads again.
    Not for direct use.
    """

    def policy_of(self, name):
        """The dtype policy of a sublayer with weights, to be asked for in `build`.

        A loaded quantized model has one map of policies for all paths. A Dense layer
        that was given the map would not save its quantized weights a second time.
        """
        policy = self.dtype_policy
        if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
            return policy[f"{self.path}/{name}"]
        return policy

    def dense(self, units, name, input_shape, **options):
        """A dense layer of this one, built; `options` as for `keras.layers.Dense`."""
        policy = self.policy_of(name)
        layer = keras.layers.Dense(units, dtype=policy, name=name, **options)
        layer.build(input_shape)
        return layer

    def get_config(self):
        config = super().get_config()
        policies = {
            layer.path: layer.dtype_policy
            for layer in self._flatten_layers(include_self=False)
            if layer.dtype_policy.quantization_mode is not None
        }
        if policies:
            default = self.dtype_policy
            if isinstance(default, keras.dtype_policies.DTypePolicyMap):
                default = default.default_policy
            config["dtype"] = keras.dtype_policies.DTypePolicyMap(default, policies)
        return config
