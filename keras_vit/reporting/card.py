"""The model card of a trained model: its use, results, data, recipe and limits."""

import math

from keras_vit.training.recipes.recipe import Recipe

# Classes and other items that are listed one by one.
LISTED = 20

UNKNOWN = "not known"


def model_card(
    record,
    evaluation=None,
    *,
    weights_licence=None,
    data_licence=None,
    check=None,
    recipe_source=None,
    title=None,
    path="model.keras",
) -> str:
    """Describes a trained model as Markdown, from the record of its run.

    Missing facts appear as "not known"; nothing is made up.

    Args:
        record: Dictionary, the content of run.json; parts of it may be missing.
        evaluation: What `keras_vit.evaluation.evaluate` returned, or its `to_json()`;
            `None` if the model was not evaluated apart from training.
        weights_licence: String, licence of the weights that training began with.
            Defaults to "not known"; random weights have none.
        data_licence: String, licence of the images.
        check: What `keras_vit.training.check_data` returned, or its `to_json()`.
        recipe_source: String, where the recipe is from, or a list of reasons.
        title: String. Defaults to the names of model and data.
        path: String, the model file or run folder, as it stands in the examples.

    Returns:
        A string.

    Example:

    >>> record = keras_vit.training.RunFolder("runs/mine").read_record()
    >>> Path("runs/mine/README.md").write_text(model_card(record, evaluation))

    Reference: [Mitchell et al., 2019](https://arxiv.org/abs/1810.03993).
    """
    record, evaluation, check = plain(record), plain(evaluation), plain(check)
    recipe = plain(record.get("recipe"))
    name = f"{recipe.get('model', 'A model')} on {recipe.get('data', 'unnamed data')}"
    sections = {
        "Use": _use(path, recipe),
        "Results": _results(record, evaluation) + _kept(record),
        "Data": _data(record, recipe, check),
        "Recipe": _recipe(record, recipe, recipe_source),
        "Cost": _cost(record),
        "Versions and hardware": _environment(record),
        "Licences": _licences(recipe, weights_licence, data_licence),
        "Limits": _limits(record, recipe, evaluation, check),
    }
    parts = [f"# {cell(title or name)}"]
    parts += [f"## {head}\n\n" + "\n".join(lines) for head, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _use(path, recipe):
    verbs = {"segmentation": "segment", "detection": "detect"}
    verb = verbs.get(recipe.get("task"), "predict")
    return [
        "```python",
        "import keras_vit",
        f'predictions = keras_vit.{verb}({str(path)!r}, ["photo.jpg"])',
        "print(predictions[0])",
        "```",
        "",
        "```",
        f"keras-vit predict {_shell(path)} photo.jpg",
        "```",
    ]


def _results(record, evaluation):
    if not evaluation:
        result = plain(record.get("result"))
        accuracy = result.get("val_accuracy")
        if accuracy is None:
            return ["The model was not evaluated."]
        recipe, data = plain(record.get("recipe")), plain(record.get("data"))
        held_out = "validation" in data or recipe.get("validation_fraction")
        images = "validation images" if held_out else "test images"
        return [
            f"Accuracy on the {images} after the epoch whose weights were kept: "
            f"{accuracy:.2%}. No interval and no other measure was computed."
        ]
    if evaluation.get("task") in MEASURES:
        return _results_of_task(evaluation)
    count = evaluation.get("num_examples")
    on = f" on {count:,} test images" if count else ""
    interval = evaluation.get("accuracy_interval")
    rows = []
    for key, label, style in (
        ("accuracy", "Accuracy", ".2%"),
        ("balanced_accuracy", "Balanced accuracy (mean recall)", ".2%"),
        ("top5_accuracy", "Accuracy among the first five", ".2%"),
        ("loss", "Cross-entropy (nats)", ".4g"),
        ("calibration_error", "Expected calibration error", ".3g"),
    ):
        value = evaluation.get(key)
        if value is None or math.isnan(value):
            continue
        text = format(value, style)
        if key == "accuracy" and interval:
            text += f", 95 % interval {interval[0]:.2%} to {interval[1]:.2%}"
            groups = evaluation.get("groups", 0)
            text += f" (bootstrap over {groups:,} groups)" if groups > 1 else ""
        rows.append((label, text))
    return [*_table(("Measure", f"Value{on}"), rows), *_classes(evaluation)]


def _kept(record):
    said = judged_weights(record)
    return ["", said] if said else []


def judged_weights(record):
    """When a run ended early, and which of its weights are judged; else `None`."""
    said = [record.get("stopped"), plain(record.get("kept")).get("said")]
    return " ".join(filter(None, said)) or None


# Of tasks that are not one class an image: measures, and columns of the classes.
MEASURES = {
    "multilabel": (
        {
            "mean_ap": "Mean average precision",
            "micro_f1": "Micro F1",
            "macro_f1": "Macro F1",
            "exact_match": "All labels right",
        },
        {"support": "Images", "ap": "AP", "precision": "Precision", "recall": "Recall"},
    ),
    "segmentation": (
        {
            "mean_iou": "Mean IoU",
            "mean_dice": "Mean Dice",
            "pixel_accuracy": "Pixel accuracy",
        },
        {"iou": "IoU", "dice": "Dice"},
    ),
    "detection": (
        {
            "AP": "Average precision, mean of IoU 0.5 to 0.95",
            "AP50": "Average precision at IoU 0.5",
            "AR_100": "Recall of at most 100 boxes",
        },
        {"support": "Objects", "AP": "AP", "AP50": "AP50"},
    ),
}


def _results_of_task(evaluation):
    """The results of a task that is one of `MEASURES`."""
    measures, columns = MEASURES[evaluation["task"]]
    rows = []
    for key, label in measures.items():
        value, bounds = evaluation.get(key), evaluation.get(f"{key}_interval")
        if value is not None:
            text = f"{value:.2%}"
            if bounds:
                text += f", 95 % interval {bounds[0]:.2%} to {bounds[1]:.2%}"
            rows.append((label, text))
    count = evaluation.get("num_images", evaluation.get("num_examples", UNKNOWN))
    classes = [
        (cell(row.get("class")), *(_of_class(row, key) for key in columns))
        for row in evaluation.get("classes", [])[:LISTED]
    ]
    return [
        *_table(("Measure", f"Value on {count} test images"), rows),
        "",
        *_table(("Class", *columns.values()), classes),
    ]


def _of_class(row, key):
    return row.get(key, UNKNOWN) if key == "support" else _share(row.get(key))


def _classes(evaluation):
    classes = evaluation.get("classes")
    if not classes:
        return []
    shown, note = classes, []
    if len(classes) > LISTED:
        shown = sorted(classes, key=lambda row: _lowest_first(row.get("recall")))
        shown = shown[:LISTED]
        note = ["", f"The {LISTED} classes of lowest recall, of {len(classes):,}."]
    rows = [
        (
            cell(row.get("class")),
            row.get("support", UNKNOWN),
            *(_share(row.get(key)) for key in ("precision", "recall")),
        )
        for row in shown
    ]
    return ["", *_table(("Class", "Images", "Precision", "Recall"), rows), *note]


def _data(record, recipe, check):
    """What the model was trained and tested on."""
    data = plain(record.get("data"))
    lines = [f"- Name: {cell(recipe.get('data', UNKNOWN))}"]
    for part in ("train", "validation", "test"):
        facts = plain(data.get(part))
        if facts:
            count = _count(facts.get("num_examples"))
            split = facts.get("split")
            line = f"- {part.capitalize()}: {count} images, split `{split}`"
            if facts.get("skipped"):
                line += f", {len(facts['skipped'])} unreadable images left out"
            lines.append(line)
    if data.get("test", {}).get("files_sha256"):
        lines.append(
            f"- Share of test images {recipe.get('test_fraction', UNKNOWN)}, seed "
            f"{recipe.get('split_seed', UNKNOWN)}, where the folder has no test part"
        )
    names = data.get("class_names") or []
    if names:
        more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
        listed = ", ".join(cell(name) for name in names[:LISTED])
        lines.append(f"- {len(names):,} classes: {listed}{more}")
    if not check:
        lines.append("- Images and labels were not checked")
    elif not check.get("warnings"):
        lines.append("- The check of images and labels found nothing wrong")
    else:
        lines.append("- The check of images and labels found:")
        lines += [f"  - {cell(warning)}" for warning in check["warnings"]]
    return lines


def _recipe(record, recipe, source):
    """What differs from the usual recipe, and where it is from."""
    if not recipe:
        return [f"The recipe is {UNKNOWN}."]
    usual = Recipe().to_json()
    changed = {k: v for k, v in recipe.items() if k not in usual or v != usual[k]}
    lines = ["The defaults of `keras_vit.training.Recipe`."]
    if changed:
        rows = [(f"`{name}`", cell(value)) for name, value in changed.items()]
        lines = ["What differs from the defaults of `keras_vit.training.Recipe`:", ""]
        lines += _table(("Field", "Value"), rows)
    resolved = plain(record.get("resolved"))
    if "total_steps" in resolved:
        lines += [
            "",
            f"{resolved['total_steps']:,} updates with batches of "
            f"{resolved.get('batch_size', UNKNOWN)}.",
        ]
    if source:
        reasons = [source] if isinstance(source, str) else source
        lines += ["", *(f"- {cell(reason)}" for reason in reasons)]
    return lines


def _cost(record):
    """What the training took."""
    cost, result = plain(record.get("cost")), plain(record.get("result"))
    resolved = plain(record.get("resolved"))
    images = cost.get("images")
    if images is None and {"total_steps", "batch_size"} <= set(resolved):
        images = resolved["total_steps"] * resolved["batch_size"]
    hours = cost.get("device_hours")
    seconds = result.get("seconds")
    time = UNKNOWN if seconds is None else f"{seconds / 3600:.3g} hours"
    if hours is not None:
        time += f", {hours:.3g} device-hours"
    flops = f"{cost['flops']:.3g}" if cost.get("flops") else UNKNOWN
    return [
        f"- Parameters: {_count(resolved.get('parameters'))}",
        f"- Training images seen: {_count(images)}",
        f"- Floating-point operations of training: {flops}",
        f"- Time: {time}",
    ]


def _environment(record):
    """Versions, devices and machine of the last session."""
    sessions = record.get("sessions") or []
    environment = plain(plain(sessions[-1] if sessions else None).get("environment"))
    if not environment:
        return [f"Versions and hardware are {UNKNOWN}."]
    versions = {"python": environment.get("python", UNKNOWN)}
    versions |= plain(environment.get("versions"))
    threads = plain(environment.get("threads")).get("processors", UNKNOWN)
    devices = ", ".join(map(str, environment.get("devices") or [])) or UNKNOWN
    lines = [
        "- " + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"- Backend {environment.get('backend', UNKNOWN)} on {devices}",
        f"- {environment.get('platform', UNKNOWN)}, "
        f"{environment.get('processor', UNKNOWN)}, {threads} processors",
    ]
    if len(sessions) > 1:
        lines.append(f"- Trained in {len(sessions)} sessions; these are the last one's")
    return lines


def _licences(recipe, weights, data):
    """Whose terms hold for weights and images, as far as known."""
    first = recipe.get("weights")
    if first is None and recipe:
        weights = "none: training began with random weights"
    start = f" ({cell(first)})" if first else ""
    return [
        f"- First weights{start}: {cell(weights or UNKNOWN)}",
        f"- Images: {cell(data or UNKNOWN)}",
        "- Whether these licences allow your use of the model is for you to decide",
    ]


def _limits(record, recipe, evaluation, check):
    data = plain(record.get("data"))
    several = recipe.get("task") == "multilabel"
    lines = [
        "Tested on images of the same origin as the training images only. Images from "
        "other cameras, places or times were not tested, nor images of anything but "
        f"these classes: each gets {'any number' if several else 'one'} of them.",
        "Fairness towards groups of people, and deliberate deception, were not tested.",
    ]
    if recipe.get("group_by") is not None:
        lines.append(
            f"Images of one group ({cell(recipe['group_by'])}) are in one part only."
        )
    elif plain(data.get("test")).get("files_sha256"):
        lines.append(
            "If several images show the same person or thing, some may be in the "
            "training and some in the test part; the accuracy is then too high."
        )
    if not check:
        lines.append(
            "Test images may be among the training images: this was not checked."
        )
    elif plain(check.get("leaks")).get("count"):
        lines.append("Test images are among the training images: see Data.")
    low, high = evaluation.get("accuracy_interval") or (0, 0)
    if high - low > 0.1:
        lines.append("There are too few test images for a close estimate.")
    lines.append(
        f"This is one run, of seed {recipe.get('seed', UNKNOWN)}: how much the result "
        "changes with the seed was not measured."
    )
    if record.get("status") not in (None, "finished"):
        lines.insert(0, f"The run is not finished; its status is {record['status']}.")
    return [f"- {line}" for line in lines]


def plain(value):
    """A dictionary, from one, from an object with `to_json`, or from `None`."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else value.to_json()


def cell(value):
    """A value as Markdown that breaks neither tables nor lists."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = " ".join(str(value).split()).replace("\\", "\\\\")
    for sign in "|<>`*_[]#":
        text = text.replace(sign, "\\" + sign)
    return text


def _table(header, rows):
    lines = (header, ["---"] * len(header), *rows)
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]


def _shell(path):
    text = str(path)
    return f'"{text}"' if set(text) & set(" '()&;") else text


def _count(value):
    return f"{value:,}" if isinstance(value, int | float) else value or UNKNOWN


def _lowest_first(value):
    return math.inf if value is None or math.isnan(value) else value


def _share(value):
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"
