"""The order of the examples, and the share of each process."""

import dataclasses

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.graphs import as_written


@dataclasses.dataclass(frozen=True)
class Order:
    """Which examples are read, one after another.

    Args:
        seed: Integer.
        shuffle: Whether every epoch has an order of its own, or all the stored one.
        balanced: With `shuffle`, whether all classes come equally often; see
            `readers.balanced`. An epoch is then so many draws.
        per_epoch: Examples used of each epoch.
        start: Number of the first example, counted over all epochs.
        epochs: Number of epochs, None for no end.
        end: Number of the example after the last one; None for the end of the epochs.
        batch: Examples of a batch, of which `part` is a part.
        part: (index, count), which of the equal parts of every batch comes: those of
            other processes don't. Batches must be full, and start at whole ones.
    """

    seed: int
    shuffle: bool
    per_epoch: int
    start: int = 0
    epochs: int | None = 1
    end: int | None = None
    batch: int = 1
    part: tuple[int, int] = (0, 1)
    balanced: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every example of the epochs is read."""
        return self.part[1] == 1 and self.end is None

    @property
    def remaining(self) -> int | None:
        """The number of examples still to come; None if endless."""
        if self.epochs is None:
            return None
        end = self.epochs * self.per_epoch if self.end is None else self.end
        return max(0, end - self.start) // self.part[1]

    def keeps(self, epoch, places):
        """Which of the places of an epoch come: booleans, from `int64` tensors."""
        index, count = self.part
        size = self.batch // count
        numbers = epoch * self.per_epoch + places
        kept = tf.equal(numbers % self.batch // size, index)
        return kept if self.end is None else kept & (numbers < self.end)

    def seeds(self, epoch, index):
        """The seeds of examples of an epoch, for all that is drawn: `uint64`.

        In a balanced order an example's epoch is how often it came before.
        """
        return randomness.image_seeds(self.seed, epoch, index)

    def over_epochs(self, one_epoch) -> tf.data.Dataset:
        """Concatenates `one_epoch(epoch, skip)` of all epochs, from `start` on."""
        first, skip = divmod(self.start, self.per_epoch)
        last = 2**62 if self.epochs is None else self.epochs

        @as_written
        def start_of(epoch):
            skipped = tf.where(epoch == first, tf.constant(skip, tf.int64), 0)
            return one_epoch(epoch, skipped)

        return tf.data.Dataset.range(first, max(first, last)).flat_map(start_of)
