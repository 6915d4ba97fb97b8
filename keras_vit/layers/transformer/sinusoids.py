"""Positions as sines and cosines, in the orders that programs put them."""

import numpy as np

from keras_vit.common.checks import check_choice, check_positive

ORDERS = ("interleaved", "halves", "tensor2tensor")


def sincos1d(length, hidden_dim, order="interleaved", temperature=10_000.0, xp=np):
    """Sine and cosine position embeddings of a sequence.

    Args:
        length: Integer, the number of tokens; or a scalar tensor.
        hidden_dim: Integer, their width, an even number; at least 4 for
            `"tensor2tensor"`.
        order: `"interleaved"`: a sine in each even channel and a cosine in each odd
            one, as the paper says; `"halves"`: the same numbers, all sines before all
            cosines; `"tensor2tensor"`: halves too, but the longest wavelength is
            exactly `2 * pi * temperature`, as in the code of the paper's authors.
            Weights that were trained with one order are wrong with another.
        temperature: Float, the longest wavelength over `2 * pi`.
        xp: `numpy` (float64), or `keras.ops` (float32) where the length is a tensor.

    Returns:
        Array `(length, hidden_dim)`.

    Raises:
        ValueError: if the order is unknown, or `hidden_dim` does not divide.

    Example:

    >>> keras_vit.layers.sincos1d(50, 512).shape
    (50, 512)

    Reference: [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5;
    `tensor2tensor/layers/common_attention.py: get_timing_signal_1d`.
    """
    check_choice(order, ORDERS, "order")
    check_positive(hidden_dim=hidden_dim)
    least = 4 if order == "tensor2tensor" else 2
    if hidden_dim % 2 or hidden_dim < least:
        raise ValueError(
            f"`hidden_dim` must be even, at least {least}, for sines and cosines. "
            f"Received: hidden_dim={hidden_dim}"
        )
    half = hidden_dim // 2
    dtype = "float64" if xp is np else "float32"
    exponents = np.arange(half) / (half - 1 if order == "tensor2tensor" else half)
    rates = (temperature**-exponents).astype(dtype)
    angles = xp.expand_dims(xp.arange(length, dtype=dtype), 1) * rates  # (N, D / 2)
    pair = [xp.sin(angles), xp.cos(angles)]
    if order == "interleaved":
        return xp.reshape(xp.stack(pair, -1), (-1, hidden_dim))
    return xp.concatenate(pair, -1)
