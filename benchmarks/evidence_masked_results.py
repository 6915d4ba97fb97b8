"""What the runs of `evidence_masked_patches.py` come to: means, a table, a chart."""

import math
import statistics

ARMS = ("pretrained", "scratch", "control")
COLOURS = {"pretrained": "#1f6f8b", "scratch": "#c98a3d", "control": "#8a8580"}


def summary(runs, fraction):
    """Mean and spread of each arm, and of the gain of the same seeds."""
    of = {
        arm: {
            run["seed"]: run["test_accuracy"]
            for run in runs
            if run["arm"] == arm and run["fraction"] == fraction
        }
        for arm in ARMS
    }
    row = {"fraction": fraction}
    for arm, scores in of.items():
        if scores:
            row[arm] = _mean(list(scores.values()))
    pairs = of["pretrained"].keys() & of["scratch"].keys()
    if pairs:
        row["gain"] = _mean([of["pretrained"][s] - of["scratch"][s] for s in pairs])
    return row if len(row) > 1 else None


def _mean(values):
    spread = statistics.stdev(values) if len(values) > 1 else None
    error = None if spread is None else spread / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return {"mean": mean, "sd": spread, "standard_error": error, "n": len(values)}


def table(found):
    """Markdown: a row for each share of the labels."""
    lines = ["| labels | " + " | ".join((*ARMS, "gain", "standard error")) + " |"]
    lines.append("|" + " --- |" * 6)
    for row in found["summary"]:
        cells = [_cell(row.get(name)) for name in (*ARMS, "gain")]
        error = row.get("gain", {}).get("standard_error")
        cells.append("–" if error is None else f"{100 * error:.2f}")
        if error is not None and row["fraction"] < 1:
            met = row["gain"]["mean"] > 2 * error
            cells[-1] += " (gain above two: " + ("yes)" if met else "NO)")
        lines.append(f"| {100 * row['fraction']:g} % | " + " | ".join(cells) + " |")
    first = found["pretrain"]
    if first:
        names = ("accuracy", "commonest_colour", "visible_neighbours")
        shares = [f"{name} {first['val_' + name]:.1%}" for name in names]
        seconds = first["cpu_seconds"] + sum(r["cpu_seconds"] for r in found["runs"])
        lines.append(
            f"\nPretraining: {first['cpu_seconds']:,.0f} CPU-seconds; of hidden "
            f"patches of test images: {', '.join(shares)}. In all: "
            f"{seconds / 3600:.2f} CPU-hours."
        )
    return "\n".join(lines)


def _cell(value):
    if value is None:
        return "–"
    spread = "" if value["sd"] is None else f" ± {100 * value['sd']:.1f}"
    return f"{100 * value['mean']:.1f}{spread} (n = {value['n']})"


def draw(rows, path):
    """Test accuracy against the share of the labels, mean and standard deviation."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        print("matplotlib is not installed: no chart")
        return
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for arm in ARMS:
        points = [(100 * r["fraction"], r[arm]) for r in rows if arm in r]
        if not points:
            continue
        x, values = zip(*points)
        y = [100 * value["mean"] for value in values]
        spread = [100 * (value["sd"] or 0) for value in values]
        style = "s" if arm == "control" else "o-"
        axes.errorbar(x, y, spread, fmt=style, capsize=4, label=arm, color=COLOURS[arm])
    axes.set_xscale("log")
    ticks = [100 * row["fraction"] for row in rows]
    axes.set_xticks(ticks, [f"{tick:g} %" for tick in ticks])
    axes.minorticks_off()
    axes.set(
        xlabel="share of the 50,000 labels", ylabel="test accuracy, %", ylim=(0, 100)
    )
    title = "CIFAR-10, small ViT: mean and standard deviation over seeds"
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=120)
