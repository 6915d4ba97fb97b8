import keras


@keras.saving.register_keras_serializable(package="keras_vit")
class VisionModel(keras.Model):
    """A functional `keras.Model` that knows how it was made.

    What every constructor of this package returns. It behaves like any functional
    model, and carries two dictionaries that are saved inside the `.keras` file:

    - `settings`: `{"family": ..., "arguments": {...}}`, the constructor's arguments,
      from which the same architecture can be built again.
    - `metadata`: free for the user, JSON values only. Training writes `class_names`,
      `image_size`, `preprocessing` and `recipe` here, so that a lone file is enough
      to predict.

    Models cut out of it with `keras.Model(model.input, ...)` are plain functional
    models.
    """

    def __init__(self, inputs, outputs, name=None, **kwargs):
        settings = kwargs.pop("settings", None)
        metadata = kwargs.pop("metadata", None)
        super().__init__(inputs, outputs, name=name, **kwargs)
        # Through `__dict__`, or Keras would wrap them in its tracked dictionaries.
        self.__dict__["_settings"] = dict(settings or {})
        self.__dict__["_metadata"] = dict(metadata or {})

    @property
    def settings(self):
        return self._settings

    @property
    def metadata(self):
        return self._metadata

    # By way of a plain functional model: which subclasses Keras takes for functional
    # depends on its version.
    def get_config(self):
        plain = keras.Model(self.input, self.output, name=self.name)
        return {
            **plain.get_config(),
            "trainable": self.trainable,
            "settings": dict(self._settings),
            "metadata": dict(self._metadata),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        extras = {name: config.pop(name, None) for name in ("settings", "metadata")}
        plain = keras.Model.from_config(config, custom_objects)
        model = cls(plain.input, plain.output, name=plain.name, **extras)
        model.trainable = config.get("trainable", True)
        return model


def image_shape(model):
    """`(height, width, channels)` of the images that a functional model takes.

    They are its input, or the one called "image" of several.
    """
    images = model.input["image"] if isinstance(model.input, dict) else model.input
    return tuple(images.shape[1:])
