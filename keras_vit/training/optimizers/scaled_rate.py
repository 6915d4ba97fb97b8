"""A learning rate that follows a schedule, and that a callback may scale meanwhile."""

import keras


@keras.saving.register_keras_serializable(package="keras_vit")
class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times a factor, which is a variable of the optimizer.

    Args:
        schedule: A `LearningRateSchedule`.
    """

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule
        self.scale = keras.Variable(1.0, trainable=False, name="rate_scale")

    def __call__(self, step):
        return self.schedule(step) * self.scale

    def get_config(self):
        return {"schedule": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]))


def with_settable_rate(model):
    """A model to give to a callback that sets the rate of its optimizer.

    Keras refuses to set the rate of a schedule. Here it sets the factor of a
    `ScaledSchedule`, so that the schedule goes on from the rate that was set.

    Args:
        model: A compiled model.

    Returns:
        The model itself, unless its optimizer has a `ScaledSchedule`.
    """
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if isinstance(inner._learning_rate, ScaledSchedule):
        return _Stand(model, optimizer=_Rate(inner))
    return model


class _Stand:
    """Stands for an object, some of whose attributes are others."""

    def __init__(self, other, **attributes):
        self.__dict__.update(attributes, _other=other)

    def __getattr__(self, name):
        return getattr(self._other, name)

    def __setattr__(self, name, value):
        setattr(self._other, name, value)


class _Rate:
    """Stands for an optimizer: its `learning_rate` can be read and set."""

    def __init__(self, optimizer):
        self._optimizer = optimizer

    @property
    def learning_rate(self):
        return self._optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        scale = self._optimizer._learning_rate.scale
        old = float(keras.ops.convert_to_numpy(self._optimizer.learning_rate))
        if old > 0:  # at zero the schedule has ended, or not begun
            scale.assign(scale * (float(value) / old))
