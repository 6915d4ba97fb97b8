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

    # Keras treats a subclass as functional only if its signature is this one.
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

    def get_config(self):
        config = super().get_config()
        config["settings"] = dict(self._settings)
        config["metadata"] = dict(self._metadata)
        return config
