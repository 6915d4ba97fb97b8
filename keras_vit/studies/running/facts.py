"""What the folder of a cell's run says of its training: a part of its result.json."""


def as_reached(result):
    """What a cell that is done has reached, in words; a pretraining has no outcome."""
    outcome = result["outcome"]
    return "trained" if outcome is None else f"{outcome:.2f} %"


def facts_of_run(record, history):
    """Sizes, lengths, operations and accuracies of a finished run.

    Args:
        record: Content of run.json.
        history: Rows of history.csv.

    Returns:
        Dictionary of what result.json says. Accuracies are in percent.
        `best_val_accuracy` is of held-out images only: test images choose nothing.
    """
    recipe, cost = record["recipe"], record["cost"]
    old = "validation" not in record["data"]  # and called what it held out its test
    held_out = bool(recipe.get("validation_fraction")) or not old
    parts = ("train",)
    if held_out:
        parts += ("test",) if old else ("validation",)
    tested = [row["val_accuracy"] for row in history if "val_accuracy" in row]
    learnt = history[-1].get("accuracy")
    return {
        "n_train": sum(record["data"][part]["num_examples"] for part in parts),
        "num_parameters": record["resolved"]["parameters"],
        "forward_flops": cost["flops_per_image"],
        "updates": record["resolved"]["total_steps"],
        "images": cost["images"],
        "train_flops": cost["flops"],
        "devices": cost["devices"],
        "train_accuracy": None if learnt is None else 100 * learnt,
        "best_val_accuracy": 100 * max(tested) if held_out and tested else None,
    }
