"""Makes a model's constructor from a signature and two functions."""

import functools
import inspect
import re
from types import SimpleNamespace

from keras_vit.common.wording import hint
from keras_vit.models.building import arguments
from keras_vit.models.building.ends import image_input
from keras_vit.models.pretrained.initial_values import values_later
from keras_vit.models.pretrained.weights import (
    decide_prefix,
    fill_new_model,
    open_weights,
)
from keras_vit.models.vision_model import VisionModel


def constructor(
    family, build, check, *groups, name=None, image_size=224, num_channels=3
):
    """Decorator: the constructor of an architecture.

    The decorated function only declares: its signature and its docstring state the
    arguments that this architecture alone has, or documents otherwise than the groups.

    Args:
        family: String, what `settings["family"]` of the models will be.
        build: Function `(x, a)` of the images `(B, H, W, C)`, a symbolic tensor, and
            the namespace of checked arguments, to the model's output.
        check: Function of that namespace, which raises where arguments are wrong, and
            replaces those that follow from others.
        *groups: Further groups of arguments, besides those of every model, such as
            `keras_vit.models.building.arguments.transformer`.
        name: String, the default name of the models. Defaults to `family`.
        image_size: Integer or pair, pixels, the default; or a function of the
            dictionary of arguments that gives it.
        num_channels: Integer, of the images, the default.

    The default of `num_classes` is the one that the function declares.
    """

    def decorate(declared):
        signature = _signature(declared, groups)
        num_classes = signature.parameters["num_classes"].default.num_classes
        parameters = signature.parameters.items()
        required = [name for name, p in parameters if p.default is p.empty]

        def bound(*args, **kwargs):
            """All options, and the names of those that were given."""
            for key in kwargs.keys() - signature.parameters.keys():
                raise TypeError(
                    f"{declared.__name__}() got an unexpected keyword argument {key!r}."
                    f"{hint(key, signature.parameters)}"
                )
            missing = [repr(name) for name in required if name not in kwargs]
            if missing:
                raise TypeError(
                    f"{declared.__name__}() needs {', '.join(missing)}, which must be "
                    "given by name."
                )
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{declared.__name__}() {error}") from None
            given = set(bound.arguments)
            bound.apply_defaults()
            return arguments.plain_numbers(bound.arguments), given

        def checked(options):
            """The namespace that `build` takes."""
            size = image_size(options) if callable(image_size) else image_size
            resolved = arguments.resolve(options, size, num_channels, num_classes)
            a = SimpleNamespace(**resolved)
            check(a)
            return a

        @functools.wraps(declared)
        def construct(*args, **kwargs):
            options, given = bound(*args, **kwargs)
            label = options.pop("name") or name or family
            weights = open_weights(family, options, given)
            a = checked(options)
            decide_prefix(weights, family, a, given)
            with values_later(weights is not None):
                images, x = image_input(a)
                model = VisionModel(images, build(x, a), name=label)
            model.settings.update(family=family, arguments=vars(a))
            # Weights for colours are for grey images too.
            rule = "sum" if a.num_channels == 1 else None
            kernel = getattr(a, "position_kernel", None)
            return fill_new_model(
                model,
                weights,
                position_kernel=kernel,
                in_channels_rule=rule,
                chosen=given,
            )

        def settled(**kwargs):
            """The checked arguments of a model, a dictionary, without the model."""
            options, _ = bound(**kwargs)
            del options["name"], options["weights"]
            return vars(checked(options))

        del construct.__wrapped__  # whose signature is not the whole
        construct.__signature__ = signature
        construct.__doc__ = _docstring(declared, groups, signature)
        construct.build, construct.settled = build, settled
        return construct

    return decorate


def _signature(declared, groups):
    """The declared arguments among those of the groups; what must be given is first."""
    own = list(inspect.signature(declared).parameters.values())
    first, *rest = [
        list(inspect.signature(group).parameters.values())
        for group in (arguments.images, *groups, arguments.computation)
    ]
    shared = [*first, *(parameter for group in rest for parameter in group)]
    required = [p for p in (*own[1:], *shared) if p.default is p.empty]
    order = (own[0], *required, *first, *own, *shared)
    known = {p.name: p for p in (*shared, *own)}
    return inspect.Signature([known[name] for name in {p.name: None for p in order}])


def _docstring(declared, groups, signature):
    """The docstring of what is declared, with every argument of the signature."""
    texts = {}
    for group in (arguments.images, *groups, arguments.computation, declared):
        texts.update(_argument_texts(group))
    before, _, after = inspect.getdoc(declared).partition("Args:\n")
    after = after.partition("\n\n")[2]
    listed = "\n".join(texts[name] for name in signature.parameters)
    return f"{before}Args:\n{listed}\n\n{after}\n"


def _argument_texts(function):
    """Of each argument in the section "Args" of a docstring, its lines."""
    section = inspect.getdoc(function).partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.split(r"\n(?=    \w)", section)
    return {entry.strip().partition(":")[0]: entry for entry in entries}
