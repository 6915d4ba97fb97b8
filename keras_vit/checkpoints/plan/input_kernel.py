"""Adapts the first kernel to another number of image channels."""

import logging

import numpy as np

from keras_vit.checkpoints.architecture import patch_of
from keras_vit.checkpoints.names.vit import PATCH_KERNEL
from keras_vit.common.checks import check_choice

logger = logging.getLogger(__name__)


def plan_input_kernel(plan, path, rule=None):
    """Plans the patch projection or the root convolution for other channels.

    Args:
        plan: A `Plan`.
        path: Path of the kernel's variable; `(..., channels, filters)` in the file.
        rule: `None`: the channels must agree. `"sum"`: one channel gets the sum of
            the file's, which is exact for grey images. `"repeat"`: channels are
            repeated in turn and scaled so that their sum stays.
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

    def value():
        kernel = np.asarray(plan.read(path), "float32")
        kernel = kernel.reshape(-1, old, kernel.shape[-1])
        if rule == "sum":
            kernel = kernel.sum(1, keepdims=True)
        else:
            kernel = kernel[:, np.arange(new) % old] * (old / new)
        return kernel.reshape(wanted).astype("float32")

    plan.use(path, value)
    note = f"{path}: {old} channels to {new} by {rule!r}."
    plan.report.notes.append(note)
    logger.info("Input kernel adapted: %s", note)


def _channels(plan, path):
    """The image channels of file and model, `(None, None)` where unknown."""
    if path != PATCH_KERNEL:
        return plan.checkpoint.shape(path)[-2], plan.variables[path].shape[-2]
    if plan.settings.get("family") != "vit":
        return None, None
    patch, theirs = patch_of(plan.checkpoint), plan.checkpoint.settings
    old = theirs["arguments"]["num_channels"] if theirs else patch and patch[2]
    return old, plan.settings["arguments"].get("num_channels")
