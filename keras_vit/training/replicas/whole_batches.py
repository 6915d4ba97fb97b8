"""Layers that must see a batch as a whole."""

from keras_vit.layers.convolution.batch_norm import trained_norm


def check_parts(model, micro_batches):
    """Raises where a batch is computed in parts and a norm would see each by itself.

    On several replicas a batch norm asks the others, at the same layer at the same
    time. Of parts that follow each other none can: mean and variance of a batch are
    known when its last part has passed the layer. Norms that are frozen use their
    moving statistics, of which all parts see the same.

    Args:
        model: A Keras model.
        micro_batches: Integer, the parts of a batch.
    """
    if micro_batches > 1 and (layer := trained_norm(model)):
        raise ValueError(
            "`accumulation_steps` must be 1 for a model that trains batch norms: their "
            "mean and variance are those of the whole batch, and parts would each have "
            f"their own. Received: accumulation_steps={micro_batches}, and the layer "
            f"{layer.path!r}. Use a smaller `batch_size`, `remat=True` where the model "
            "has it, several devices, or freeze the backbone."
        )
