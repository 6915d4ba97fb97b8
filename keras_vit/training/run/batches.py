"""The batches of a run, on one device and on many."""

import keras

from keras_vit.devices import current


def check_batch(recipe, num_examples=None):
    """The batch size of a run, if all devices can have equal shares of it.

    Args:
        recipe: A `Recipe`.
        num_examples: Integer, size of the training set, where it is known: a smaller
            one is one batch.

    Raises:
        ValueError: if they cannot.
    """
    batch_size = min(recipe.batch_size, num_examples or recipe.batch_size)
    micro_batches = recipe.accumulation_steps
    if current().num_replicas == 1 and batch_size % micro_batches:
        raise ValueError(
            "`accumulation_steps` must divide the batch, which is no larger than the "
            f"training set. Received: accumulation_steps={micro_batches}, "
            f"batches of {batch_size}"
        )
    current().per_replica_batch_size(batch_size, micro_batches)
    return batch_size


def check_executions(recipe, steps_per_test, total_steps):
    """Raises a `ValueError` where an execution would go on beyond a test or the end."""
    steps = recipe.steps_per_execution
    if keras.backend.backend() == "tensorflow":  # stops there
        return
    if steps_per_test % steps or total_steps % steps:
        raise ValueError(
            "`steps_per_execution` must divide the updates between two tests and those "
            f"of the run on this backend. Received: steps_per_execution={steps}, "
            f"{steps_per_test} updates from one test to the next, {total_steps} in "
            f"all, backend {keras.backend.backend()!r}"
        )


def training_batches(recipe, source, preprocessing, batch_size, start_step):
    """Batches for `fit`, from an update on: of several processes, each its share.

    Args:
        recipe: A `Recipe`.
        source: `keras_vit.data.Source` to train on.
        preprocessing: The evaluation steps, as JSON values.
        batch_size: Integer, as `check_batch` gave it.
        start_step: Integer, updates done before.
    """

    def make(index, count):
        return source.batches(
            recipe.batch_size,
            preprocessing=preprocessing,
            training=True,
            seed=recipe.seed,
            augment=recipe.augment,
            start_step=start_step,
            part=(index, count) if count > 1 else None,
        )

    return current().dataset(make, batch_size)


def test_batches(recipe, source, preprocessing):
    """Every test image once: `(batches, steps)`, as `fit` takes them.

    On several devices the last batch is filled up, and says so by its weights.
    """
    devices = current()
    if devices.num_replicas == 1:
        batches = source.batches(recipe.batch_size, preprocessing=preprocessing)
        return batches, None
    # A set of less than a batch needs no more filling than the devices do.
    replicas = devices.num_replicas
    most = -(-source.num_examples // replicas) * replicas
    size = min(-(-recipe.batch_size // replicas) * replicas, most)

    def make(index, count):
        part = (index, count)
        # Repeated: Keras looks at the next batch before it starts anew.
        return source.batches(size, preprocessing=preprocessing, part=part).repeat()

    return devices.dataset(make, size), -(-source.num_examples // size)
