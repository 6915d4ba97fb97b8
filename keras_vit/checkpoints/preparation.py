"""What a file says of the images that its model takes."""

import dataclasses

from keras_vit.common.checks import check_choice

# Mean and deviation of the channels of images in [0, 1], by the names that people know
# them by. ImageNet's are those of torchvision, timm, DeiT and DINO; CLIP's those of
# `clip/clip.py: _transform` (OpenAI); "inception" is this package's own [-1, 1];
# "caffe" takes the mean colour of ImageNet from pixels in [0, 255] and divides by
# nothing (`keras.applications.imagenet_utils`); "unit" leaves [0, 1] as it is.
SCALINGS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": (
        (0.48145466, 0.4578275, 0.40821073),
        (0.26862954, 0.26130258, 0.27577711),
    ),
    "inception": (0.5, 0.5),
    "caffe": (
        (123.68 / 255, 116.779 / 255, 103.939 / 255),
        (1 / 255, 1 / 255, 1 / 255),
    ),
    "unit": (0.0, 1.0),
}
RESIZES = ("squash", "crop", "border", "none")
# What the projects call it, and what the steps of `keras_vit.data` do.
INTERPOLATIONS = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}
INTERPOLATIONS |= {"lanczos": "lanczos3", "area": "area"}
HALVES = ("down", "even")


@dataclasses.dataclass(frozen=True)
class Preparation:
    """How an image file becomes the input that a checkpoint was trained with.

    Attributes:
        mean: Numbers, one a channel, in units of images in [0, 1].
        deviation: Numbers, one a channel, by which they are divided then.
        image_size: Pair `(height, width)`, pixels.
        resize: `"squash"`, straight to `resize_to`, whatever the aspect ratio;
            `"crop"`, the shorter side to `resize_to`; `"border"`, the longer side to
            it, with a border in the mean colour; `"none"`, not at all. The middle is
            cut out then.
        resize_to: Integer; or pair `(height, width)`, which the image is to fill or,
            for `"border"`, to fit in. Defaults to the size.
        interpolation: A key of `INTERPOLATIONS`, with Pillow's antialiasing; `"area"`
            is TensorFlow's.
        halves: Where the middle begins if an odd number of pixels is cut off: half of
            it rounded `"down"`, as Hugging Face does, or to the `"even"` number, as
            torchvision and timm do.
    """

    mean: tuple = (0.5, 0.5, 0.5)
    deviation: tuple = (0.5, 0.5, 0.5)
    image_size: tuple = (224, 224)
    resize: str = "squash"
    resize_to: int | tuple | None = None
    interpolation: str = "bilinear"
    halves: str = "down"

    def __post_init__(self):
        check_choice(self.resize, RESIZES, "resize")
        check_choice(self.interpolation, INTERPOLATIONS, "interpolation")
        check_choice(self.halves, HALVES, "halves")


# How projects that write no configuration prepare images, where all of them do.
TORCHVISION = Preparation(
    *SCALINGS["imagenet"], resize="crop", resize_to=256, halves="even"
)
CAFFE = Preparation(*SCALINGS["caffe"])


def evaluation_json(
    preparation, image_size=None, *, num_channels=3, value_range=(-1.0, 1.0)
):
    """The steps of an evaluation, as `keras_vit.data.Preprocessing.to_json` says them.

    They end with the values that this package's models take; mean and deviation are
    the business of the layer at a model's entrance.

    Args:
        preparation: A `Preparation`.
        image_size: Pair `(height, width)`, pixels, of the model. Where it is another
            than the file's, images are resized in proportion. Defaults to the file's;
            so does a side that is `None`.
        num_channels: 1 or 3.
        value_range: What black and white become.

    Returns:
        Dictionary of plain numbers, strings and lists.
    """
    own = preparation.image_size
    size = [n or m for n, m in zip(image_size or (None, None), own)]
    method = {"method": INTERPOLATIONS[preparation.interpolation]}
    method["pillow"] = preparation.interpolation != "area"
    if isinstance(preparation.resize_to, int):
        target = round(preparation.resize_to * min(size) / min(own))
        pair = (target, target)
    else:
        target = None
        sides = preparation.resize_to or own
        pair = tuple(round(t * n / m) for t, n, m in zip(sides, size, own))
    sides = {"height": pair[0], "width": pair[1]}
    crop = {"step": "central_crop", "height": size[0], "width": size[1]}
    crop["halves"] = preparation.halves
    steps = [{"step": "resize", **sides, **method}]
    if preparation.resize == "border":
        steps[0]["fit"] = "contain"
        crop["border"] = _colour(preparation.mean, num_channels)
    elif preparation.resize == "none":
        steps = []
    elif preparation.resize == "crop" and target is not None:
        steps = [{"step": "resize_small", "side": target, **method}]
    elif preparation.resize == "crop":
        steps[0]["fit"] = "cover"
    smaller = any(side < length for side, length in zip(pair, size))
    if "border" not in crop and (smaller or preparation.resize == "none"):
        crop["border"] = 0
    if preparation.resize != "squash" or pair != tuple(size):
        steps.append(crop)
    low, high = value_range
    steps.append({"step": "value_range", "low": float(low), "high": float(high)})
    return {"num_channels": num_channels, "steps": steps}


def _colour(mean, num_channels):
    """The pixel of the mean, in whole numbers."""
    if len(mean) != num_channels:
        mean = [sum(mean) / len(mean)] * num_channels
    return [round(255 * value) for value in mean]
