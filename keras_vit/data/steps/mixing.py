"""Steps on whole batches, which mix images and make labels one-hot."""

import dataclasses

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.steps.base import BatchStep, check


@dataclasses.dataclass(frozen=True)
class Mixup(BatchStep):
    """Blends each image, and its label, with a partner of the same batch.

    `share * image + (1 - share) * partner`, one share per batch, from the distribution
    Beta(alpha, alpha).

    Args:
        alpha: Number, 0 or more; 0 mixes nothing, and makes labels one-hot.
        form: `"big_vision"`: the share is at least a half (`max(share, 1 - share)`) and
            the partner is the image before it in the batch, for the first one the last.
            As the AugReg models were trained. `"bit"`: the share is any, and the
            partner comes from the batch in reverse order, as in BiT's fine-tuning.

    Reference: [Zhang et al., 2017](https://arxiv.org/abs/1710.09412); big_vision's
    `utils.get_mixup`, big_transfer's `input_pipeline_tf2_or_jax.py`.
    """

    alpha: float
    form: str = "big_vision"

    random = True

    def __post_init__(self):
        check(self, "alpha", "form")

    def __call__(self, images, labels, num_classes, seeds=None):
        labels = one_hot(labels, num_classes)
        if self.alpha == 0:
            return images, labels
        share = _share(self.alpha, seeds)
        if self.form == "bit":
            partner = lambda x: tf.reverse(x, [0])  # noqa: E731
        else:
            share, partner = tf.maximum(share, 1.0 - share), _before
        return tuple(_mixed(x, partner(x), share) for x in (images, labels))


@dataclasses.dataclass(frozen=True)
class CutMix(BatchStep):
    """Replaces a random rectangle by that of a partner, and the labels by their shares.

    One rectangle per batch, its share of the area from Beta(alpha, alpha) and its
    middle anywhere; what sticks out is cut off, and the labels follow what is left. The
    partner is the image before it in the batch, for the first one the last.

    Args:
        alpha: Number, 0 or more; 0 cuts nothing, and makes labels one-hot. Defaults to
            `1.0`, as published.

    Reference: [Yun et al., 2019](https://arxiv.org/abs/1905.04899), appendix A.
    """

    alpha: float = 1.0

    random = True

    def __post_init__(self):
        check(self, "alpha")

    def __call__(self, images, labels, num_classes, seeds=None):
        labels = one_hot(labels, num_classes)
        if self.alpha == 0:
            return images, labels
        size = tf.cast(tf.shape(images)[1:3], tf.float32)
        edges = tf.floor(size * tf.sqrt(1.0 - _share(self.alpha, seeds)))
        middle = tf.floor(size * randomness.uniform(~seeds[:1], 2)[0])
        begin = tf.maximum(middle - tf.floor(edges / 2), 0.0)
        end = tf.minimum(middle - tf.floor(edges / 2) + edges, size)
        rows, columns = (
            (tf.range(size[axis]) >= begin[axis]) & (tf.range(size[axis]) < end[axis])
            for axis in (0, 1)
        )
        cut = (rows[:, None] & columns[None])[..., None]  # (H, W, 1)
        share = 1.0 - tf.reduce_mean(tf.cast(cut, tf.float32))
        images = tf.where(cut, _before(images), images)
        return images, _mixed(labels, _before(labels), share)


@dataclasses.dataclass(frozen=True)
class LabelSmoothing(BatchStep):
    """Gives a share of every label to all classes equally.

    Args:
        rate: The share, in [0, 1).

    Reference: [Szegedy et al., 2015](https://arxiv.org/abs/1512.00567), section 7.
    """

    rate: float

    def __post_init__(self):
        check(self, "rate")

    def __call__(self, images, labels, num_classes, seeds=None):
        labels = one_hot(labels, num_classes)
        return images, labels * (1.0 - self.rate) + self.rate / num_classes


def one_hot(labels, num_classes: int):
    """`float32` `(B, num_classes)` from integers `(B,)`; one-hot labels stay."""
    return labels if labels.shape.rank == 2 else tf.one_hot(labels, num_classes)


def _share(alpha, seeds):
    """A number from Beta(alpha, alpha), the same for the whole batch."""
    # In float64, because at a small alpha both variates are often tiny.
    pair = randomness.seed_pair(seeds[0])
    gamma = tf.random.stateless_gamma([2], pair, alpha=alpha, dtype=tf.float64)
    return tf.cast(gamma[0] / tf.reduce_sum(gamma), tf.float32)


def _before(x):
    """To each element of a batch the one before it, to the first the last."""
    return tf.concat([x[-1:], x[:-1]], 0)


def _mixed(x, partner, share):
    # So written, TensorFlow needs memory for one more batch only.
    return x + (1.0 - share) * (partner - x)
