"""The base of layers that are made of other layers."""

import keras


class CompositeLayer(keras.layers.Layer):
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
