"""A model card: what a trained model is, what it was made of, and what it can do."""

import math

from keras_vit.reporting import card_facts as facts
from keras_vit.reporting.card_text import (
    LISTED,
    UNKNOWN,
    cell,
    plain,
    share_text,
    shell,
    sortable,
)


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

    What is not known is said to be unknown; nothing is made up.

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
        "Use": _use(path),
        "Results": _results(record, evaluation),
        "Data": facts.data_lines(record, recipe, check),
        "Recipe": facts.recipe_lines(record, recipe, recipe_source),
        "Cost": facts.cost_lines(record),
        "Versions and hardware": facts.environment_lines(record),
        "Licences": facts.licences_lines(recipe, weights_licence, data_licence),
        "Limits": _limits(record, recipe, evaluation, check),
    }
    parts = [f"# {cell(title or name)}"]
    parts += [f"## {head}\n\n" + "\n".join(lines) for head, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _use(path):
    return [
        "```python",
        "import keras_vit",
        f'predictions = keras_vit.predict({str(path)!r}, ["photo.jpg"])',
        "print(predictions[0])",
        "```",
        "",
        "```",
        f"keras-vit predict {shell(path)} photo.jpg",
        "```",
    ]


def _results(record, evaluation):
    result = plain(record.get("result"))
    if not evaluation:
        accuracy = result.get("val_accuracy")
        if accuracy is None:
            return ["The model was not evaluated."]
        return [
            f"Accuracy on the test images after the last epoch: {accuracy:.2%}. No "
            "interval and no other measure was computed."
        ]
    count = evaluation.get("num_examples")
    on = f" on {count:,} test images" if count else ""
    rows = [f"| Measure | Value{on} |", "| --- | --- |"]
    interval = evaluation.get("accuracy_interval")
    for key, label, style in (
        ("accuracy", "Accuracy", ".2%"),
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
        rows.append(f"| {label} | {text} |")
    return rows + _class_rows(evaluation.get("classes"))


def _class_rows(classes):
    if not classes:
        return []
    rows = ["", "| Class | Images | Precision | Recall |", "| --- | --- | --- | --- |"]
    worst = sorted(classes, key=lambda row: sortable(row.get("recall")))
    shown = classes if len(classes) <= LISTED else worst[:LISTED]
    for row in shown:
        cells = [cell(row.get("class")), row.get("support", UNKNOWN)]
        cells += [share_text(row.get(key)) for key in ("precision", "recall")]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    if len(shown) < len(classes):
        rows += ["", f"The {LISTED} classes of lowest recall, of {len(classes):,}."]
    return rows


def _limits(record, recipe, evaluation, check):
    data = plain(record.get("data"))
    lines = [
        "Tested on images of the same origin as the training images only. Images from "
        "other cameras, places or times were not tested, nor images of anything but "
        "these classes: each gets one of them.",
        "Fairness towards groups of people, and deliberate deception, were not tested.",
    ]
    if plain(data.get("test")).get("files_sha256"):
        lines.append(
            "If several images show the same person or thing, some may be in the "
            "training and some in the test part; the accuracy is then too high."
        )
    if not check:
        lines.append("Test images may be among the training images: nobody looked.")
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
