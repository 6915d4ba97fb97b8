"""The conditions of all rules: the numbers that a piece of advice rests on, or None.

Each takes an `Evidence` and returns a dictionary of numbers and names for the sentence
and the command of its rule, or `None` where there is nothing to say.
"""

import dataclasses
import math

from keras_vit.evaluation.metrics import wilson_interval

# A fall of the loss in the last third of the tests, as a share of what it was; and the
# number of tests that make thirds.
STILL_FALLING, FEWEST_TESTS = 0.05, 5
# Training accuracy above that of the judged part, in [0, 1].
GAP = 0.08
# The loss at the end over the lowest before, and the rise in nats that matters.
RISEN, RISE = 1.1, 0.05
# The recall of a weak class lies, by its whole interval, so far below the mean.
WEAK = 0.05
# Training images of a class that are few, and the ratio of classes that is unequal; as
# in `keras_vit.data.check`.
FEW, UNEQUAL = 10, 10.0
# An interval of the accuracy that is so wide tells little.
WIDE = 0.1
# From random weights, fewer training images than this learn less than published weights
# know: in figure 4 of Dosovitskiy et al. (2021) and in Steiner et al. (2022) far more
# do not suffice.
FEW_FROM_SCRATCH = 20_000
# An accuracy that leaves little to gain.
GOOD = 0.98


def _rows(evidence):
    """The history, where every row has the losses; else nothing."""
    rows = evidence.history
    needed = ("loss", "val_loss")
    complete = all(math.isfinite(row.get(k, math.nan)) for row in rows for k in needed)
    return rows if complete else []


def _judged(evidence):
    return "validation" if "validation" in evidence.record.get("data", {}) else "test"


def still_falling(evidence):
    rows = _rows(evidence)
    if len(rows) < FEWEST_TESTS or overfitting(evidence) or risen(evidence):
        return None
    before, last = rows[-1 - len(rows) // 3], rows[-1]
    falls = [1 - last[key] / before[key] for key in ("loss", "val_loss") if before[key]]
    left = 1 - last.get("val_accuracy", 0.0) > 1 - GOOD
    if len(falls) < 2 or min(falls) < STILL_FALLING or not left:
        return None
    return {
        "before": before["val_loss"],
        "last": last["val_loss"],
        "fall": falls[1],
        "tests": len(rows) // 3,
        "part": _judged(evidence),
        "longer": _longer(evidence),
    }


def _longer(evidence):
    """The options of a run three times as long."""
    recipe = evidence.recipe
    if recipe.get("total_steps"):
        return f"--total-steps {3 * recipe['total_steps']}"
    return f"--epochs {3 * (recipe.get('epochs') or len(evidence.history))}"


def overfitting(evidence):
    rows = _rows(evidence)
    if not rows or "val_accuracy" not in rows[-1] or "accuracy" not in rows[-1]:
        return None
    row = evidence.result or rows[-1]
    train, judged = row.get("accuracy"), row.get("val_accuracy")
    if train is None or judged is None:
        return None
    gap, count = train - judged, evidence.num_judged
    if not count or gap < GAP or gap < 2 * (judged * (1 - judged) / count) ** 0.5:
        return None
    more = "--augment randaugment" if evidence.recipe.get("augment") == "flip" else ""
    return {
        "train": train,
        "judged": judged,
        "gap": gap,
        "part": _judged(evidence),
        "more": more or "--weight-decay 0.3 --drop-path-rate 0.1",
    }


def risen(evidence):
    rows = _rows(evidence)
    if len(rows) < 3 or evidence.recipe.get("keep") == "best":
        return None
    best = min(rows, key=lambda row: row["val_loss"])
    last = rows[-1]
    least = max(RISEN * best["val_loss"], best["val_loss"] + RISE)
    if best is last or last["val_loss"] < least:
        return None
    return {
        "best": best["val_loss"],
        "epoch": best["epoch"],
        "last": last["val_loss"],
        "part": _judged(evidence),
    }


def _accuracy(evidence):
    """(accuracy, low, high) of an evaluation of classes, or None."""
    found = evidence.evaluation
    if "accuracy" not in found or "accuracy_interval" not in found:
        return None
    return (found["accuracy"], *found["accuracy_interval"])


def _majority(evidence):
    """(class, share): the commonest class in training, and what saying it gives."""
    rows = evidence.evaluation.get("classes") or []
    total = sum(row.get("support", 0) for row in rows)
    counts = (evidence.check or {}).get("train_counts")
    if not total or len(rows) < 2:
        return None
    if counts and len(counts) == len(rows):
        row = rows[counts.index(max(counts))]
    else:
        row = max(rows, key=lambda row: row["support"])
    return row["class"], row["support"] / total


def _answer(evidence):
    accuracy, majority = _accuracy(evidence), _majority(evidence)
    if accuracy is None or majority is None:
        return None
    value, low, high = accuracy
    pixels = (evidence.check or {}).get("pixel_accuracy")
    numbers = {"accuracy": value, "low": low, "high": high}
    numbers |= {"class": majority[0], "majority": majority[1], "pixels": pixels}
    nearest = ""
    if pixels is not None:
        nearest = f", and the class of the most alike training image {pixels:.1%}"
    return {**numbers, "nearest": nearest}


def no_better_than_guessing(evidence):
    numbers = _answer(evidence)
    if numbers is None or numbers["low"] > numbers["majority"]:
        return None
    rate = float(evidence.recipe.get("learning_rate", 1e-3)) / 10
    return {**numbers, "rate": f"{rate:g}"}


def no_better_than_pixels(evidence):
    numbers = _answer(evidence)
    if numbers is None or no_better_than_guessing(evidence):
        return None
    if numbers["pixels"] is None or numbers["low"] > numbers["pixels"]:
        return None
    return {**numbers, "longer": _longer(evidence)}


def how_good(evidence):
    """For every run that is better than both."""
    if no_better_than_guessing(evidence) or no_better_than_pixels(evidence):
        return None
    return _answer(evidence)


def weak_classes(evidence):
    rows = [r for r in evidence.evaluation.get("classes") or [] if r.get("support")]
    rows = [row for row in rows if row.get("recall") is not None]
    if len(rows) < 2 or _accuracy(evidence) is None:
        return None
    mean = sum(row["recall"] for row in rows) / len(rows)
    weak = []
    for row in rows:
        right = round(row["recall"] * row["support"])
        _, high = wilson_interval(right, row["support"])
        if high < mean - WEAK:
            weak.append((row["recall"], right, row))
    if not weak:
        return None
    recall, right, row = min(weak, key=lambda found: found[0])
    pairs = [
        p for p in evidence.evaluation.get("confusion", []) if p[0] == row["class"]
    ]
    wrong = [pair for pair in pairs if pair[1] != row["class"]]
    other = max(wrong, key=lambda pair: pair[2]) if wrong else (None, "others", 0)
    also = len(weak) - 1
    return {
        "class": row["class"],
        "right": right,
        "support": row["support"],
        "recall": recall,
        "mean": mean,
        "other": other[1],
        "times": other[2],
        "also": f" As weak are {also} more." * bool(also),
        "remedy": _balanced(evidence, row["class"]),
    }


def _balanced(evidence, name):
    """The option for a class with few images; else none."""
    counts = dict(zip(*_counts(evidence)))
    few = counts and counts.get(name, 0) < 0.5 * max(counts.values())
    return "--class-weights balanced" if few else "--augment randaugment"


def _counts(evidence):
    check = evidence.check or {}
    return check.get("class_names") or [], check.get("train_counts") or []


def few_images(evidence):
    names, counts = _counts(evidence)
    few = [(count, name) for name, count in zip(names, counts) if count < FEW]
    if not few or len(names) < 2:
        return None
    count, name = min(few)
    return {"count": count, "class": name, "classes": len(few), "few": FEW}


def unequal(evidence):
    names, counts = _counts(evidence)
    pairs = [(count, name) for name, count in zip(names, counts) if count]
    if len(pairs) < 2 or max(pairs)[0] <= UNEQUAL * min(pairs)[0]:
        return None
    recipe = evidence.recipe
    if recipe.get("class_weights") or recipe.get("sampling") == "balanced":
        return None  # it is being done
    (low, least), (high, most) = min(pairs), max(pairs)
    return {
        "ratio": high / low,
        "most": most,
        "least": least,
        "high": high,
        "low": low,
    }


def leaks(evidence):
    check = evidence.check or {}
    exact, near = (
        (check.get(name) or {}).get("count", 0) for name in ("leaks", "near_leaks")
    )
    if not exact + near:
        return None
    tested = sum(check.get("test_counts") or []) or 1
    numbers = {"count": exact + near, "exact": exact, "near": near}
    return {**numbers, "tested": tested, "share": (exact + near) / tested}


def contradictions(evidence):
    found = (evidence.check or {}).get("contradictions") or {}
    if not found.get("count"):
        return None
    one, other = found["examples"][0][:2]
    return {"count": found["count"], "one": one, "other": other}


def few_test_images(evidence):
    accuracy = _accuracy(evidence)
    if accuracy is None or accuracy[2] - accuracy[1] <= WIDE:
        return None
    count = evidence.evaluation["num_examples"]
    return {"count": count, "low": accuracy[1], "high": accuracy[2]}


def suspicious_labels(evidence):
    return _suspicious_labels(evidence) if evidence.listed else None


def suspicious_labels_elsewhere(evidence):
    return None if evidence.listed else _suspicious_labels(evidence)


def _suspicious_labels(evidence):
    looked = evidence.looked
    if looked is None or not looked.suspicious:
        return None
    first = looked.suspicious[0]
    return {
        "count": len(looked.suspicious),
        "images": looked.num_images,
        "file": first.name,
        "label": first.label,
        "suggested": first.suggested,
        "confidence": first.confidence,
        "agree": first.agree,
        "neighbours": first.neighbours,
    }


def odd_images(evidence):
    found = (evidence.check or {}).get("odd")
    if not found:
        return None
    file, reason = found[0]
    count = len(found)
    text = "1 image is" if count == 1 else f"{count:,} images are"
    return {"found": text, "count": count, "file": file, "reason": reason}


def from_scratch(evidence):
    recipe, count = evidence.recipe, evidence.num_train
    if recipe.get("weights") is not None or recipe.get("masked_target") is not None:
        return None
    if not count or count >= FEW_FROM_SCRATCH or evidence.score is None:
        return None
    if evidence.score >= GOOD:
        return None
    return {"count": count, "score": evidence.score, "few": FEW_FROM_SCRATCH}


def weak_pixel_classes(evidence):
    rows = evidence.evaluation.get("classes") or []
    rows = [row for row in rows if row.get("iou") is not None]
    if len(rows) < 2:
        return None
    mean = sum(row["iou"] for row in rows) / len(rows)
    row = min(rows, key=lambda row: row["iou"])
    high = (row.get("iou_interval") or [0, math.nan])[1]
    if high is None or not high < mean - WEAK:
        return None
    return {"class": row["class"], "iou": row["iou"], "mean": mean, **_seen(row)}


def _seen(row):
    return {"images": row.get("images", 0)}


def weak_box_classes(evidence):
    rows = evidence.evaluation.get("classes") or []
    rows = [row for row in rows if row.get("AP50") is not None]
    if len(rows) < 2:
        return None
    mean = sum(row["AP50"] for row in rows) / len(rows)
    row = min(rows, key=lambda row: row["AP50"])
    if row["AP50"] >= mean / 2:
        return None
    return {
        "class": row["class"],
        "ap": row["AP50"],
        "mean": mean,
        "objects": row.get("support", 0),
    }


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What is known of a run."""

    # The content of run.json, the recipe in it, and the rows of history.csv.
    record: dict
    recipe: dict
    history: list
    # The content of evaluation.json.
    evaluation: dict
    # What looking at the images again found; see `looking.py`. None: nobody looked.
    looked: object = None
    # Whether the images are files, of which a list was written to be corrected.
    listed: bool = True

    @property
    def check(self):
        """What `check_data` found before the run, or `None`."""
        return self.record.get("check")

    @property
    def result(self):
        """The row of the epoch whose weights the model has, or `None`."""
        return self.record.get("result")

    def _examples(self, *parts):
        data = self.record.get("data", {})
        found = (data.get(part, {}).get("num_examples") for part in parts)
        return next((count for count in found if count), 0)

    @property
    def num_train(self):
        """Training images."""
        return self._examples("train")

    @property
    def num_judged(self):
        """Images that the `val_*` numbers are of."""
        return self._examples("validation", "test")

    @property
    def score(self):
        """Accuracy, mean IoU or AP50, in [0, 1]; `None` if it was not measured."""
        found = (self.evaluation.get(k) for k in ("mean_iou", "AP50", "accuracy"))
        return next((value for value in found if value is not None), None)
