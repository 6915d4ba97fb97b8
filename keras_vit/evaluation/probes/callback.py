"""The few-shot probe while a model trains."""

import keras

from keras_vit.evaluation.forward import steps_of
from keras_vit.evaluation.probes.features import feature_model, run
from keras_vit.evaluation.probes.ridge import L2
from keras_vit.evaluation.probes.shots import SEEDS, SHOTS, fewshot_probe


class FewShotCallback(keras.callbacks.Callback):
    """Logs the accuracy of the few-shot probe after each epoch.

    The logs get `fewshot_1`, `fewshot_5` and so on: the mean over the seeds. A callback
    that writes logs down must come after this one.

    Args:
        train: `keras_vit.data.Source`, from which examples are drawn.
        test: `keras_vit.data.Source`, whose examples are classified; not the test set
            of the final result, if it decides anything.
        shots: Integers, examples per class. Defaults to `(1, 5, 10, 25)`.
        seeds: Integer, how many draws, or the seeds themselves. Defaults to 3.
        l2: Positive number. Defaults to 1024.
        layer: As for `keras_vit.evaluation.extract_features`.
        preprocessing: As for `keras_vit.evaluation.evaluate`. The published probe has
            `"resize(256)|central_crop(224)"`.
        every: Integer, after each how many epochs.
        batch_size: Integer.

    Example:

    >>> train, test = keras_vit.data.load_splits("fashion_mnist_mini")
    >>> callback = FewShotCallback(train, test, shots=(10,))
    >>> model.fit(batches, epochs=5, callbacks=[callback]).history["fewshot_10"]
    """

    def __init__(
        self,
        train,
        test,
        *,
        shots=SHOTS,
        seeds=SEEDS,
        l2=L2,
        layer=None,
        preprocessing=None,
        every=1,
        batch_size=64,
    ):
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be at least 1. Received: every={every}")
        self.sources = (train, test)
        self.options = {"shots": tuple(shots), "seeds": seeds, "l2": l2}
        self.layer = layer
        self.preprocessing = preprocessing
        self.every = every
        self.batch_size = batch_size
        self.extractor = None

    def on_train_begin(self, logs=None):
        model = self.model
        self.extractor = feature_model(model, self.layer)
        self.steps = steps_of(model, self.preprocessing)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every or logs is None:
            return
        self.model  # noqa: B018  brings JAX's state back into the shared variables
        parts = []
        for source in self.sources:
            features = run(self.extractor, source, self.steps, self.batch_size)
            parts += [features.values, features.labels]
        classes = self.sources[0].num_classes
        found = fewshot_probe(*parts, num_classes=classes, **self.options)
        logs.update({f"fewshot_{n}": summary.mean for n, summary in found.items()})
