"""What `evaluate` and `train` print of boxes."""

from keras_vit.common.tables import aligned
from keras_vit.common.wording import interval, percent
from keras_vit.terminal import show


def print_boxes(result):
    """One evaluation of boxes as text."""
    images, objects = result.num_images, result.num_objects
    print(f"data: {result.data}, {images} images with {objects} objects")
    print_precisions(result)
    print(result)


def print_precisions(result):
    """AP and AP50 of an evaluation, with their intervals."""
    shares = result.to_json()
    for name, bounds in result.intervals.items():
        after = "" if bounds is None else interval(bounds)
        print(f"{name}: {percent(shares[name])}{after}")


def print_several_boxes(models, results, format):
    """Evaluations of several models, with mean and standard deviation of the AP."""
    runs = [
        {"model": str(path), **result.to_json()}
        for path, result in zip(models, results)
    ]
    summary = summary_of_boxes(results)
    if format == "json":
        show({"runs": runs, "AP": summary}, "json")
        return
    names = ("AP", "AP50", "AP75", "AR_100")
    rows = [
        [run["model"], run["data"], *(percent(run[name]) for name in names)]
        for run in runs
    ]
    print(aligned([["run", "data", "AP", "AP50", "AP75", "AR 100"], *rows], left=2))
    print_summary_of_boxes(summary)


def summary_of_boxes(results):
    """The `Summary` of the AP of evaluations; `None` of data without objects."""
    from keras_vit.evaluation import summarise

    values = [result.to_json()["AP"] for result in results]
    return None if None in values else summarise(values)


def print_summary_of_boxes(summary):
    """Mean and standard deviation of the AP of several runs."""
    if summary is not None:
        spread = 100 * summary.standard_deviation
        print(f"AP: {100 * summary.mean:.2f} ± {spread:.2f} % (n = {summary.n})")
