"""`evaluate_masks`: scores on the masks that a run set apart, or on others."""

import keras

from keras_vit.evaluation.scored import find_scored
from keras_vit.evaluation.segmentation import evaluate_segmentation
from keras_vit.inference.loaded import load_model


def evaluate_masks(
    model_or_path,
    data=None,
    *,
    data_dir=None,
    corrupt=None,
    place=None,
    run=None,
    **options,
):
    """Scores of masks on a data set, as `keras_vit.evaluation.evaluate` finds it.

    Args:
        model_or_path: As for `keras_vit.segment`.
        data: Name or folder, as for `keras_vit.data.load` with `task="segmentation"`,
            or a source. Defaults to what the run of the model set apart for its test.
        data_dir, corrupt, place, run: As for `keras_vit.evaluation.evaluate`.
        **options: Those of `keras_vit.evaluation.evaluate_segmentation`.

    Returns:
        A `SegmentationEvaluation`.

    Raises:
        ValueError: as `evaluate` and `evaluate_segmentation`.

    Example:

    >>> result = keras_vit.evaluation.evaluate_masks("runs/cells-small-1")
    >>> result.scores.mean_iou
    """
    model = load_model(model_or_path)
    run = run if isinstance(model_or_path, keras.Model) else model_or_path
    source, _ = find_scored(
        model,
        data,
        data_dir,
        corrupt=corrupt,
        place=place,
        run=run,
        task="segmentation",
    )
    return evaluate_segmentation(model, source, **options)
