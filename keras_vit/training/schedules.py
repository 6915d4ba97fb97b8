"""Learning-rate schedules as the papers use them: pure functions of the step."""

import math

import keras
from keras import ops

DECAYS = ("cosine", "linear", "constant")


@keras.saving.register_keras_serializable(package="keras_vit")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from zero, times a decay over the remaining steps.

    With `p = clip((step - warmup_steps) / (total_steps - warmup_steps), 0, 1)`:

    - `"cosine"`: `learning_rate * (1 + cos(pi * p)) / 2`;
    - `"linear"`: `end + (learning_rate - end) * (1 - p)`;
    - `"constant"`: `learning_rate`;

    and the whole is multiplied by `min(1, step / warmup_steps)`. Steps count from
    zero, so with a warm-up the very first update has a rate of zero, as in the
    official code.

    Args:
        learning_rate: Float, the highest rate, reached at the end of the warm-up.
        total_steps: Integer, the number of updates of the whole run.
        warmup_steps: Integer in `[0, total_steps)`. Defaults to `0`.
        decay: `"cosine"`, `"linear"` or `"constant"`. Defaults to `"cosine"`.
        end: Float, the last rate of the linear decay. Defaults to `1e-5`, as in
            the official code; the other decays do not use it.

    Raises:
        ValueError: if `decay` is unknown or the step counts contradict each other.

    Example:

    >>> schedule = WarmupSchedule(1e-3, total_steps=100, warmup_steps=10)
    >>> float(schedule(5))
    0.0005

    Reference: `create_learning_rate_schedule` of the official
        [vision_transformer](https://github.com/google-research/vision_transformer).
    """

    def __init__(
        self,
        learning_rate,
        total_steps,
        *,
        warmup_steps=0,
        decay="cosine",
        end=1e-5,
        name=None,
    ):
        super().__init__()
        if decay not in DECAYS:
            raise ValueError(
                f"`decay` must be one of {', '.join(DECAYS)}. Received: decay={decay!r}"
            )
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "`warmup_steps` must be at least 0 and less than `total_steps`, the "
                "number of updates of the whole run. Received: "
                f"warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.end = end
        self.name = name

    def __call__(self, step):
        step = ops.cast(step, "float32")
        progress = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        progress = ops.clip(progress, 0.0, 1.0)
        if self.decay == "cosine":
            rate = self.learning_rate * 0.5 * (1.0 + ops.cos(math.pi * progress))
        elif self.decay == "linear":
            rate = self.end + (self.learning_rate - self.end) * (1.0 - progress)
        else:
            rate = self.learning_rate * ops.ones_like(progress)
        if self.warmup_steps:
            rate = rate * ops.minimum(1.0, step / self.warmup_steps)
        return rate

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "decay": self.decay,
            "end": self.end,
            "name": self.name,
        }
