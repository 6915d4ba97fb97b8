"""Student's t: the interval of a mean of a few runs, with the standard library."""

import math


def t_quantile(share, degrees):
    """The value below which a variable with Student's t lies with this probability.

    Args:
        share: Float in `(0, 1)`, the probability.
        degrees: Degrees of freedom, positive; need not be whole.

    Example:

    >>> round(t_quantile(0.975, 2), 3)
    4.303
    """
    if not 0 < share < 1 or not degrees > 0:
        raise ValueError(
            "`share` must be in (0, 1) and `degrees` positive. "
            f"Received: share={share}, degrees={degrees}"
        )
    low, high = -1.0, 1.0
    while t_probability(low, degrees) > share:
        low *= 2
    while t_probability(high, degrees) < share:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if t_probability(middle, degrees) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def t_probability(value, degrees):
    """The probability that a variable with Student's t lies below a value."""
    if value == 0:
        return 0.5
    tail = _beta(degrees / (degrees + value * value), degrees / 2, 0.5) / 2
    return 1 - tail if value > 0 else tail


def _beta(x, a, b):
    """The regularised incomplete beta function, by its continued fraction.

    Reference: Abramowitz and Stegun, 26.5.8; evaluated by Lentz's method.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges fast
        return 1 - _beta(1 - x, b, a)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log + a * math.log(x) + b * math.log1p(-x))
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    result = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            result *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * result / a
