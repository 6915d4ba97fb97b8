"""`Strategy`: one object for every way to train on several devices."""

import contextlib
import contextvars

import keras
import numpy as np

_CURRENT = contextvars.ContextVar("strategy")


class Strategy:
    """The devices that a model lives on, and how batches are split over them.

    Made by `keras_vit.training.strategy`. This class is one device; its kin have
    several, of one process or of many.

    Attributes:
        backend: `"tensorflow"`, `"jax"` or `"torch"`.
        kind: `"cpu"`, `"gpu"` or `"tpu"`.
        name: What does the work, such as `"MirroredStrategy"`.
        num_devices: Integer, devices of all hosts.
        num_replicas: Integer, equal parts that a batch is split into.
        num_hosts: Integer, processes that train together.
        host: Integer, number of this process; 0 is the chief.
        part: `(index, count)`: which of the equal parts of each batch this process
            reads.
        dtype: Policy of the models made inside `scope`: `"mixed_bfloat16"` on TPUs,
            `None` for Keras's own.

    Example:

    >>> strategy = keras_vit.training.strategy()
    >>> with strategy.scope():
    ...     model = keras_vit.ViT_B16(10)
    ...     model.compile("adam", "sparse_categorical_crossentropy")
    >>> batches = strategy.dataset(make_dataset, batch_size=512)
    >>> model.fit(batches, steps_per_epoch=100)
    """

    name = "one device"
    num_hosts, host, part = 1, 0, (0, 1)

    def __init__(self, backend=None, kind="cpu", num_devices=1, num_replicas=None):
        self.backend = backend or keras.backend.backend()
        self.kind = kind
        self.num_devices = num_devices
        self.num_replicas = num_replicas or num_devices
        self.dtype = "mixed_bfloat16" if kind == "tpu" else None

    def __repr__(self):
        return f"<Strategy {self}>"

    def __str__(self):
        many = "" if self.num_devices == 1 else "s"
        hosts = f", {self.num_hosts} hosts" if self.num_hosts > 1 else ""
        kind = self.kind.upper()
        return f"{self.num_devices} {kind}{many}{hosts}, {self.backend}, {self.name}"

    @property
    def is_chief(self):
        """Whether this process writes the files of a run."""
        return self.host == 0

    def to_json(self):
        """What run.json says about it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "devices": self.num_devices,
            "replicas": self.num_replicas,
            "hosts": self.num_hosts,
        }

    @contextlib.contextmanager
    def scope(self):
        """A context in which models and all that belongs to them are made and used."""
        token = _CURRENT.set(self)
        policy = keras.config.dtype_policy()
        try:
            if self.dtype is not None and policy.name == "float32":
                keras.config.set_dtype_policy(self.dtype)
            with self._scope():
                yield self
        finally:
            keras.config.set_dtype_policy(policy)
            _CURRENT.reset(token)

    def _scope(self):
        return contextlib.nullcontext()

    def per_replica_batch_size(self, batch_size, accumulation_steps=1):
        """Images that each device computes at a time, from the global batch size.

        Raises:
            ValueError: if the batch has no equal parts for all of them.
        """
        unit = self.num_replicas * accumulation_steps
        if batch_size % unit:
            below = batch_size - batch_size % unit
            sizes = [str(size) for size in (below, below + unit) if size]
            steps = f", accumulation_steps={accumulation_steps}"
            raise ValueError(
                "A batch must have equal parts for all devices. Received: "
                f"batch_size={batch_size} on {self.num_replicas} replicas"
                f"{steps if accumulation_steps > 1 else ''}. Nearest batch sizes: "
                f"{' and '.join(sizes)}; another batch may want another learning rate, "
                "which is not changed for you."
            )
        return batch_size // unit

    def dataset(self, make, batch_size):
        """Batches for `fit` and `evaluate`, each process reading only its own part.

        Args:
            make: Function `(index, count)` that returns the `tf.data.Dataset` of part
                number `index` of `count` equal parts of every batch: batches of
                `batch_size // count` examples, of static shape. Part 0 of all comes
                first in the whole batch. `Source.batches(part=...)` of this package
                gives such a part.
            batch_size: Integer, the global batch size.

        Returns:
            What `fit` takes. Where several processes train, its length is not known:
            give `steps_per_epoch`.

        Raises:
            ValueError: if the batch does not divide.
        """
        self.per_replica_batch_size(batch_size)
        return make(*self.part)

    def outputs(self, model, images):
        """The outputs of a model for a batch, computed by all devices together.

        Args:
            model: A Keras model made inside `scope`.
            images: Array `(batch, ...)` of any length, or a dictionary of such for the
                inputs of a model that has several; the same in every process.

        Returns:
            NumPy array, or a dictionary of such for the outputs of a model that has
            several; the same in every process.
        """
        count = len(keras.tree.flatten(images)[0])
        outputs = self._outputs(model, images, -(-count // self.num_replicas))
        # A model made under another strategy gives one copy for each replica.
        return keras.tree.map_structure(
            lambda values: keras.ops.convert_to_numpy(values)[:count], outputs
        )

    def _outputs(self, model, images, each):
        return model.predict_on_batch(images)

    def values(self, variables):
        """The values of variables as NumPy arrays; every process must ask for them."""
        return [keras.ops.convert_to_numpy(variable) for variable in variables]

    def assign(self, variable, value):
        """Sets a variable to what `values` returned of it; every process must do it."""
        variable.assign(value)

    @contextlib.contextmanager
    def whole(self, variables):
        """Inside the block every process can read the whole of every variable."""
        yield

    def total(self, value):
        """The sum of a number over all processes, each of which must ask for it."""
        return value

    def chief_first(self, work):
        """Runs `work()` in the chief; the others wait until it is done.

        Returns:
            What `work` returned, and `None` in the others.

        Raises:
            RuntimeError: in the others, if it failed in the chief.
        """
        if self.num_hosts == 1:
            return work()
        if not self.is_chief:
            if self.total(0):
                raise RuntimeError(
                    "The first process has failed; see its output for the reason."
                )
            return None
        try:
            result = work()
        except BaseException:
            self.total(1)
            raise
        self.total(0)
        return result


class ManyDevices(Strategy):
    """What the strategies of all backends share, beyond one device.

    Each has a `_compile`: a function of a batch and each replica's number of images, to
    all outputs.
    """

    # The model that ran last, and its compiled forward pass.
    _forward = (None, None)

    def _outputs(self, model, images, each):
        if self._forward[0] is not model:
            self._forward = (model, self._compile(model))
        return self._forward[1](filled(images, each * self.num_replicas), each)


def entered():
    """The `Strategy` whose `scope` was entered last, or `None`."""
    return _CURRENT.get(None)


def filled(images, rows):
    """A batch filled up to so many rows with copies of its first image."""

    def fill(values):
        values = np.asarray(values)
        more = np.repeat(values[:1], rows - len(values), axis=0)
        return np.concatenate([values, more]) if len(more) else values

    return keras.tree.map_structure(fill, images)
