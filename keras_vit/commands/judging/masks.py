"""What `evaluate` and `train` print of masks."""

from keras_vit.common.tables import aligned
from keras_vit.common.wording import interval, percent
from keras_vit.terminal import show


def print_masks(result):
    """One evaluation of masks as text."""
    print(f"data: {result.data}, {result.num_images} images")
    if result.ignored:
        print(f"not counted: {percent(result.ignored, 1)} of the pixels")
    print_mean_iou(result)
    print(result)


def print_mean_iou(result):
    """The mean IoU of an evaluation, with its interval."""
    low, high = result.intervals["mean_iou"]
    bounds = "" if low != low else interval((low, high))  # of a single image
    print(f"mean IoU: {percent(result.scores.mean_iou)}{bounds}")


def print_several_masks(models, results, format):
    """Evaluations of several models, with mean and standard deviation."""
    from keras_vit.evaluation import summarise

    mean_iou = summarise([result.scores.mean_iou for result in results])
    if format == "json":
        runs = [
            {"model": str(path), **result.to_json()}
            for path, result in zip(models, results)
        ]
        show({"runs": runs, "mean_iou": mean_iou}, "json")
        return
    rows = [
        [
            str(path),
            result.data,
            percent(result.scores.mean_iou),
            percent(result.scores.pixel_accuracy),
        ]
        for path, result in zip(models, results)
    ]
    print(aligned([["run", "data", "mean IoU", "pixel accuracy"], *rows], left=2))
    print_summary(mean_iou)


def print_summary(mean_iou):
    """Mean and standard deviation of the mean IoU of several runs."""
    spread = 100 * mean_iou.standard_deviation
    print(f"mean IoU: {100 * mean_iou.mean:.2f} ± {spread:.2f} % (n = {mean_iou.n})")
