"""Which images a file is compared, calibrated and measured on."""

from keras_vit.exporting.images import EMBEDDED
from keras_vit.models.vision_model import metadata_of


def find_sources(data, data_dir=None, *, needed=False):
    """`(calibration, test)`, both `keras_vit.data.Source`.

    Args:
        data: As for `keras_vit.export`.
        data_dir: Where TFDS keeps prepared data.
        needed: Boolean, whether `data` must be given.
    """
    import keras_vit.data

    if data is None:
        if needed:
            raise ValueError(
                "Static quantisation fixes the ranges of activations by images like "
                "those that the model will see: pass `data=`, or "
                "`quantization='dynamic'`. Received: data=None"
            )
        embedded = keras_vit.data.load(EMBEDDED)
        return embedded, embedded
    if isinstance(data, keras_vit.data.Source):
        return data, data
    return keras_vit.data.load_splits(data, data_dir)


def has_classes_of(model, source):
    """Whether the labels of a source are the classes of a model."""
    names = metadata_of(model).get("class_names")
    if model.output_shape[-1] != source.num_classes:
        return False
    return names is None or list(names) == list(source.class_names)
