"""How the relative positions of a file fill those of a model."""

import numpy as np

from keras_vit.checkpoints.positions import check_kernel
from keras_vit.layers.resize import resize_matrix

_NAME = "/relative_positions"


def plan_relative_positions(plan, kernel=None):
    """Plans tables of offsets, resized where the model has another grid.

    The largest offset of one grid becomes the largest of the other.
    """
    kernel = kernel or "official"
    check_kernel(kernel)
    for path, variable in plan.variables.items():
        if not path.endswith(_NAME) or not (plan.wants(path) and plan.has(path)):
            continue
        old, new = plan.checkpoint.shape(path), tuple(variable.shape)
        if old == new or len(old) != 3 or old[0] != new[0]:
            continue  # complete() matches it, or says that it does not fit
        rows, columns = (resize_matrix(a, b, kernel) for a, b in zip(old[1:], new[1:]))

        def value(path=path, rows=rows, columns=columns):
            table = plan.read(path)
            wide = np.einsum("ir,jc,hrc->hij", rows, columns, table.astype("float64"))
            return wide.astype(table.dtype)

        plan.use(path, value)
        plan.report.resized[path] = f"{old[1:]} to {new[1:]} offsets, {kernel}"
