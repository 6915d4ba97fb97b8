"""The arguments of a recipe's model, which recipe and data decide together."""

import logging
import math

from keras_vit.models.variants.identify import family_of_variant
from keras_vit.models.variants.listing import canonical_name

logger = logging.getLogger(__name__)

# Tasks that ask for the classes of whole images.
OF_WHOLE_IMAGES = ("classification", "multilabel")

# The models whose sizes are fields of a recipe, with the family of each and what those
# fields are by default. Their training must fit into minutes on a laptop, and the three
# of whole images compute about as much: 10 to 12 million operations for a grey image of
# 28 pixels.
_ENCODER = {"num_layers": 4, "hidden_dim": 96, "mlp_dim": 192, "num_heads": 4}
_DROPPING = {"dropout_rate": 0.1, "drop_path_rate": 0.1}
SMALL_FAMILIES = {"small": "vit", "small_bit": "bit", "small_hybrid": "hybrid"}
SMALL_FAMILIES["small_unet"] = "unet"
SMALL = {
    "small": {**_ENCODER, **_DROPPING},
    "small_bit": {"num_blocks": (1, 1, 1), "width_factor": 0.5},
    "small_hybrid": {
        **{"num_blocks": (1, 1), "width_factor": 0.5, "patch_size": 1},
        **{**_ENCODER, "num_layers": 2, **_DROPPING},
    },
    "small_unet": {"width_factor": 0.5},
}

# The patches of a model "small": of about so many pixels, and at most about so many per
# side, or attention would cost more than a small run can pay.
PATCH_SIZE = 7
PATCHES_PER_SIDE = 8

# Patches that an image is cut into as it is; where none of them divides both sides, the
# image is resized to a multiple of one of the second row.
SMALL_PATCHES = range(5, 11)
ROUNDED_TO = (7, 8)

# A small model resizes to this side where images are larger, or of many sizes.
SMALL_IMAGE_SIZE = 64

# For segmentation and detection, where every patch has its answer, they are finer.
# Other small models halve their images some times: by no more than this without a rest.
DENSE_PATCH_SIZE = 8
DENSE_IMAGE_SIZE = 128
MULTIPLE = 32

# A U-Net that gives a class to every pixel of an image, in the form that most code has;
# what of it its weights decide is left to them.
PADDED_UNET = {"padding": "same", "batch_norm": True, "skip_first": True}
UNET_IMAGE_SIZE = 256
UNET_WIDTHS = (32, 64, 128, 256, 512)  # of a small one, times its factor

# Passed on only where they differ from the defaults: not every model has dropout.
OPTIONS = (
    "variant",
    "pooling",
    "attention_dropout_rate",
    "position_embedding",
    "position_scope",
    "representation_size",
    "weights",
    "remat",
)


def family_of(model):
    """The family of a recipe's model, such as `"vit"`.

    Raises:
        ValueError: if there is no such model; the message names the closest one.
    """
    if model in SMALL_FAMILIES:
        return SMALL_FAMILIES[model]
    return family_of_variant(canonical_name(model))


def resolve_dtype(recipe):
    """The precision of a recipe: that of the devices where it leaves the choice."""
    from keras_vit.devices import current

    if recipe.dtype != "auto":
        return recipe.dtype
    return current().dtype or "float32"


def model_arguments(recipe, *, native_size, num_channels):
    """The arguments of the model's constructor that a recipe and its data decide.

    Args:
        recipe: A `Recipe`.
        native_size: `(height, width)` where all images of the data set have one
            size, else `None`.
        num_channels: Integer, channels of the data set's images.

    Returns:
        Dictionary of keyword arguments, without those that keep their default.

    Raises:
        ValueError: if the recipe's weights cannot be opened.
    """
    arguments = {
        "image_size": recipe.image_size,
        "patch_size": recipe.patch_size,
        "num_channels": recipe.num_channels or _channels(recipe, num_channels),
        "dropout_rate": recipe.dropout_rate,
        "drop_path_rate": recipe.drop_path_rate,
        "dtype": resolve_dtype(recipe),
    }
    for name in OPTIONS:
        if getattr(recipe, name) != recipe.__dataclass_fields__[name].default:
            arguments[name] = getattr(recipe, name)
    if family_of(recipe.model) == "unet":
        arguments |= {"padding": "same"} if recipe.weights else PADDED_UNET
        if recipe.image_size is None:
            arguments["image_size"] = UNET_IMAGE_SIZE
    if recipe.model in SMALL:
        dense = recipe.task not in OF_WHOLE_IMAGES
        choose = _choose_dense_sizes if dense else _choose_sizes
        choose(arguments, recipe, native_size)
        for name, default in SMALL[recipe.model].items():
            value = getattr(recipe, name)
            arguments[name] = default if value is None else value
    if recipe.model == "small_unet":
        factor = arguments.pop("width_factor")
        arguments["widths"] = tuple(round(width * factor) for width in UNET_WIDTHS)
    return {name: value for name, value in arguments.items() if value is not None}


def _choose_sizes(arguments, recipe, native_size):
    """Decides the sizes of images and patches of a small model."""
    if recipe.image_size is None:
        fits = native_size is not None and max(native_size) <= SMALL_IMAGE_SIZE
        arguments["image_size"] = tuple(native_size) if fits else SMALL_IMAGE_SIZE
    if recipe.patch_size is None and recipe.model == "small":
        arguments["patch_size"] = _patch_size(arguments["image_size"])
        if recipe.image_size is None:
            _fit_together(arguments)


def _choose_dense_sizes(arguments, recipe, native_size):
    """The same for segmentation and detection, where every patch has its answer."""
    is_vit = recipe.model == "small"
    if recipe.image_size is None:
        fits = native_size is not None and max(native_size) <= DENSE_IMAGE_SIZE
        step = (recipe.patch_size or DENSE_PATCH_SIZE) if is_vit else MULTIPLE
        sides = native_size if fits else (DENSE_IMAGE_SIZE,) * 2
        rounded = tuple(max(1, round(side / step)) * step for side in sides)
        arguments["image_size"] = rounded
        if fits and rounded != tuple(native_size):
            logger.info(
                "Images of %s pixels are resized to %s, multiples of %d.",
                "x".join(map(str, native_size)),
                "x".join(map(str, rounded)),
                step,
            )
    if is_vit and recipe.patch_size is None:
        sides, usual = _sides(arguments["image_size"]), DENSE_PATCH_SIZE
        divided = all(side % usual == 0 for side in sides)
        arguments["patch_size"] = usual if divided else _patch_size(sides)


def _channels(recipe, num_channels):
    """The channels of the weights, to which images are converted, or of the data."""
    from keras_vit.models.pretrained.weights import channels_of

    known = None if recipe.weights is None else channels_of(recipe.weights)
    if known not in (1, 3) or known == num_channels:
        return num_channels
    logger.info(
        "The weights are for images of %d channels: those of the data, which have %d, "
        "are converted.",
        known,
        num_channels,
    )
    return known


def _patch_size(image_size):
    """The divisor of both sides that is nearest to the wanted size, by ratio."""
    sides = _sides(image_size)
    common = math.gcd(*sides)
    divisors = [d for d in range(1, common + 1) if common % d == 0]
    wanted = max(PATCH_SIZE, math.sqrt(math.prod(sides)) / PATCHES_PER_SIDE)
    return min(divisors, key=lambda d: abs(math.log(d / wanted)))


def _fit_together(arguments):
    """Changes the size of the images where no patch of about the wanted size does."""
    sides = _sides(arguments["image_size"])

    def few(patch):
        return max(sides) < (PATCHES_PER_SIDE + 0.5) * patch

    if arguments["patch_size"] in SMALL_PATCHES and few(arguments["patch_size"]):
        return
    rounded = {
        patch: tuple(max(1, round(side / patch)) * patch for side in sides)
        for patch in filter(few, ROUNDED_TO)
    }

    def change(patch):
        """The largest ratio by which a side changes."""
        pairs = zip(sides, rounded[patch])
        return max(abs(math.log(new / old)) for old, new in pairs)

    patch_size = min(rounded, key=change)
    logger.info(
        "Images of %s pixels are resized to %s, which patches of %d cover.",
        "x".join(map(str, sides)),
        "x".join(map(str, rounded[patch_size])),
        patch_size,
    )
    arguments.update(image_size=rounded[patch_size], patch_size=patch_size)


def _sides(size):
    return size if isinstance(size, tuple) else (size, size)
