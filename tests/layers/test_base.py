"""What the base classes of layers give to layers that are derived from them."""

import keras

from keras_vit.layers import MLP


class Scaled(MLP):
    """A layer of a user's, who keeps the argument under another name."""

    def __init__(self, mlp_dim, factor=2.0, **kwargs):
        super().__init__(mlp_dim, **kwargs)
        self._factor = factor

    def get_config(self):
        return {**super().get_config(), "factor": self._factor}


def test_a_layer_derived_by_a_user_says_itself_what_it_adds():
    config = Scaled(8, 3.0, gelu="erf").get_config()
    own = config.keys() - keras.layers.Layer().get_config().keys()
    names = {"mlp_dim", "dropout_rate", "gelu", "swiglu", "activation", "seed"}
    assert own == {*names, "factor"}
    again = Scaled.from_config(config)
    assert (again._factor, again.mlp_dim, again.gelu) == (3.0, 8, "erf")
