"""The panel of published values that are not comparable with ours."""

from keras_vit.common.figures import BLUE, GREY, ORANGE, unformatted
from keras_vit.studies.comparing import curves
from keras_vit.studies.parts import family_of
from keras_vit.studies.reporting.beside import computing_of

TITLE = "published, not comparable with ours"
# Of arms, in their order; they read on white and on black.
COLOURS = (BLUE, ORANGE, "#2a9d6f", "#9b5de5", "#c9508e", "#3aa6b9", "#b08900", GREY)
MARKERS = "osD^vPX*"
# What distinguishes rows of one arm whose levels are not the paper's.
_DIFFERING = ("pretrain", "setting", "task", "model")
# So many tasks stand beside the axis of values.
_FEW = 2
_FAMILIES = {"ViT": BLUE, "BiT": ORANGE}


def family_look(family, number):
    """The colour and marker of a family of models, the same in both panels."""
    colour = _FAMILIES.get(family, COLOURS[number % len(COLOURS)])
    return colour, MARKERS[number % len(MARKERS)]


def draw_beside(axes, entries, looks):
    """Values over the levels of the paper's study, or one for each of its arms.

    Args:
        axes: Matplotlib axes.
        entries: List of `Beside`, at least one.
        looks: Arm of ours to its colour and marker; other arms have the colour of
            the arm that is of their family.
    """
    labels = _labels(entries, looks)
    places = {label: k for k, label in enumerate(dict.fromkeys(labels))}
    arms = list(dict.fromkeys(entry.arm for entry in entries))
    along = any(entry.level for entry in entries)
    many = len(_tasks(entries)) > _FEW  # between which there is no line
    for number, arm in enumerate(arms):
        own = [k for k, entry in enumerate(entries) if entry.arm == arm]
        rows = [entries[k].row for k in own]
        marker = looks[arm][1] if arm in looks else MARKERS[number % len(MARKERS)]
        points = [places[labels[k]] for k in own], [row.value for row in rows]
        models = ", ".join(dict.fromkeys(row.model for row in rows))
        axes.plot(
            *(points if along else points[::-1]),
            marker + (_stroke(rows) if along and not many else ""),
            color=_colour(arm, rows[0], looks),
            mfc="none",
            markersize=7,
            label=unformatted(f"{arm}: {models}" if arm in looks else arm),
        )
    texts = [unformatted(place) for place in places]
    axes.margins(0.15)
    if along:
        axes.set_xticks(list(places.values()), texts, fontsize=8)
        axes.tick_params(axis="x", rotation=25 if sum(map(len, places)) > 30 else 0)
        axes.legend(frameon=False, fontsize=8)
        axes.set_ylabel(_what(entries))
    else:
        axes.set_yticks(list(places.values()), texts)
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.set_xlabel(_what(entries))
    axes.set_title(TITLE, fontsize=10, loc="left")


def draw_over_computing(axes, entries, looks):
    """Values over the computing of their pretraining, with each family's front."""
    families = {}
    for entry in entries:
        families.setdefault(family_of(entry.arm), []).append(entry.row)
    for number, (family, rows) in enumerate(families.items()):
        x, y = [computing_of(row) for row in rows], [row.value for row in rows]
        colour, marker = family_look(family, number)
        label = unformatted(family)
        axes.plot(x, y, marker, color=colour, mfc="none", markersize=7, label=label)
        front = curves.front(x, y)
        axes.plot(*front, _stroke(rows), color=colour, linewidth=1.2)
    axes.set_xscale("log")
    axes.set_xlabel("exaFLOPs of pretraining")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    axes.set_ylabel(_what(entries))
    axes.set_title(TITLE, fontsize=10, loc="left")


def _stroke(rows):
    return "--" if any(row.kind == "figure" for row in rows) else "-"


def _labels(entries, looks):
    """Where on the axis each value stands."""
    if not any(entry.level for entry in entries):
        return [entry.arm for entry in entries]
    if not all(entry.arm in looks for entry in entries):
        return [entry.level for entry in entries]
    # Levels of ours are no places for values of the paper.
    texts = [[str(getattr(e.row, name)) for e in entries] for name in _DIFFERING]
    return next((found for found in texts if len(set(found)) > 1), texts[0])


def _colour(arm, row, looks):
    if arm in looks:
        return looks[arm][0]
    family = row.model.partition("_")[0]
    return looks[family][0] if family in looks else _FAMILIES.get(family, GREY)


def _what(entries):
    tasks = _tasks(entries)
    if len(tasks) > _FEW:  # the axis names them
        tasks = dict.fromkeys(entry.row.metric for entry in entries)
    return unformatted("; ".join(tasks).replace("_", " "))


def _tasks(entries):
    """Tasks and metrics of the rows, each once."""
    return dict.fromkeys(f"{e.row.task}, {e.row.metric}" for e in entries)
