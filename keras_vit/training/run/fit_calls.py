"""The calls of `fit` that a run is made of."""


def fit_calls(step, steps_per_epoch, total_steps):
    """The calls of `fit`, which counts equal epochs only, from an update on.

    Returns:
        List of `(first epoch, last epoch, updates of each)`.
    """
    epoch, done = divmod(step, steps_per_epoch)
    whole, rest = divmod(total_steps, steps_per_epoch)
    calls = []
    if done:
        begun = rest if epoch == whole else steps_per_epoch
        calls.append((epoch, epoch + 1, begun - done))
        epoch += 1
    calls.append((epoch, whole, steps_per_epoch))
    if epoch <= whole:
        calls.append((whole, whole + 1, rest))
    return [call for call in calls if call[0] < call[1] and call[2]]
