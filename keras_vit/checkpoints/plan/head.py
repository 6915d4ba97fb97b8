"""Rules for loading heads and `pre_logits`, which differ from task to task."""

import logging

import numpy as np

from keras_vit.checkpoints.architecture import class_count
from keras_vit.checkpoints.names.segmenter import CLASS_TOKENS, OF_CLASSES
from keras_vit.checkpoints.names.vit import (
    DETECTION_HEADS,
    HEAD,
    HEAD_CODES,
    PRE_LOGITS,
)

logger = logging.getLogger(__name__)

ZERO_HEAD = (
    "The head is all zeros, as in the original ImageNet-21k files, whose heads "
    "were withheld: every class is equally likely until the model is fine-tuned."
)


def plan_head(plan):
    """Plans `pre_logits` and `head`, and parts that are as new as those.

    The official fine-tuning rule: `pre_logits` is loaded where the model has it and
    dropped where not; the head is loaded if it has as many classes and reads the
    same features, else it becomes zero, so that the first loss is `ln(classes)`.
    """
    if plan.checkpoint.masked:
        for path in plan.variables:
            new = path.startswith(("pooling/", "pre_logits/"))
            if new and plan.wants(path) and not plan.has(path):
                plan.leave(path)
                plan.report.reinitialized[path] = (
                    "masked patch prediction does without it; it keeps its values"
                )
    wanted, given = plan.wants(PRE_LOGITS[0]), plan.has(PRE_LOGITS[0])
    if given and not wanted:
        plan.leave(*PRE_LOGITS)
        if plan.wants(HEAD[0]):
            plan.report.notes.append(
                "pre_logits was dropped: the model has no representation_size (the "
                "official rule for fine-tuning)."
            )
    if not plan.wants(HEAD[0]):
        plan.leave(*HEAD)
        _plan_codes(plan)
        _plan_class_tokens(plan)
        _plan_detection_head(plan)
        return
    ours = plan.variables[HEAD[1]].shape[0]
    theirs = class_count(plan.checkpoint)
    if HEAD[0] not in plan.checkpoint and plan.has(HEAD[1]):
        plan.misfit(HEAD[1], "has no kernel beside it: the file is incomplete")
        return
    if not plan.has(HEAD[0]):
        reason = f"the weights have no head; the model's {ours} classes start from zero"
    elif theirs != ours:
        reason = (
            f"the weights have {theirs} classes, the model {ours}; it starts from zero"
        )
    elif wanted != given:
        reason = "it reads other features than the weights' head; it starts from zero"
    else:
        return
    plan.leave(*HEAD)
    for path in filter(plan.wants, HEAD):
        shape = tuple(plan.variables[path].shape)
        plan.actions[path] = lambda shape=shape: np.zeros(shape, "float32")
        plan.report.reinitialized[path] = reason
    logger.info("Head re-initialised: %s.", reason)


def _plan_class_tokens(plan):
    """Of a mask transformer for other classes, what belongs to each is its own."""
    wanted = plan.wants(CLASS_TOKENS) and plan.has(CLASS_TOKENS)
    if not wanted or plan.fits(CLASS_TOKENS):
        return
    for path in filter(plan.has, OF_CLASSES):
        plan.leave(path)
        plan.report.reinitialized[path] = (
            "the weights are for other classes; it keeps its own values"
        )


def _plan_detection_head(plan):
    """Of a detector for other classes, the layer that tells them is the model's own."""
    for kernel, bias in DETECTION_HEADS:
        there = plan.wants(bias) and plan.has(bias)
        if there and not plan.fits(bias):
            plan.leave(kernel, bias)
            for path in (kernel, bias):
                plan.report.reinitialized[path] = (
                    "the weights are for other classes; it keeps its own values"
                )


def _plan_codes(plan):
    """Codes of other classes are left: the model's own are as good."""
    if not plan.wants(HEAD_CODES):
        plan.leave(HEAD_CODES)
    elif plan.has(HEAD_CODES) and not plan.fits(HEAD_CODES):
        plan.leave(HEAD_CODES)
        plan.report.reinitialized[HEAD_CODES] = (
            "the weights have codes of other classes; it keeps its own"
        )
