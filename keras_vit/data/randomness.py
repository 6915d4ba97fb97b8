"""Random numbers as pure functions of integers, for single images and whole batches.

Every draw of the pipeline is a function of (seed, epoch, index of the example, number
of the step): no generator carries a state, so a stream can start anywhere, in any
number of threads, and give what an uninterrupted stream gives. The mixing function is
SplitMix64, which works element by element: a batch of images costs one call, and each
of them gets the same numbers as it would alone.

Reference: [Steele et al., 2014](https://doi.org/10.1145/2714064.2660195), figure 17.
"""

import numpy as np
import tensorflow as tf


def mix(x):
    """SplitMix64: a bijection of the 64-bit integers that looks random.

    Args:
        x: Tensor of dtype `uint64`, any shape.

    Returns:
        Tensor of dtype `uint64`, same shape.
    """
    z = x + tf.constant(0x9E3779B97F4A7C15, tf.uint64)
    z = (z ^ _shift(z, 30)) * tf.constant(0xBF58476D1CE4E5B9, tf.uint64)
    z = (z ^ _shift(z, 27)) * tf.constant(0x94D049BB133111EB, tf.uint64)
    return z ^ _shift(z, 31)


def _shift(x, bits):
    return tf.bitwise.right_shift(x, tf.constant(bits, tf.uint64))


def epoch_seed(seed: int, epoch):
    """The seed of one epoch: scalar `uint64`. `seed` may be any Python integer."""
    mixed = tf.constant(mix_int(seed % 2**64), tf.uint64)
    return mix(mixed ^ tf.cast(epoch, tf.uint64))


def image_seeds(seed: int, epoch, index):
    """The seeds of examples in an epoch: `uint64`, shape of `index`."""
    return mix(epoch_seed(seed, epoch) ^ tf.cast(index, tf.uint64))


def step_seeds(seeds, step: int):
    """The seeds of the pipeline's step number `step`, from the images' seeds."""
    return mix(seeds ^ tf.constant(mix_int(step), tf.uint64))


def mix_int(x: int) -> int:
    """`mix` of one Python integer, as a Python integer."""
    mask = 2**64 - 1
    z = (x + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def uniform(seeds, count: int):
    """Uniform numbers in [0, 1) for each seed.

    Args:
        seeds: `uint64` tensor, shape `(B,)`.
        count: Integer, numbers per seed.

    Returns:
        `float32` tensor, shape `(B, count)`, multiples of 2^-24.
    """
    counter = np.array([mix_int(i) for i in range(count)], np.uint64)
    bits = mix(seeds[:, None] ^ tf.constant(counter)[None])
    # 24 bits fill a float32 exactly: rounding can't reach 1.0.
    return tf.cast(_shift(bits, 40), tf.float32) * (1.0 / 2**24)


def uniform_int(seeds, limit, count: int = 1):
    """Uniform integers in [0, limit) for each seed: `int32`, shape `(B, count)`."""
    limit = tf.cast(limit, tf.int32)
    drawn = tf.cast(uniform(seeds, count) * tf.cast(limit, tf.float32), tf.int32)
    return tf.minimum(drawn, limit - 1)


def seed_pair(seed):
    """The two `int32` that `tf.random.stateless_*` functions want, from a scalar."""
    return tf.bitcast(seed, tf.int32)


def permutation(size: int, seed: int, epoch):
    """The order of an epoch: a permutation of `range(size)`, `int64`.

    The indices are sorted by their own random number. The numbers are all different,
    because `mix` is a bijection, so the order is the same on every machine.
    """
    keys = image_seeds(seed ^ 0x6F72646572, epoch, tf.range(size, dtype=tf.int64))
    return tf.cast(tf.argsort(tf.bitcast(keys, tf.int64)), tf.int64)
