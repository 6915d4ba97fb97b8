"""The bar chart of a comparison."""

import statistics

COLOURS = {"keras_vit": "#1f6f8b", "keras_vit float32": "#8fb8c6"}
OTHERS, GAP = "#b9b4aa", 0.35


def draw(report, titles, path):
    """Draws one panel per case; returns whether matplotlib is installed.

    Args:
        report: Dictionary, as `compare.py` writes it to JSON.
        titles: Dictionary, case to title.
        path: Where the PNG goes.
    """
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    cases = report["cases"]
    columns = min(len(cases), 2)
    rows = -(-len(cases) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(7.2 * columns, 3.6 * rows + 0.5), squeeze=False
    )
    for axis in axes.flat[len(cases) :]:
        axis.set_visible(False)
    for axis, (case, part) in zip(axes.flat, cases.items()):
        _panel(axis, part, titles[case])
    machine = report["machine"]
    figure.suptitle(
        f"{machine['cpu']}, {report['threads']} threads, {report['date'][:10]}: median "
        "seconds per step, shorter is better",
        fontsize=11,
    )
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return True


def _panel(axis, part, title):
    shown = [row for row in part["rows"] if row["contender"] != "GEMM"]
    ok = [row for row in shown if row.get("median_wall")]
    longest = max((row["median_wall"] for row in ok), default=1.0)
    for i, row in enumerate(shown):
        name = row["contender"]
        if not row.get("median_wall"):
            axis.text(0, i, f"  {row['status'][:60]}", va="center", fontsize=8)
            continue
        time = row["median_wall"]
        quartiles = statistics.quantiles(row["wall"], n=4, method="inclusive")
        spread = [[max(time - quartiles[0], 0)], [max(quartiles[2] - time, 0)]]
        colour = COLOURS.get(name, OTHERS)
        axis.barh(i, time, color=colour, xerr=spread, ecolor="#444444", capsize=3)
        label = f"{time:.2f} s, {row['peak'] / 1e9:.2f} GB"
        if row.get("share_of_ceiling"):
            label += f", {row['share_of_ceiling']:.0%} of GEMM"
        if name != "keras_vit" and row.get("ours_over_this_wall"):
            label += f"\nours / this: {row['ours_over_this_wall']:.2f}"
        place = max(time, quartiles[2]) + 0.03 * longest
        axis.text(place, i, label, va="center", fontsize=8)
    names = [r["contender"] + (" (jit)" if r.get("jit") else "") for r in shown]
    axis.set_yticks(range(len(shown)), names)
    axis.set_ylim(len(shown) - 1 + 0.5 + GAP, -0.5 - GAP)
    axis.set_xlim(0, 1.75 * longest)
    axis.set_title(title, fontsize=10, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
