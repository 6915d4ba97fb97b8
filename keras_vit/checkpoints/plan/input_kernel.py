"""Adapts the first kernel to another number of image channels."""

import logging

import numpy as np

from keras_vit.checkpoints.architecture import patch_of
from keras_vit.checkpoints.names.vit import PATCH_BIAS, PATCH_KERNEL
from keras_vit.common.checks import check_choice

logger = logging.getLogger(__name__)


def plan_input_kernel(plan, path, rule=None):
    """Plans the patch projection or the root convolution for other channels.

    Args:
        plan: A `Plan`.
        path: Path of the kernel's variable; `(..., channels, filters)` in the file.
        rule: `None`: the channels must agree. `"sum"`: one channel gets the sum of
            the file's, so that patches of grey images become what they were as
            colours; the standardised kernels of a ResNet come near. `"repeat"`:
            channels are repeated in turn and scaled so that their sum stays.
    """
    check_choice(rule, (None, "sum", "repeat"), "in_channels_rule")
    shape = plan.checkpoint.shape(path)
    wanted = tuple(plan.variables[path].shape)
    old, new = _channels(plan, path)
    if shape == wanted or old is None or old == new:
        return
    if path == PATCH_KERNEL and shape[0] // old != wanted[0] // new:
        return  # the patch differs too, which `Plan.complete` says
    if rule is None:
        plan.misfit(
            path,
            f"is for images of {old} channels, the model takes {new}: pass "
            "`in_channels_rule='sum'` (grey images) or 'repeat'",
        )
        return
    if rule == "sum" and new != 1:
        raise ValueError(
            "`in_channels_rule='sum'` makes one channel of the file's. "
            f"Received: a model of num_channels={new}. Use 'repeat'."
        )

    factors, moves = _grey(plan, old)

    def by_channel():
        kernel = np.asarray(plan.read(path), "float32")
        return kernel.reshape(-1, old, kernel.shape[-1])

    def value():
        kernel = by_channel()
        if rule == "sum":
            kernel = (kernel * factors[:, None]).sum(1, keepdims=True)
        else:
            kernel = kernel[:, np.arange(new) % old] * (old / new)
        return kernel.reshape(wanted).astype("float32")

    plan.use(path, value)
    if rule == "sum" and moves.any() and _is_filled(plan, PATCH_BIAS):

        def bias():
            moved = (by_channel() * moves[:, None]).sum((0, 1))
            return (plan.read(PATCH_BIAS) + moved).astype("float32")

        plan.use(PATCH_BIAS, bias)
    note = f"{path}: {old} channels to {new} by {rule!r}."
    plan.report.notes.append(note)
    logger.info("Input kernel adapted: %s", note)


def _is_filled(plan, path):
    return plan.wants(path) and plan.has(path) and plan.fits(path)


def _grey(plan, channels):
    """By what a kernel is multiplied, and what is added, for scaled grey images.

    A model of one channel scales its images by one mean and deviation, the weights want
    one for each channel.
    """
    theirs = plan.checkpoint.input_scaling
    ours = plan.settings.get("arguments", {}).get("input_scaling")
    if theirs is None or ours is None or len(theirs[0]) != channels:
        return np.ones(channels, "float32"), np.zeros(channels, "float32")
    (mean, deviation), (own_mean, own_deviation) = np.array(theirs), np.array(ours)
    factors, moves = own_deviation / deviation, (own_mean - mean) / deviation
    return factors.astype("float32"), moves.astype("float32")


def _channels(plan, path):
    """The image channels of file and model, `(None, None)` where unknown."""
    if path != PATCH_KERNEL:
        return plan.checkpoint.shape(path)[-2], plan.variables[path].shape[-2]
    if plan.settings.get("family") != "vit":
        return None, None
    patch, theirs = patch_of(plan.checkpoint), plan.checkpoint.settings
    old = theirs["arguments"]["num_channels"] if theirs else patch and patch[2]
    return old, plan.settings["arguments"].get("num_channels")
