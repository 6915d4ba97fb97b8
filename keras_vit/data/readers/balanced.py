"""An endless order of examples in which every class comes equally often.

Draws come in rounds. A round has every class once, in an order of its own, so that
any number of draws in a row is as equal as it can be. In round `j` a class gives its
example number `j`, counted through orders of its own, one after another: each of its
examples comes once before any comes again. All of it is a function of the seed and of
the number of the draw, so a stream can start anywhere, and processes can leave out the
draws of others.
"""

import numpy as np

from keras_vit.data.randomness import mix_int

_CLASSES, _MEMBERS = 0x636C617373, 0x6D656D62  # what tells the two kinds of draws apart


def balanced_draws(labels, seed, begin, end):
    """The draws from number `begin` to `end`, counted from the first of the run.

    Args:
        labels: Integers `(N,)`, the classes. Those without an example are not drawn.
        seed: Integer.
        begin: Integer.
        end: Integer.

    Returns:
        `(indices, times)`, `int64`: which example it is, and how often it was drawn
        before.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    first, last = begin // len(members), -(-end // len(members))
    rounds = np.arange(first, last)
    # Of every round: the example that each class gives, how often it came, the order.
    given, times = np.empty((2, len(rounds), len(members)), np.int64)
    for place, examples in enumerate(members):
        size = len(examples)
        passes = np.arange(first // size, (last - 1) // size + 1)
        orders = np.argsort(_keys(seed ^ _MEMBERS, passes, examples), axis=1)
        given[:, place] = examples[orders].reshape(-1)[rounds - passes[0] * size]
        times[:, place] = rounds // size
    turns = np.argsort(_keys(seed ^ _CLASSES, rounds, range(len(members))), axis=1)
    begun = begin - first * len(members)
    return tuple(
        np.take_along_axis(values, turns, axis=1).reshape(-1)[begun:][: end - begin]
        for values in (given, times)
    )


def _keys(seed, rows, columns):
    """Random numbers for all pairs of two rows of integers: `uint64` `(R, C)`."""
    start = np.uint64(mix_int(seed % 2**64))
    by_row = _mix(start ^ np.asarray(rows).astype(np.uint64))
    return _mix(by_row[:, None] ^ np.asarray(columns).astype(np.uint64))


def _mix(x):
    """`randomness.mix` of NumPy's integers."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
