"""Hungarian matching: which prediction answers for which object at the least cost."""

import keras
from keras import ops

MOST = 1e6  # a cost beyond counts as this one: the model has diverged


def match(costs, present):
    """The object of each prediction, so that the sum of costs is the least.

    Each object that is there gets one prediction, as long as there are enough of them;
    of more objects than predictions, those stay without whose absence costs least.

    All of it is computed where the model is, also in compiled steps and on TPUs: for
    one object after the other, the shortest path to a free prediction, in all images
    of the batch at a time. A call to SciPy on the host cannot be compiled by XLA under
    TensorFlow, and was seen to wait forever under JAX.

    Args:
        costs: Float tensor `(B, Q, M)`: of Q predictions for M objects.
        present: Boolean tensor `(B, M)`, which objects are there.

    Returns:
        Int32 tensor `(B, Q)`: the object's place, -1 for a prediction without one.

    Reference: Jonker and Volgenant, 1987; Crouse, 2016, "On implementing 2D rectangular
    assignment algorithms".
    """
    num_predictions = costs.shape[1]
    if costs.shape[2] == 0:
        return ops.cast(ops.sum(costs, axis=2), "int32") - 1
    costs = ops.where(ops.isfinite(costs), ops.clip(costs, -MOST, MOST), MOST)
    costs = ops.transpose(costs, (0, 2, 1))  # (B, M, Q)
    num_objects = ops.shape(costs)[1]
    if not isinstance(num_objects, int) or num_objects > num_predictions:
        costs = _with_nobody(costs, num_objects)
    rows = ops.arange(num_objects, dtype="int32")
    columns = ops.arange(ops.shape(costs)[2], dtype="int32")
    none_of_rows = ops.sum(ops.zeros_like(costs), axis=2)  # (B, M) of zeros
    none_of_columns = ops.sum(ops.zeros_like(costs), axis=1)
    state = (
        ops.cast(none_of_columns, "int32") - 1,  # the object of each prediction
        ops.cast(none_of_rows, "int32") - 1,  # the prediction of each object
        none_of_rows,  # dual values of objects,
        none_of_columns,  # and of predictions
    )

    def add(number, state):
        wanted = _at(present, rows == number)  # (B,)
        return _add(costs, number, wanted, rows, columns, state)

    owner = ops.fori_loop(0, num_objects, add, state)[0]
    return owner[:, :num_predictions]


def _with_nobody(costs, num_objects):
    """Costs, and a column for each object that gets no prediction.

    It costs more than any change of all other pairs could save.
    """
    most = ops.max(ops.abs(costs), axis=(1, 2), keepdims=True, initial=1.0)
    price = 2.0 * most * ops.cast(num_objects, costs.dtype)
    shape = (ops.shape(costs)[0], num_objects, num_objects)
    return ops.concatenate([costs, ops.broadcast_to(price, shape)], axis=2)


def _add(costs, number, wanted, rows, columns, state):
    """Gives one more object its prediction, in the images where it is wanted."""
    owner, column_of, of_rows, of_columns = state
    far = ops.full_like(of_columns, float("inf"))

    def search(done, row, least, shortest, came_from, seen, end):
        mine = ops.equal(rows, row[:, None])  # (B, M)
        cost = ops.sum(ops.where(mine[:, :, None], costs, 0.0), axis=1)
        cost = cost + (least - _at(of_rows, mine))[:, None] - of_columns
        nearer = ~seen & (cost < shortest) & ~done[:, None]
        shortest = ops.where(nearer, cost, shortest)
        came_from = ops.where(nearer, row[:, None], came_from)
        left = ops.where(seen, far, shortest)
        column = ops.cast(ops.argmin(left, axis=1), "int32")
        here = ops.equal(columns, column[:, None])
        least = ops.where(done, least, _at(left, here))
        next_row = _at(owner, here)
        seen = seen | (here & ~done[:, None])
        end = ops.where(done, end, column)
        row = ops.where(done | (next_row < 0), row, next_row)
        return done | (next_row < 0), row, least, shortest, came_from, seen, end

    nowhere = ops.zeros_like(owner)
    first = ops.zeros_like(nowhere[:, 0])
    _, _, least, shortest, came_from, seen, end = ops.while_loop(
        lambda done, *_: ops.any(~done),
        search,
        (
            ops.logical_not(wanted),
            first + number,
            ops.zeros_like(of_columns[:, 0]),
            far,
            nowhere,
            ops.cast(nowhere, "bool"),
            first,
        ),
    )
    slack = ops.where(seen, least[:, None] - shortest, 0.0)  # (B, N)
    of_rows = of_rows + ops.where(rows == number, least[:, None], 0.0)
    owned = ops.equal(owner[:, None], rows[:, None])  # (B, M, N)
    of_rows = of_rows + ops.sum(ops.where(owned, slack[:, None], 0.0), axis=2)
    of_columns = of_columns - slack

    def augment(done, column, owner, column_of):
        here = ops.equal(columns, column[:, None])
        row = _at(came_from, here)
        mine = ops.equal(rows, row[:, None])
        before = _at(column_of, mine)
        owner = ops.where(here & ~done[:, None], row[:, None], owner)
        column_of = ops.where(mine & ~done[:, None], column[:, None], column_of)
        return done | ops.equal(row, number), before, owner, column_of

    _, _, owner, column_of = ops.while_loop(
        lambda done, *_: ops.any(~done),
        augment,
        (ops.logical_not(wanted), end, owner, column_of),
    )
    return owner, column_of, of_rows, of_columns


def _at(values, here):
    """The value of each image `(B,)` at the one place that is marked, `(B, N)`."""
    if keras.backend.standardize_dtype(values.dtype) == "bool":
        return ops.any(values & here, axis=1)
    return ops.sum(ops.where(here, values, ops.zeros_like(values)), axis=1)
