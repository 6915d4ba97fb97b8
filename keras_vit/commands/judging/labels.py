"""What `evaluate` and `train` print of several labels an image."""

from keras_vit.common.tables import aligned
from keras_vit.common.wording import interval, percent
from keras_vit.terminal import show

SHOWN_CLASSES = 40
WORDS = {
    "mean_ap": "mean average precision",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "exact_match": "all labels right",
    "hamming_loss": "wrong answers",
}


def print_labels(result):
    """One evaluation as text, with a row for each label."""
    part = "" if result.part is None else f" ({result.part})"
    print(f"data: {result.data}, {result.num_examples} images{part}")
    print_scores(result, WORDS)
    if result.left_out:
        print(f"not in the data: {', '.join(result.left_out[:SHOWN_CLASSES])}")
    if len(result.class_names) > SHOWN_CLASSES:
        return
    from keras_vit.evaluation.report.multilabel_page import HEADER, class_rows

    print(aligned([list(HEADER), *class_rows(result)], left=1))


def print_scores(result, names=("mean_ap", "macro_f1")):
    """Numbers of the whole set, with their intervals."""
    for name in names:
        bounds = result.intervals.get(name)
        shown = interval(bounds) if bounds else ""
        print(f"{WORDS[name]}: {percent(result.scores[name])}{shown}")


def print_several_labels(models, results, format):
    """Evaluations of several models, with mean and standard deviation."""
    from keras_vit.evaluation import summarise

    means = {n: summarise([r.scores[n] for r in results]) for n in WORDS}
    if format == "json":
        runs = [
            {"model": str(path), **result.to_json()}
            for path, result in zip(models, results)
        ]
        show({"runs": runs, **means}, "json")
        return
    rows = [
        [str(path), result.data, *(percent(result.scores[n]) for n in WORDS)]
        for path, result in zip(models, results)
    ]
    print(aligned([["run", "data", *WORDS.values()], *rows], left=2))
    for name, mean in means.items():
        spread = 100 * mean.standard_deviation
        print(f"{WORDS[name]}: {100 * mean.mean:.2f} ± {spread:.2f} % (n = {mean.n})")
