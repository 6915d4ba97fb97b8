"""Outputs of detectors as one array, which every format can hold."""

import keras


def side_by_side(outputs):
    """The outputs of a detector as one tensor `(batch, places, numbers)`.

    By their names in alphabetical order; a single output stays as it is.
    """
    if not isinstance(outputs, dict):
        return outputs
    parts = [outputs[name] for name in sorted(outputs)]
    parts = [p if len(p.shape) == 3 else keras.ops.expand_dims(p, -1) for p in parts]
    return keras.ops.concatenate(parts, axis=-1)


def has_several(model):
    """Whether a model gives a dictionary of outputs; a Sequential has no `output`."""
    return isinstance(getattr(model, "output", None), dict)


def shape_of(model):
    """The shape of a model's output, of a detector's side by side."""
    if not has_several(model):
        return model.output_shape
    places = next(iter(model.output.values())).shape[:2]
    return (*places, sum(_numbers(model).values()))


def outputs_note(job):
    """A sentence about the numbers of a detector; none for other models."""
    if not has_several(job.plain):
        return []
    texts = [f"{name} ({count})" for name, count in _numbers(job.plain).items()]
    together = ", ".join(texts)
    return [f"Outputs of a place stand side by side in one array: {together}."]


def _numbers(model):
    """How many numbers each output has for a place, in the order of the array."""
    found = {name: model.output[name].shape for name in sorted(model.output)}
    return {name: s[2] if len(s) == 3 else 1 for name, s in found.items()}
