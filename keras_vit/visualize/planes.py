"""What the cells of a Neocognitron's planes look for, as images."""

import numpy as np
from keras import ops

from keras_vit.layers import CLayer, SLayer
from keras_vit.layers.classic.s_layer import falloff_by_distance


def plane_fields(model, layer="s1"):
    """The receptive field of one cell in each plane of an S-layer.

    Synapses are traced back through the layers before, C-cells as the weighted sums
    that excite them: inhibition and saturation are left out, so that it is a linear
    picture of which pixels excite a cell.

    Args:
        model: A `keras_vit.Neocognitron`.
        layer: `"s1"`, `"s2"` or `"s3"`.

    Returns:
        Float32 array `(planes, rows, columns, channels)`: 5x5 pixels for `"s1"`, 17x17
        for `"s2"`, 41x41 for `"s3"`, whose cells see all of a small image.

    Raises:
        ValueError: if the model has no such S-layer.

    Example:

    >>> fields = plane_fields(keras_vit.Neocognitron(5), "s2")
    >>> fields.shape
    (24, 17, 17, 1)
    >>> keras_vit.visualize.plot_filters(fields, columns=6).savefig("planes.png")
    """
    cells = [one for one in model.layers if isinstance(one, (SLayer, CLayer))]
    names = [one.name for one in cells if isinstance(one, SLayer)]
    if layer not in names:
        raise ValueError(
            "`layer` must name an S-layer of the model. "
            f"Received: layer={layer!r}, S-layers: {', '.join(names) or 'none'}"
        )
    channels = cells[0].excitation.shape[2]
    # Of each input, the pixels that it reads: at first each channel itself.
    fields, jump = np.eye(channels, dtype="float32")[:, None, None], 1
    for one in cells:
        if isinstance(one, SLayer):
            weights = ops.convert_to_numpy(one.excitation)  # (A, A, before, planes)
        else:
            weights = one.strength * falloff_by_distance(one.area, one.falloff)
            weights = weights[..., None, None] * np.eye(len(fields))
        fields = _traced(fields, weights, jump)
        jump *= getattr(one, "strides", 1)
        if one.name == layer:
            return fields.astype("float32")


def _traced(fields, weights, jump):
    """Fields of cells that read others `jump` pixels apart, whose fields are given."""
    area = len(weights)
    rows, columns, channels = fields.shape[1:]
    more = jump * (area - 1)
    found = np.zeros((weights.shape[-1], rows + more, columns + more, channels))
    for i in range(area):
        for j in range(area):
            part = np.einsum("kp,khwc->phwc", weights[i, j], fields)
            top, left = i * jump, j * jump
            found[:, top : top + rows, left : left + columns] += part
    return found
