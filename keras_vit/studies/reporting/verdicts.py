"""The sentences of a study: templates, filled from its differences and nothing else."""

from keras_vit.studies.comparing import entries as d

# What a comparison says, by kind and verdict. A list of levels stands for each verdict
# that some level has; without an axis there is none.
TEMPLATES = {
    (d.ARMS, d.HIGHER): "higher{levels} (by {means} points)",
    (d.ARMS, d.LOWER): "lower{levels} (by {means} points)",
    (d.ARMS, d.EQUIVALENT): "{verdict}{levels}",
    (d.ARMS, d.UNDECIDED): "undecided{levels} ({more})",
    (d.ARMS, d.NOT_CALLED): "not called{levels}",
    (d.ARMS, d.NOT_RUN): "not run{levels}",
    (d.TREND, d.CLOSES): "The gap between {arm} and {other} closes along the axis: "
    "{points} points and {odds} in log-odds per decade.",
    (d.TREND, d.WIDENS): "The gap between {arm} and {other} widens along the axis: "
    "{points} points and {odds} in log-odds per decade.",
    (
        d.TREND,
        d.NO_TREND,
    ): "No trend of the gap between {arm} and {other} is called: "
    "{points} points and {odds} in log-odds per decade.",
    (d.TREND, d.NOT_CALLED): "The trend between {arm} and {other} is not called: "
    "{reason}.",
    (d.TREND, d.NOT_RUN): "The trend between {arm} and {other} is not run.",
    (d.CROSSING, d.CROSSES): "{arm} and {other} cross {reason}.",
    (d.CROSSING, d.NO_CROSSING): "{arm} and {other} do not cross between these levels.",
    (
        d.CROSSING,
        d.UNDECIDED,
    ): "Whether {arm} and {other} cross is undecided ({reason}).",
    (d.CROSSING, d.NOT_RUN): "Whether {arm} and {other} cross is not known: not run.",
    (d.COMPUTE, d.MORE): "{arm} takes more computing than {other} at equal accuracy: "
    "{times} times as much in the median; {reason}.",
    (d.COMPUTE, d.LESS): "{arm} takes less computing than {other} at equal accuracy: "
    "{times} times as much in the median; {reason}.",
    (
        d.COMPUTE,
        d.UNDECIDED,
    ): "Which of {arm} and {other} takes more computing at equal "
    "accuracy is undecided: {times} times in the median; {reason}.",
    (d.COMPUTE, d.NOT_CALLED): "The computing of {arm} and {other} is not called: "
    "{reason}.",
    (d.COMPUTE, d.NOT_RUN): "The computing of {arm} and {other} is not compared: "
    "{reason}.",
    (d.LAW, d.POWER_LAW): "The error of {arm} falls as a power of computing: {law}; "
    "{reason}.",
    (d.LAW, d.NO_POWER_LAW): "No power law of {arm} is called: {reason}.",
    (d.LAW, d.NOT_CALLED): "No power law of {arm} is called: {reason}.",
    (d.LAW, d.NOT_RUN): "The power law of {arm} is not known: {reason}.",
    (d.LENGTH, d.LIMITED): "{arm} gains {mean} points from twice the updates: this arm "
    "is limited by updates, not by data.",
    (d.LENGTH, d.NOT_LIMITED): "{arm} gains {mean} points from twice the updates, one "
    "seed: not limited by updates.",
    (
        d.LENGTH,
        d.NOT_CALLED,
    ): "Whether {arm} is limited by updates is not called: {reason}.",
    (
        d.LENGTH,
        d.NOT_RUN,
    ): "Whether {arm} is limited by updates is not known: {reason}.",
}
# The same of one seed and of two.
_FEW = {
    d.ARMS: "{verdict} only{levels}: no verdict",
    d.TREND: "The trend between {arm} and {other}: {verdict}, no verdict.",
    d.CROSSING: "Whether {arm} and {other} cross: {verdict}, no verdict.",
    d.COMPUTE: "{arm} took {times} times the computing of {other} at equal accuracy: "
    "{verdict}, no verdict.",
}
TEMPLATES |= {
    (kind, few): text
    for kind, text in _FEW.items()
    for few in (d.ONE_SEED, d.TWO_SEEDS)
}
SUBJECT = "{arm} against {other}: {said}."
LEAST = (
    "With these seeds and test images, differences of less than about {least} points "
    "are not called."
)
NOTHING = "Nothing is compared."

# Of undecided differences.
SETTLED = "about {more} more {seeds} would settle {reach} points"
TOO_FEW_IMAGES = "no number of seeds would settle it: too few test images"


def sentences(found):
    """One sentence for each comparison of a study, in their order.

    Args:
        found: List of `Difference`.

    Returns:
        List of strings. At the end stand those on the length of the runs, and how
        small a difference this study can tell.
    """
    groups = {}
    for entry in found:
        groups.setdefault((entry.kind, entry.arm, entry.other), []).append(entry)
    said = [_sentence(kind, entries) for (kind, *_), entries in groups.items()]
    least = [entry.least for entry in found if entry.least is not None]
    if least:
        said.append(LEAST.format(least=_range(least)))
    return said or [NOTHING]


def closing(found):
    """All sentences as one paragraph, as it ends a page."""
    return " ".join(sentences(found))


def _sentence(kind, entries):
    first = entries[0]
    if kind == d.ARMS:
        said = "; ".join(_parts(entries))
        return SUBJECT.format(arm=first.arm, other=first.other, said=said)
    values = {
        "verdict": first.verdict,
        "arm": first.arm,
        "other": first.other,
        "reason": first.reason,
        "mean": signed(first.mean),
        "times": "" if first.mean is None else _spanned(first, "{:.2f}"),
    }
    if kind == d.LAW and first.mean is not None:
        values["law"] = _spanned(first, "{:.3f}").replace("-", "−")
    if kind == d.TREND:
        values["points"], values["odds"] = (_spanned(entry) for entry in entries)
    return TEMPLATES[kind, first.verdict].format(**values)


def _parts(entries):
    """What is said of one pair of arms: levels with the same verdict together."""
    levels = len(entries)
    groups = {}
    for entry in entries:
        # Of undecided ones, those that need the same number of seeds.
        key = entry.verdict, entry.more, entry.verdict == d.UNDECIDED and entry.reach
        groups.setdefault(key, []).append(entry)
    for (verdict, *_), group in groups.items():
        yield TEMPLATES[d.ARMS, verdict].format(
            verdict=verdict,
            levels=_levels(group, levels),
            means=_range(
                [abs(entry.mean) for entry in group if entry.mean is not None]
            ),
            more=settled(group[0]),
        )


def settled(entry):
    """How many more seeds an undecided difference needs, as text; "" of others."""
    if entry.reach is None:
        return ""
    if entry.more is None:
        return TOO_FEW_IMAGES
    seeds = "seed" if entry.more == 1 else "seeds"
    return SETTLED.format(more=entry.more, seeds=seeds, reach=f"±{entry.reach:.1f}")


def _levels(group, all_levels):
    labels = [entry.level for entry in group if entry.level]
    if not labels:
        return ""
    if len(labels) == all_levels and all_levels > 1:
        return f" at all {all_levels} levels"
    return " at " + ", ".join(labels)


def _range(values):
    if not values:
        return ""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"


def signed(value):
    """A difference with its sign and two digits; a dash for `None`."""
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def _spanned(entry, style=None):
    """A mean with its interval."""

    def text(value):
        return style.format(value) if style else signed(value)

    if entry.low is None:
        return text(entry.mean)
    return f"{text(entry.mean)} ({text(entry.low)} to {text(entry.high)})"
