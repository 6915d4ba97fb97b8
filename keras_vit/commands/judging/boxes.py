"""What `evaluate` prints of boxes."""

from keras_vit.common.tables import aligned
from keras_vit.common.wording import interval, percent
from keras_vit.terminal import show


def print_boxes(result):
    """One evaluation of boxes as text."""
    images, objects = result.num_images, result.num_objects
    print(f"data: {result.data}, {images} images with {objects} objects")
    shares = result.to_json()
    for name, bounds in result.intervals.items():
        after = "" if bounds is None else interval(bounds)
        print(f"{name}: {percent(shares[name])}{after}")
    print(result)


def print_several_boxes(models, results, format):
    """Evaluations of several models, with mean and standard deviation of the AP."""
    from keras_vit.evaluation import summarise

    runs = [
        {"model": str(path), **result.to_json()}
        for path, result in zip(models, results)
    ]
    values = [run["AP"] for run in runs]
    mean = None if None in values else summarise(values)  # of data without objects
    if format == "json":
        show({"runs": runs, "AP": mean}, "json")
        return
    names = ("AP", "AP50", "AP75", "AR_100")
    rows = [
        [run["model"], run["data"], *(percent(run[name]) for name in names)]
        for run in runs
    ]
    print(aligned([["run", "data", "AP", "AP50", "AP75", "AR 100"], *rows], left=2))
    if mean is not None:
        spread = 100 * mean.standard_deviation
        print(f"AP: {100 * mean.mean:.2f} ± {spread:.2f} % (n = {mean.n})")
