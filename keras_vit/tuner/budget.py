"""What a trial may cost at most."""

import dataclasses

from keras_vit.costs.memory import as_size


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a model costs, found before it is built."""

    parameters: int
    # Floating-point operations of one forward pass of one image, in 1e9; a multiply-add
    # counts as two.
    gflops: float
    # Bytes that training it needs at most, as `estimate_training` finds them.
    memory: int


@dataclasses.dataclass(frozen=True)
class Budget:
    """The most that a model may cost; `None` is no limit.

    A recipe over it is never built: another one is drawn in its place, and counted.

    Args:
        parameters: Integer, weights of the model.
        gflops: Float, 1e9 operations of a forward pass of one image, a multiply-add
            counted as two.
        memory: Integer, bytes that training needs: weights, gradients, optimizer,
            activations and images.

    Raises:
        ValueError: if a limit is not positive.

    Example:

    >>> Budget(parameters=1_000_000, memory=2 * 2**30)
    """

    parameters: int | None = None
    gflops: float | None = None
    memory: int | None = None

    def __post_init__(self):
        for name, limit in dataclasses.asdict(self).items():
            if limit is not None and not limit > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={limit}")

    def excess(self, cost):
        """Why a `Cost` is too much, in words; `None` if it is not."""
        for name, limit in dataclasses.asdict(self).items():
            needed = getattr(cost, name)
            if limit is not None and needed > limit:
                show = _SHOWN[name]
                return f"{show(needed)} are more than the budget of {show(limit)}"
        return None


_SHOWN = {
    "parameters": lambda count: f"{count:,} parameters",
    "gflops": lambda count: f"{count:.3g} GFLOPs",
    "memory": lambda count: f"{as_size(count)} of memory",
}
