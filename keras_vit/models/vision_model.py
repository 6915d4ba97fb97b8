"""`VisionModel`, which every constructor returns, and a model's own settings.

The functions take any Keras model. Of one that is not from this package, or a part cut
out of one, nothing is known: settings and metadata are empty.
"""

import copy

import keras

from keras_vit.layers.tokens.grids import pair, patch_grid, stem_factor

# Arguments that constructors have got since version 0.1, and their defaults: what they
# are in a model that was saved before.
_EVERY = {"input_scaling": None}
_TRANSFORMER = {
    **_EVERY,
    "swiglu": False,
    "qkv_bias": True,
    "patch_bias": True,
    "pre_norm": False,
    "position_kernel": "official",
}
_RESNET = {**_EVERY, "stage_widths": None}
ADDED = {
    "vit": _TRANSFORMER,
    "hybrid": {**_TRANSFORMER, **_RESNET},
    "bit": _RESNET,
}


# The attribute of the outputs that a clone is made of.
_CLONED = "_keras_vit_facts"


class JointLossModel(keras.Model):
    """A model whose loss may take all outputs at once.

    Keras calls a loss once for each output. A detector's has to see classes and boxes
    together; it says so by the attribute `of_all_outputs`.
    """

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if not getattr(self.loss, "of_all_outputs", False):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = self.loss(y, y_pred, sample_weight)
        others = [self._aggregate_additional_loss(each) for each in self.losses]
        return keras.ops.sum([loss, *others]) if others else loss


@keras.saving.register_keras_serializable(package="keras_vit")
class VisionModel(JointLossModel):
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
        facts = {name: kwargs.pop(name, None) for name in ("settings", "metadata")}
        super().__init__(inputs, outputs, name=name, **kwargs)
        if facts == {"settings": None, "metadata": None}:
            first = keras.tree.flatten(outputs)[0]
            facts = copy.deepcopy(getattr(first, _CLONED, facts))
        # Through `__dict__`, or Keras would wrap them in its tracked dictionaries.
        self.__dict__["_settings"] = completed(facts["settings"] or {})
        self.__dict__["_metadata"] = dict(facts["metadata"] or {})

    @property
    def settings(self):
        return self._settings

    @property
    def metadata(self):
        return self._metadata

    def _run_through_graph(self, *args, **kwargs):
        """Keras's own; `clone_model` makes the outputs of the clone with it.

        It gives the clone's constructor nothing but tensors and a name, so that the
        tensors must bring the rest.
        """
        outputs = super()._run_through_graph(*args, **kwargs)
        for tensor in keras.tree.flatten(outputs):
            if isinstance(tensor, keras.KerasTensor):
                facts = {"settings": self._settings, "metadata": self._metadata}
                setattr(tensor, _CLONED, facts)
        return outputs

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
        trainable = config.pop("trainable", True)
        plain = keras.Model.from_config(config, custom_objects)
        model = cls(plain.input, plain.output, name=plain.name, **extras)
        # Layers have theirs from their own configs, but what is inside them has not.
        for layer in model.layers:
            if not layer.trainable:
                layer.trainable = True  # TensorFlow passes over a value that is there
                layer.trainable = False
        if not trainable:
            model.trainable = False
        return model


def completed(settings):
    """A copy of settings that may have been saved by an older version."""
    settings, added = dict(settings), ADDED.get(settings.get("family"))
    if added and "arguments" in settings:
        settings["arguments"] = {**added, **settings["arguments"]}
    return settings


def image_shape(model):
    """`(height, width, channels)` of the images that a functional model takes.

    They are its input, or the one called "image" of several.
    """
    # A `Sequential` has `inputs` alone.
    given = getattr(model, "input", None)
    images = given["image"] if isinstance(given, dict) else model.inputs[0]
    return tuple(images.shape[1:])


def inner_model(model):
    """The model of this package that is a layer of another one, or `None`.

    At any depth; `None` too where there are several, or the model itself is of this
    package.
    """
    if isinstance(model, VisionModel) or not isinstance(model, keras.Model):
        return None
    layers = model._flatten_layers(include_self=False)
    found = [layer for layer in layers if isinstance(layer, VisionModel)]
    return found[0] if len(found) == 1 else None


def look_inside(model):
    """A sentence that names the model of this package inside another, or `""`."""
    inner = inner_model(model)
    if inner is None:
        return ""
    return f" It has one inside: pass outer.get_layer({inner.name!r})."


def settings_of(model):
    """How a model was made: `{"family": ..., "arguments": {...}}`, or `{}`."""
    return getattr(model, "settings", None) or {}


def arguments_of(model):
    """The arguments of a model's constructor, every one of them, or `{}`."""
    return settings_of(model).get("arguments", {})


def prefix_of(arguments):
    """How many tokens a Transformer has before those of its patches."""
    a = arguments
    if "detection_tokens" in a:
        return 1 + a["detection_tokens"]
    return a["class_token"] + a["register_tokens"]


def metadata_of(model):
    """What training wrote into a model, such as its `class_names`, or `{}`."""
    return getattr(model, "metadata", None) or {}


def value_range_of(model):
    """What black and white are in the images that a model takes: `(low, high)`.

    `(0.0, 255.0)` where the model scales them itself, else what training wrote into
    it, else `(-1.0, 1.0)`. Of a model around one of this package, what that one takes.
    """
    model = inner_model(model) or model
    if arguments_of(model).get("include_preprocessing"):
        return (0.0, 255.0)
    steps = (metadata_of(model).get("preprocessing") or {}).get("steps", [])
    for step in reversed(steps):
        if step["step"] == "value_range":
            return (float(step["low"]), float(step["high"]))
    return (-1.0, 1.0)


def reduction_of(model):
    """How many pixels a position of the last feature map stands for, on each side.

    1 where there is no ResNet: a ViT reads the pixels.
    """
    return _reduction(settings_of(model))


def grid_of(model, image_size=None):
    """`(rows, columns)` of the patches that a model cuts; `None` if it has none.

    Args:
        model: A Keras model.
        image_size: Integer or pair `(height, width)`, pixels. Defaults to the model's;
            where that is any size, the grid is that of its learned positions.
    """
    return grid_of_settings(settings_of(model), image_size)


def grid_of_settings(settings, image_size=None):
    """`grid_of` a model with these settings, which need not be built."""
    a = settings.get("arguments", {})
    if a.get("patch_size") is None:
        return None
    size = a["image_size"] if image_size is None else pair(image_size, "image_size")
    if None in size:
        grid = a.get("position_grid")
        return None if grid is None else tuple(grid)
    factor = _reduction(settings)
    sides = [-(-side // factor) for side in size]  # padded, so rounded up
    patch = a["patch_size"]
    return patch_grid(sides, patch, a.get("stride") or patch)


def _reduction(settings):
    num_blocks = settings.get("arguments", {}).get("num_blocks")
    return 1 if num_blocks is None else stem_factor(num_blocks)
