"""SGD with momentum, AdamW and RMSProp as the papers use them, where Keras differs.

All give each variable a rate of its own, know both forms of weight decay, and keep
their momentum in bfloat16 on request, as the official code does to save memory.
"""

import keras
from keras import ops

from keras_vit.common.checks import check_choice


class UpdateRule(keras.optimizers.Optimizer):
    """What they have in common. Not for direct use: each says how it moves a variable.

    Args:
        learning_rate: Float or schedule.
        momentum_dtype: `"float32"` or `"bfloat16"`, in which the momentum is kept
            between two updates and decays; all else is in the variable's own type.
        decoupled_weight_decay: Float. Before each update a variable is multiplied by
            `1 - rate * decoupled_weight_decay`.
        l2_weight_decay: Float. The variable, times this, is added to its gradient, as
            a penalty `l2_weight_decay / 2 * variable ** 2` of the loss would.
        not_decayed: Paths of variables that are not.
        rate_factors: Dictionary from the path of a variable to the factor of its
            learning rate, 1 where it is not listed. Decay is multiplied by it too.
    """

    def __init__(
        self,
        learning_rate,
        *,
        momentum_dtype="float32",
        decoupled_weight_decay=0.0,
        l2_weight_decay=0.0,
        not_decayed=(),
        rate_factors=None,
        name=None,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        check_choice(momentum_dtype, ("float32", "bfloat16"), "momentum_dtype")
        self.momentum_dtype = momentum_dtype
        self.decoupled_weight_decay = decoupled_weight_decay
        self.l2_weight_decay = l2_weight_decay
        self.not_decayed = list(not_decayed)
        self.rate_factors = dict(rate_factors or {})

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        half = self.momentum_dtype == "bfloat16"
        self._momentums = [
            self.add_variable(
                v.shape,
                dtype="bfloat16" if half else v.dtype,
                name=f"{v.path.replace('/', '_')}_momentum",
                # How JAX divides the variable between devices, where it does.
                layout=getattr(v, "_layout", None),
            )
            for v in variables
        ]
        # TensorFlow hands its own variables to `update_step`, which have no path.
        self._factors = [self.rate_factors.get(v.path, 1.0) for v in variables]
        kept = set(self.not_decayed)
        self._decays = [
            0.0 if v.path in kept else self.decoupled_weight_decay for v in variables
        ]
        self._penalties = [
            0.0 if v.path in kept else self.l2_weight_decay for v in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate, variable.dtype) * self._factors[index]
        if self._decays[index]:
            self.assign_sub(variable, variable * (rate * self._decays[index]))
        gradient = ops.cast(gradient, variable.dtype)
        if self._penalties[index]:
            gradient = gradient + self._penalties[index] * variable
        self._move(index, gradient, variable, rate)

    def get_config(self):
        config = super().get_config()
        config.pop("weight_decay", None)  # that of Keras, which knows no factors
        config.update(
            momentum_dtype=self.momentum_dtype,
            decoupled_weight_decay=self.decoupled_weight_decay,
            l2_weight_decay=self.l2_weight_decay,
            not_decayed=self.not_decayed,
            rate_factors=self.rate_factors,
        )
        return config


@keras.saving.register_keras_serializable(package="keras_vit")
class MomentumSGD(UpdateRule):
    """`m = momentum * m + gradient`, then `variable -= rate * m`.

    `keras.optimizers.SGD` keeps the learning rate inside the momentum (`m = momentum
    * m - rate * gradient`), so that an earlier gradient goes on with the rate of its
    own time. Under a schedule that is another optimizer than the papers'.

    Args:
        learning_rate: Float or schedule.
        momentum: Float in `[0, 1)`. Defaults to `0.9`.
        **kwargs: `momentum_dtype`, `decoupled_weight_decay`, `l2_weight_decay`,
            `not_decayed` and `rate_factors`, see `UpdateRule`; or those of
            `keras.optimizers.Optimizer`.

    Example:

    >>> optimizer = MomentumSGD(0.03, momentum_dtype="bfloat16", global_clipnorm=1.0)

    Reference: the chain of `vit_jax/train.py` in the official
    [vision_transformer](https://github.com/google-research/vision_transformer).
    """

    def __init__(self, learning_rate, momentum=0.9, name="momentum_sgd", **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)
        self.momentum = momentum

    def _move(self, index, gradient, variable, rate):
        kept = self._momentums[index]
        # In the type that is kept, as in the official code: 0.9 is 0.8984 in bfloat16.
        momentum = ops.cast(ops.multiply(kept, self.momentum), variable.dtype)
        momentum = momentum + gradient
        self.assign(kept, ops.cast(momentum, kept.dtype))
        # The unrounded one moves the variable: only what is kept is rounded.
        self.assign_sub(variable, rate * momentum)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@keras.saving.register_keras_serializable(package="keras_vit")
class DecoupledAdam(UpdateRule):
    """AdamW with a factor for each variable and a first moment in bfloat16.

    With neither, it does what `keras.optimizers.AdamW` does.

    Args:
        learning_rate: Float or schedule.
        beta_1: Float, momentum of the first moment. Defaults to `0.9`.
        beta_2: Float, of the second, which is never rounded. Defaults to `0.999`.
        epsilon: Float, added to the root of the second. Defaults to `1e-7`.
        **kwargs: `momentum_dtype`, `decoupled_weight_decay`, `l2_weight_decay`,
            `not_decayed` and `rate_factors`, see `UpdateRule`; or those of
            `keras.optimizers.Optimizer`.

    Example:

    >>> optimizer = DecoupledAdam(1e-3, rate_factors={"block_00/mlp/kernel": 0.75})

    Reference: [Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101).
    """

    def __init__(
        self,
        learning_rate,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        name="decoupled_adam",
        **kwargs,
    ):
        super().__init__(learning_rate, name=name, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")

    def _move(self, index, gradient, variable, rate):
        dtype = variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        first, second = self._momentums[index], self._velocities[index]
        momentum = ops.cast(ops.multiply(first, self.beta_1), dtype)
        momentum = momentum + (1 - self.beta_1) * gradient
        velocity = ops.convert_to_tensor(second)
        velocity = velocity + (ops.square(gradient) - velocity) * (1 - self.beta_2)
        self.assign(first, ops.cast(momentum, first.dtype))
        self.assign(second, velocity)
        one = ops.cast(1.0, dtype)
        rate = rate * ops.sqrt(one - ops.power(ops.cast(self.beta_2, dtype), step))
        rate = rate / (one - ops.power(ops.cast(self.beta_1, dtype), step))
        self.assign_sub(variable, rate * momentum / (ops.sqrt(velocity) + self.epsilon))

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_vit")
class TensorFlowRMSProp(UpdateRule):
    """RMSProp as TensorFlow 1 has it, which EfficientNet was trained with.

    `s = rho * s + (1 - rho) * gradient ** 2`, `m = momentum * m + rate * gradient /
    sqrt(s + epsilon)`, `variable -= m`. The mean square `s` begins at one, so that the
    first updates are small; that of `keras.optimizers.RMSprop` begins at zero. Epsilon
    is within the root, as in Keras; in PyTorch it is outside.

    Args:
        learning_rate: Float or schedule.
        momentum: Float in `[0, 1)`. Defaults to `0.9`.
        rho: Float in `[0, 1)`, of the mean square, which is never rounded. Defaults to
            `0.9`.
        epsilon: Float, added to the mean square. Defaults to `1e-3`, that of
            EfficientNet.
        **kwargs: `momentum_dtype`, `decoupled_weight_decay`, `l2_weight_decay`,
            `not_decayed` and `rate_factors`, see `UpdateRule`; or those of
            `keras.optimizers.Optimizer`.

    Example:

    >>> optimizer = TensorFlowRMSProp(0.016, l2_weight_decay=1e-5)

    Reference: `build_optimizer` of `efficientnet/utils.py` in
    [tpu](https://github.com/tensorflow/tpu); `tf.compat.v1.train.RMSPropOptimizer`.
    """

    def __init__(
        self,
        learning_rate,
        momentum=0.9,
        rho=0.9,
        epsilon=1e-3,
        name="tensorflow_rmsprop",
        **kwargs,
    ):
        super().__init__(learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.rho = rho
        self.epsilon = epsilon

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._squares = self.add_optimizer_variables(
            variables, "mean_square", initializer="ones"
        )

    def _move(self, index, gradient, variable, rate):
        dtype = variable.dtype
        kept, square = self._momentums[index], self._squares[index]
        mean = self.rho * ops.convert_to_tensor(square)
        mean = mean + (1 - self.rho) * ops.square(gradient)
        momentum = ops.cast(ops.multiply(kept, self.momentum), dtype)
        momentum = momentum + rate * gradient / ops.sqrt(mean + self.epsilon)
        self.assign(square, mean)
        self.assign(kept, ops.cast(momentum, kept.dtype))
        self.assign_sub(variable, momentum)

    def get_config(self):
        own = {"momentum": self.momentum, "rho": self.rho, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
