"""The batches of a run, on one device and on many."""

import keras

from keras_vit.devices import current
from keras_vit.training.run.segmentation import with_weights


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


def training_batches(job):
    """Batches for `fit`, from the next update on: of several processes, each its share.

    Args:
        job: A `Job`.
    """
    recipe, data = job.recipe, job.data

    def make(index, count):
        batches = data.train.batches(
            recipe.batch_size,
            preprocessing=job.network.preprocessing,
            training=True,
            seed=recipe.seed,
            sampling=recipe.sampling,
            augment=recipe.augment,
            start_step=job.position.step,
            part=(index, count) if count > 1 else None,
        )
        return with_weights(batches, recipe)

    return current().dataset(make, data.batch_size)


def test_batches(job):
    """Every image that `val_*` numbers are of, once: `(batches, steps)` for `fit`.

    On several devices the last batch is filled up, and says so by its weights.

    Args:
        job: A `Job`.
    """
    devices, source, size = current(), job.data.parts.judged, job.recipe.batch_size
    preprocessing = job.network.preprocessing
    if devices.num_replicas == 1:
        batches = source.batches(size, preprocessing=preprocessing)
        return with_weights(batches, job.recipe), None
    # A set of less than a batch needs no more filling than the devices do.
    replicas = devices.num_replicas
    size, most = (-(-n // replicas) * replicas for n in (size, source.num_examples))
    size = min(size, most)

    def make(index, count):
        part = (index, count)
        # Repeated: Keras looks at the next batch before it starts anew.
        batches = source.batches(size, preprocessing=preprocessing, part=part)
        return with_weights(batches.repeat(), job.recipe)

    return devices.dataset(make, size), -(-source.num_examples // size)
