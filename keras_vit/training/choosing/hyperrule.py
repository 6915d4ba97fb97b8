"""BiT-HyperRule: the recipe of a fine-tuning run from the size of its data."""

import dataclasses
from typing import Literal

from keras_vit.common.checks import check_choice, is_integer
from keras_vit.training.recipes.recipe import Recipe

# Data sets smaller than these are small, and medium.
SMALL, MEDIUM = 20_000, 500_000

# Images smaller than so many pixels are small.
SMALL_AREA = 96 * 96

# Updates: end of the warm-up, where the rate falls, end of the run.
_CODE = {
    "small": (100, 200, 300, 400, 500),
    "medium": (500, 3_000, 6_000, 9_000, 10_000),
    "large": (500, 6_000, 12_000, 18_000, 20_000),
}
# The paper has no warm-up, and falls at 30, 60 and 90 % of every run.
_PAPER = {
    "small": (0, 150, 300, 450, 500),
    "medium": (0, 3_000, 6_000, 9_000, 10_000),
    "large": (0, 6_000, 12_000, 18_000, 20_000),
}

BATCH_SIZE = 512
LEARNING_RATE = 0.003


@dataclasses.dataclass(frozen=True)
class BiTHyperRule:
    """How to fine-tune on any data set, from two numbers; prints as text.

    The paper and its code differ: the code warms up, lets the rate of small data sets
    fall after 200, 300 and 400 of 500 updates, and cuts 480 pixels out of 512 for
    every large image, which in the paper only the largest model does.

    Args:
        num_examples: Integer, number of training images.
        image_size: Integer or `(height, width)`, pixels of the images as they come.
        version: `"code"` or `"paper"`. Defaults to `"code"`, which the published
            numbers were made with.
        model: A BiT model. In the paper's version R152x4 gets larger images.

    Raises:
        ValueError: if a number is not positive or the version is unknown.

    Example:

    >>> rule = BiTHyperRule(50_000, 32)  # CIFAR
    >>> rule.supports, rule.resize, rule.crop, rule.mixup
    ((500, 3000, 6000, 9000, 10000), 160, 128, 0.1)
    >>> rule.to_recipe(data="cifar10").total_steps
    10000

    Reference: [Kolesnikov et al., 2020](https://arxiv.org/abs/1912.11370);
    `bit_hyperrule.py` of
    [big_transfer](https://github.com/google-research/big_transfer).
    """

    num_examples: int
    image_size: int | tuple[int, int]
    version: Literal["code", "paper"] = "code"
    model: str = "BiT_R50x1"

    def __post_init__(self):
        check_choice(self.version, ("code", "paper"), "version")
        given = (self.num_examples, *self._sides)
        positive = all(is_integer(number) and number > 0 for number in given)
        if len(given) != 3 or not positive:
            raise ValueError(
                "`num_examples` must be a positive integer, and `image_size` one or a "
                "pair (height, width); 224 stands for images of many sizes. Received: "
                f"num_examples={self.num_examples}, image_size={self.image_size}"
            )

    @property
    def size(self):
        """`"small"`, `"medium"` or `"large"`."""
        if self.num_examples < SMALL:
            return "small"
        return "medium" if self.num_examples < MEDIUM else "large"

    @property
    def supports(self):
        """Updates: end of the warm-up, three where the rate falls, end of the run."""
        return (_CODE if self.version == "code" else _PAPER)[self.size]

    @property
    def total_steps(self):
        """Updates of the whole run, with batches of 512."""
        return self.supports[-1]

    @property
    def resize(self):
        """Side in pixels to which an image is resized."""
        return self._resolution[0]

    @property
    def crop(self):
        """Side in pixels of the random part of it that is trained on."""
        return self._resolution[1]

    @property
    def mixup(self):
        """Alpha of mixup; 0 for none."""
        return 0.0 if self.size == "small" else 0.1

    def learning_rate(self, step):
        """The rate of an update, counted from zero; `None` after the last one."""
        warmup, *falls, end = self.supports
        if step >= end:
            return None
        if step < warmup:
            return LEARNING_RATE * step / warmup
        return LEARNING_RATE / 10 ** sum(fall < step for fall in falls)

    @property
    def augment(self):
        """The changes of the training images, as `Recipe` takes them."""
        steps = f"resize({self.resize})|random_crop({self.crop})|flip"
        # The shares as drawn, an image mixed with its mirror place in the batch.
        return f"{steps}|mixup({self.mixup:g},form='bit')" if self.mixup else steps

    def to_recipe(self, **fields):
        """The rule as a recipe.

        Args:
            **fields: Fields of the `Recipe` to set or to change, such as `data`.

        Returns:
            A `Recipe`.
        """
        warmup, *falls, end = self.supports
        values = {
            "model": self.model,
            "weights": "bit-m",
            "image_size": self.crop,
            "augment": self.augment,
            "total_steps": end,
            "warmup_steps": warmup,
            "evaluate_every": end // 10,
            "batch_size": BATCH_SIZE,
            "batch_scaling": "rate_and_steps",
            "learning_rate": LEARNING_RATE,
            "decay": "bit",
            "decay_at": tuple(fall / end for fall in falls),
            "optimizer": "sgd",
            "weight_decay": 0.0,
            "global_clipnorm": None,
        }
        return Recipe(**{**values, **fields})

    def __str__(self):
        warmup, *falls, end = self.supports
        rises = f"warm-up over {warmup} updates, " if warmup else ""
        mixup = f"mixup {self.mixup:g}" if self.mixup else "no mixup"
        return (
            f"BiT-HyperRule ({self.version}) for {self.num_examples:,} images: "
            f"{self.size}\n"
            f"{end:,} updates of {BATCH_SIZE} images at {LEARNING_RATE:g}, {rises}"
            f"a tenth after {', '.join(f'{fall:,}' for fall in falls)}\n"
            f"resize to {self.resize}, random crop of {self.crop}, {mixup}"
        )

    @property
    def _sides(self):
        size = self.image_size
        return tuple(size) if isinstance(size, (tuple, list)) else (size, size)

    @property
    def _resolution(self):
        height, width = self._sides
        if height * width < SMALL_AREA:
            return 160, 128
        large = self.version == "code" or self.model == "BiT_R152x4"
        return (512, 480) if large else (448, 384)
