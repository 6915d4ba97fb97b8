"""Other evaluation steps than a model's own, as a string, a list or JSON."""

from collections.abc import Sequence

from keras_vit.data.steps import BatchStep, Step, ValueRange
from keras_vit.data.steps.preprocessing import Preprocessing
from keras_vit.data.steps.spelling import steps_from_text


def evaluation_with(given, own: Preprocessing) -> Preprocessing:
    """The evaluation steps that were asked for in place of a model's own.

    Args:
        given: None for the model's own; a string of steps, such as
            `"resize_small(256)|central_crop(224)"`, or a list of them: steps that name
            no size take the model's, and where no step sets the value range, it is the
            model's; or a `Preprocessing` or its JSON, taken as it is.
        own: The model's `Preprocessing`.

    Returns:
        A `Preprocessing` of the same size and channels.

    Raises:
        ValueError: if a step is wrong, random or for training, or other images come
            out than the model takes.
    """
    if given is None:
        return own
    if isinstance(given, dict):
        given = Preprocessing.from_json(given)
    if not isinstance(given, Preprocessing):
        given = Preprocessing(_with_range(_steps(given, own), own), own.num_channels)
    _check(given.steps)
    made = (*given.image_size, given.num_channels)
    wanted = (*own.image_size, own.num_channels)
    if made != wanted:
        raise ValueError(
            "The steps must end with images that the model takes, of "
            f"{wanted[0]}x{wanted[1]} pixels and {wanted[2]} channels. Received: steps "
            f"that make {made[0]}x{made[1]} pixels and {made[2]} channels. A model for "
            "another size comes from keras_vit.with_image_size."
        )
    return given


def _steps(given, own):
    if isinstance(given, str):
        steps = steps_from_text(given, own.image_size)
    elif isinstance(given, Sequence):
        steps = tuple(given)
    else:
        steps = (None,)
    if not all(isinstance(step, Step | BatchStep) for step in steps):
        raise ValueError(
            "Evaluation steps are given as a string, such as "
            "'resize_small(256)|central_crop(224)', a list of steps, or a "
            f"`Preprocessing`. Received: {given!r}"
        )
    return steps


def _with_range(steps, own):
    _check(steps)
    if any(isinstance(step, ValueRange) for step in steps):
        return steps
    return steps + tuple(s for s in own.image_steps if isinstance(s, ValueRange))


def _check(steps):
    wrong = [s for s in steps if s.random or isinstance(s, BatchStep)]
    if wrong:
        raise ValueError(
            "Evaluation takes steps on images that have nothing random: resize, "
            "resize_small, central_crop, pad and value_range. "
            f"Received: {wrong[0]}"
        )
