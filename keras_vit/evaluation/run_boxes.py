"""`evaluate_boxes`: scores on the boxes that a run set apart, or on others."""

import keras

from keras_vit.evaluation.detection import evaluate_detection
from keras_vit.evaluation.scored import find_scored
from keras_vit.inference.loaded import load_model


def evaluate_boxes(
    model_or_path,
    data=None,
    *,
    data_dir=None,
    corrupt=None,
    place=None,
    run=None,
    **options,
):
    """COCO's scores on a data set, as `keras_vit.evaluation.evaluate` finds it.

    Args:
        model_or_path: As for `keras_vit.detect`.
        data: Name or folder, as for `keras_vit.data.load` with `task="detection"`, or a
            source. Defaults to what the run of the model set apart for its test.
        data_dir, corrupt, place, run: As for `keras_vit.evaluation.evaluate`.
        **options: Those of `keras_vit.evaluation.evaluate_detection`.

    Returns:
        A `DetectionEvaluation`.

    Raises:
        ValueError: as `evaluate` and `evaluate_detection`.

    Example:

    >>> result = keras_vit.evaluation.evaluate_boxes("runs/trees-small-1")
    >>> result.scores.stats["AP50"]
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
        task="detection",
    )
    return evaluate_detection(model, source, **options)
