"""The U-Net of 2015: its sizes, parameters and cost."""

from dataclasses import dataclass

from keras_vit.models.variants.family import Family, Operation, convolution


@dataclass(frozen=True)
class UNetVariant:
    """One U-Net; `params` is the count with one channel and two classes."""

    widths: tuple[int, ...]
    params: int | None = None


# Ronneberger et al. (2015), figure 1; the count follows from it.
UNET_VARIANTS = {"UNet": UNetVariant((64, 128, 256, 512, 1024), 31_030_658)}


def operations(a, sides):
    """The `Operation` of each layer; see `Family`."""
    lost = 0 if a.padding == "same" else 2
    batch, upconvs = a.batch_norm, _upconv_widths(a)
    listed, levels = [], []

    def two(before, after, sides):
        for channels in (before, after):
            sides = [side - lost for side in sides]
            positions = sides[0] * sides[1]
            norm = {"bias": not batch, "norm": batch}
            listed.append(convolution(3, channels, after, positions, **norm))
        return sides

    channels = a.num_channels
    for level, width in enumerate(a.widths):
        if level:
            sides = [side // 2 for side in sides]
        sides = two(channels, width, sides)
        levels.append(sides)
        channels = width
    for i, width in enumerate(a.widths[-2::-1]):
        listed.append(convolution(2, channels, upconvs[i], sides[0] * sides[1]))
        sides = levels[-2 - i] if a.padding == "same" else [2 * side for side in sides]
        sides = two(width + upconvs[i], width, sides)
        channels = width
    head = channels * a.num_classes, sides[0] * sides[1], a.num_classes
    return [*listed, Operation("head", *head)]


def _upconv_widths(a):
    return a.upconv_widths or list(a.widths[-2::-1])


UNET = Family(
    UNET_VARIANTS,
    operations,
    kind="U-Net",
    title="U-Net: a class for every pixel",
    sizes="Levels of {widths} channels.",
    image_size=572,
    num_channels=1,
    num_classes=2,
    defaults={"padding": "valid", "batch_norm": False, "upconv_widths": None},
)
