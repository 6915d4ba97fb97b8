"""The budget for a trial's model."""

import dataclasses

from keras_vit.common.wording import as_memory

_SHOWN = {
    "parameters": "{:,} parameters".format,
    "gflops": "{:.3g} GFLOPs".format,
    "memory": lambda count: f"{as_memory(count)} of memory",
}


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
        for name, limit in vars(self).items():
            if limit is not None and not limit > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={limit}")

    def excess(self, cost):
        """Why a `Cost` is too much, in words; `None` if it is not."""
        for name, limit in vars(self).items():
            needed, show = getattr(cost, name), _SHOWN[name]
            if limit is not None and needed > limit:
                return f"{show(needed)} are more than the budget of {show(limit)}"
        return None
