"""Mean and standard deviation of a number over several runs."""

import dataclasses
import math
import statistics


@dataclasses.dataclass(frozen=True)
class Summary:
    """What `summarise` found; prints as mean and standard deviation."""

    # The numbers, in their order.
    values: tuple
    mean: float
    # Of the sample (divided by n - 1); `None` for one number, which has no spread.
    standard_deviation: float | None
    # How many numbers.
    n: int

    def __str__(self):
        if self.standard_deviation is None:
            return f"{self.mean:.4g} (n = 1)"
        return f"{self.mean:.4g} ± {self.standard_deviation:.2g} (n = {self.n})"

    def to_json(self):
        """The summary as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "values": list(self.values)}


def summarise(values):
    """Mean, standard deviation and number of some numbers.

    Args:
        values: Finite numbers, at least one, such as the accuracies of runs that
            differ in their seed only.

    Returns:
        A `Summary`. Its standard deviation is the sample's, as papers give it.

    Raises:
        ValueError: if there are no numbers, or one is not finite.

    Example:

    >>> print(summarise([0.81, 0.83, 0.82]))
    0.82 ± 0.01 (n = 3)
    """
    values = tuple(float(value) for value in values)
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(
            "`values` must be finite numbers, at least one. "
            f"Received: values={list(values)}"
        )
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Summary(values, statistics.fmean(values), spread, len(values))
