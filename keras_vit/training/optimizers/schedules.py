"""Learning-rate schedules as the papers use them: pure functions of the step."""

import inspect
import math

import keras
from keras import ops

from keras_vit.common.checks import check_choice

DECAYS = ("cosine", "linear", "rsqrt", "bit", "exponential", "constant")


@keras.saving.register_keras_serializable(package="keras_vit")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from zero, times a decay over the remaining steps.

    With `p = clip((step - warmup_steps) / (total_steps - warmup_steps), 0, 1)`:

    - `"cosine"`: `learning_rate * (1 + cos(pi * p)) / 2`;
    - `"linear"`: `end + (learning_rate - end) * (1 - p)`;
    - `"rsqrt"`: `learning_rate / sqrt(1 + (step - warmup_steps) / timescale)`, from
      the end of the warm-up on;
    - `"bit"`: `learning_rate`, a tenth of it after the first step of `decay_at`, a
      hundredth after the second, and so on; or the shares of it in `decay_to`;
    - `"exponential"`: `learning_rate * factor ** floor(step / every)`, from the end of
      the warm-up on;
    - `"constant"`: `learning_rate`;

    and the whole is multiplied by `min(1, step / warmup_steps)` and by
    `min(1, (total_steps - step) / cooldown_steps)`. Steps count from zero, so with a
    warm-up the very first update has a rate of zero, as in the official code.

    Args:
        learning_rate: Float, the highest rate, reached at the end of the warm-up.
        total_steps: Integer, the number of updates of the whole run.
        warmup_steps: Integer in `[0, total_steps)`. Defaults to `0`.
        decay: `"cosine"`, `"linear"`, `"rsqrt"`, `"bit"`, `"exponential"` or
            `"constant"`. Defaults to `"cosine"`.
        end: Float, the last rate of the linear decay. Defaults to `1e-5`, as in
            the official code; the other decays do not use it.
        timescale: Integer, updates in which `"rsqrt"` falls to 0.71 of the rate.
            Defaults to `10000`.
        cooldown_steps: Integer, the last updates, over which the rate falls linearly
            to zero, for every decay. Defaults to `0`.
        decay_at: Steps, ascending, of `"bit"`. Defaults to none.
        decay_to: Shares of the rate, one for each of `decay_at`. Defaults to powers of
            a tenth.
        every: Float, steps after which `"exponential"` falls, which need not be whole.
            Defaults to `1.0`.
        factor: Float, by which it then multiplies the rate. Defaults to `0.97`.

    Raises:
        ValueError: if `decay` is unknown or the step counts contradict each other.

    Example:

    >>> schedule = WarmupSchedule(1e-3, total_steps=100, warmup_steps=10)
    >>> float(schedule(5))
    0.0005

    Reference: `create_learning_rate_schedule` of the official
        [vision_transformer](https://github.com/google-research/vision_transformer)
        and of [big_vision](https://github.com/google-research/big_vision) (rsqrt);
        `bit_hyperrule.py` of
        [big_transfer](https://github.com/google-research/big_transfer);
        `build_learning_rate` of `efficientnet/utils.py` in
        [tpu](https://github.com/tensorflow/tpu) (exponential).
    """

    def __init__(
        self,
        learning_rate,
        total_steps,
        *,
        warmup_steps=0,
        decay="cosine",
        end=1e-5,
        timescale=10_000,
        cooldown_steps=0,
        decay_at=(),
        decay_to=(),
        every=1.0,
        factor=0.97,
        name=None,
    ):
        super().__init__()
        check_choice(decay, DECAYS, "decay")
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "`warmup_steps` must be at least 0 and less than `total_steps`, the "
                "number of updates of the whole run. Received: "
                f"warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        if not 0 <= cooldown_steps <= total_steps - warmup_steps:
            raise ValueError(
                "`cooldown_steps` must be at least 0 and fit between the warm-up and "
                f"the end. Received: cooldown_steps={cooldown_steps}, "
                f"warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.end = end
        self.timescale = timescale
        self.cooldown_steps = cooldown_steps
        self.decay_at = list(decay_at)
        self.decay_to = list(decay_to)
        self.every = every
        self.factor = factor
        self.name = name

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = self._decayed(step)
        if self.warmup_steps:
            rate = rate * ops.minimum(1.0, step / self.warmup_steps)
        if self.cooldown_steps:
            left = (self.total_steps - step) / self.cooldown_steps
            rate = rate * ops.clip(left, 0.0, 1.0)
        return rate

    def _decayed(self, step):
        after = step - self.warmup_steps
        progress = ops.clip(after / (self.total_steps - self.warmup_steps), 0.0, 1.0)
        if self.decay == "cosine":
            return self.learning_rate * 0.5 * (1.0 + ops.cos(math.pi * progress))
        if self.decay == "linear":
            return self.end + (self.learning_rate - self.end) * (1.0 - progress)
        if self.decay == "rsqrt":
            after = ops.maximum(after, 0.0)
            return self.learning_rate / ops.sqrt(1.0 + after / self.timescale)
        rate = self.learning_rate * ops.ones_like(progress)
        if self.decay == "bit":
            shares = self.decay_to or [None] * len(self.decay_at)
            for last, share in zip(self.decay_at, shares):
                lower = rate / 10.0 if share is None else self.learning_rate * share
                rate = ops.where(step > last, lower, rate)  # the step has the old rate
        if self.decay == "exponential":
            falls = ops.floor(step / self.every)
            lower = rate * ops.power(self.factor, falls)
            rate = ops.where(after >= 0, lower, rate)
        return rate

    def get_config(self):
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}
