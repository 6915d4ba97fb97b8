"""The sections of a model card that repeat the record of a run, as lists of lines."""

from keras_vit.reporting.card_text import LISTED, UNKNOWN, cell, count_text, plain
from keras_vit.training.recipes.recipe import Recipe


def data_lines(record, recipe, check):
    """What the model was trained and tested on."""
    data = plain(record.get("data"))
    lines = [f"- Name: {cell(recipe.get('data', UNKNOWN))}"]
    for part in ("train", "test"):
        facts = plain(data.get(part))
        if facts:
            count = facts.get("num_examples", UNKNOWN)
            count = f"{count:,}" if isinstance(count, int) else count
            line = (
                f"- {part.capitalize()}: {count} images, split `{facts.get('split')}`"
            )
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


def recipe_lines(record, recipe, source):
    """What differs from the usual recipe, and where it is from."""
    if not recipe:
        return [f"The recipe is {UNKNOWN}."]
    usual = Recipe().to_json()
    changed = {k: v for k, v in recipe.items() if k not in usual or v != usual[k]}
    rows = ["What differs from the defaults of `keras_vit.training.Recipe`:", ""]
    rows += ["| Field | Value |", "| --- | --- |"]
    rows += [f"| `{name}` | {cell(value)} |" for name, value in changed.items()]
    lines = rows if changed else ["The defaults of `keras_vit.training.Recipe`."]
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


def cost_lines(record):
    """What the training took."""
    cost, result = plain(record.get("cost")), plain(record.get("result"))
    resolved = plain(record.get("resolved"))
    images = cost.get("images")
    if images is None and {"total_steps", "batch_size"} <= set(resolved):
        images = resolved["total_steps"] * resolved["batch_size"]
    hours = cost.get("device_hours")
    seconds = result.get("seconds")
    parameters = resolved.get("parameters")
    lines = [
        f"- Parameters: {count_text(parameters)}",
        f"- Training images seen: {count_text(images)}",
        "- Floating-point operations of training: "
        + (f"{cost['flops']:.3g}" if cost.get("flops") else UNKNOWN),
        "- Time: "
        + (f"{seconds / 3600:.3g} hours" if seconds is not None else UNKNOWN)
        + (f", {hours:.3g} device-hours" if hours is not None else ""),
    ]
    return lines


def environment_lines(record):
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


def licences_lines(recipe, weights, data):
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
