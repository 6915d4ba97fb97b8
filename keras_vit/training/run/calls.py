"""The calls of `fit` that make up a run."""


def fit_calls(step, steps_per_test, total_steps):
    """The calls of `fit`, which counts equal epochs only, from an update on.

    An epoch of `fit` is what lies between two tests.

    Returns:
        List of `(first epoch, last epoch, updates of each)`.
    """
    epoch, done = divmod(step, steps_per_test)
    whole, rest = divmod(total_steps, steps_per_test)
    calls = []
    if done:
        begun = rest if epoch == whole else steps_per_test
        calls.append((epoch, epoch + 1, begun - done))
        epoch += 1
    calls.append((epoch, whole, steps_per_test))
    if epoch <= whole:
        calls.append((whole, whole + 1, rest))
    return [call for call in calls if call[0] < call[1] and call[2]]
