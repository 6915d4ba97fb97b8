import inspect

from keras_vit.models.building import arguments


def named_constructor(builder, name, defaults, description):
    """`builder` under the name of a published model, with that model's defaults.

    Args:
        builder: `ViT`, `HybridViT` or `BiT`.
        name: String, the name of the variant.
        defaults: Dictionary, the arguments that make this variant.
        description: String, the beginning of the docstring.

    Returns:
        A function that takes every argument of `builder`.
    """

    def build(num_classes=arguments.UNSET, **kwargs):
        kwargs.setdefault("name", name.lower())
        return builder(num_classes, **{**defaults, **kwargs})

    parameters = inspect.signature(builder).parameters.values()
    build.__name__ = build.__qualname__ = name
    build.__module__ = builder.__module__
    build.__signature__ = inspect.Signature(
        [p.replace(default=defaults.get(p.name, p.default)) for p in parameters]
    )
    build.__doc__ = f"""{description}
    Takes every argument of `keras_vit.{builder.__name__}`; these sizes are its
    defaults.

    Example:

    >>> model = keras_vit.{name}(num_classes=10)
    """
    return build
