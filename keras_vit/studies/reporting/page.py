"""The page of a study: `study.html`, which needs no other file."""

from importlib import resources

from keras_vit.common.figures import themed_svg
from keras_vit.common.files import write_text
from keras_vit.common.installed import install_line, is_installed
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_html
from keras_vit.common.wording import as_clock, as_duration
from keras_vit.studies.comparing import entries as d
from keras_vit.studies.comparing.statistics import FEWEST
from keras_vit.studies.grid import NOT_RUN
from keras_vit.studies.reporting import verdicts
from keras_vit.studies.reporting.beside import rows_beside
from keras_vit.studies.reporting.figures import draw
from keras_vit.studies.reporting.verdicts import signed

# Around the plot, which other versions of matplotlib draw otherwise.
BEGIN, END = "<!-- plot -->", "<!-- end of plot -->"
METHOD = (
    "Seeds are paired: the same part of the images, order and initial weights in "
    "every arm. A difference is called higher or lower only with three seeds or "
    "more, if no cell of it diverged, failed or ran on several kinds of machines, "
    "and if Holm's steps over all comparisons of this study reject at 5 %. Its "
    "interval (95 %, each for itself) covers the spread over seeds, pooled over the "
    "levels (without levels: over all arms; a larger one of its own stays), and the "
    "choice of test images. "
    "Equivalent: the 90 % interval lies within ±0.5 points. A trend is a slope over "
    "the logarithm of the axis, with seeds as blocks; it is called only if points "
    "and log-odds agree. Seeds that are added after a look at the results make false "
    "calls more likely, and comparisons of other studies are not counted. A "
    "published value is judged only if model, task, metric, image size, protocol and "
    "pretraining agree."
)
READING = (
    "Filled points: means over the seeds; bands and lines around them: from the "
    "lowest to the highest seed; small points: the seeds. Open triangle: twice the "
    "updates, one seed. Cross at the edge: a cell that diverged or failed, which "
    "counts nowhere. Of differences: 95 % intervals; filled: called; hollow: not. "
    "Published values are hollow, dashed where they were read from a figure."
)


def write_page(tables, path):
    """Writes the page of a study; see `study_page`."""
    write_text(path, study_page(tables))


def study_page(tables, plot=True):
    """The page of a study as a string.

    It loads nothing from anywhere. Every number on it carries the folder of its cells
    or the id of a published row.

    Args:
        tables: `Tables`.
        plot: Boolean, whether to draw it.
    """
    grid, study = tables.grid, tables.grid.study
    title = f"{study.name}: {study.question}"
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<p>{escaped(_first_line(tables))}</p>",
        _said(verdicts.sentences(tables.differences)),
        _cards(tables),
        BEGIN,
        *(_plot(tables) if plot else ()),
        END,
        "<h2>Ours beside the published values</h2>",
        _summaries(tables),
        *_beside(tables),
        "<h2>Comparisons</h2>",
        _differences(tables),
        f"<p class='note'>{escaped(METHOD)}</p>",
        *_changed(grid),
        *_not_run(grid),
        *_silent(grid),
        *_troubles(grid),
        "<h2>Cells</h2>",
        _cells(grid),
        "<h2>In a sentence</h2>",
        f"<div class='said'><p>{escaped(tables.closing)}</p></div>",
        *_paper(study),
    ]
    style = (resources.files("keras_vit.studies.reporting") / "page.css").read_text()
    return html_page(title, parts, style)


def _first_line(tables):
    study = tables.grid.study
    data = study.base.get("data", "")
    sets = study.axis.groups if study.axis else {}
    if any(sets):  # several, of which each level names its own
        levels = study.axis.levels
        named = {
            name: levels[labels[0]][1].get("data", data)
            for name, labels in sets.items()
        }
        data = " and ".join(f"{name} ({place})" for name, place in named.items())
    parts = [f"Preset {study.preset}" if study.preset else "A study of one's own"]
    parts[0] += f", on {data}" * bool(data)
    if study.preset != "paper":
        parts[0] += ", not the paper's experiment"
    if study.source:
        parts.append(f"The question is from: {study.source}")
    return " ".join([". ".join(parts) + ".", study.equal]).strip()


def _said(sentences):
    lines = "".join(f"<p>{escaped(sentence)}</p>" for sentence in sentences)
    return f"<div class='said'>{lines}</div>"


def _cards(tables):
    grid = tables.grid
    done = [r for r in grid.results.values() if r["status"] == "done"]
    seconds = [r.get("cpu_seconds") or 0 for r in done]
    devices = [(r.get("seconds") or 0) * (r.get("devices") or 1) for r in done]
    flops = sum(r.get("train_flops") or 0 for r in done)
    machines = {r.get("environment") for r in done} - {None}
    cards = [
        (f"{len(done)} of {len(grid.cells)}", "cells run"),
        (f"{len(grid.study.seeds)}", "seeds"),
        (as_clock(sum(seconds)), "CPU time, h:min:s"),
        (as_clock(sum(devices)), "device time, h:min:s"),
        (_power(flops), "operations, counted"),
        (f"{len(machines)}", "kinds of machines"),
    ]
    items = "".join(f"<div><b>{n}</b><span>{name}</span></div>" for n, name in cards)
    versions = grid.record.get("versions") or {}
    said = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"<div class='numbers'>{items}</div><p class='note'>{escaped(said)}</p>"


def _plot(tables):
    if not any(s.n for s in tables.summaries):
        yield "<p>No cell is done: there is nothing to draw.</p>"
    elif is_installed("matplotlib"):
        yield f"<div class='wide plot'>{themed_svg(lambda: draw(tables), 's')}</div>"
        yield f"<p class='note'>{escaped(READING)}</p>"
    else:
        yield f"<p>The plot needs matplotlib: {escaped(install_line('train'))}</p>"


def _seeds(numbers):
    """` (one seed)`, as every head of a table says that has fewer than three."""
    few = d.too_few(max(numbers, default=0))
    return f" ({few})" if few else ""


def _summaries(tables):
    rows = []
    few = _seeds([s.n for s in tables.summaries])
    for s in tables.summaries:
        rows.append(
            [
                s.arm,
                s.level or "–",
                _ours(s),
                _span(s.low, s.high, ""),
                s.published or "–",
                # Of another experiment, a difference means nothing.
                "–" if s.verdict == "not comparable" else signed(s.difference),
                s.verdict or "–",
                _folder(tables.grid, s.arm, s.level),
                s.published_id or "–",
            ]
        )
    header = ["arm", "level", f"ours, %{few}", "95 %", "published", "difference"]
    header += ["verdict", "cells", "published row"]
    table = _with_text(as_html(header, rows, 2), (6, 7, 8))
    return f"<div class='wide'>{table}</div>{_reasons(tables.summaries)}"


def _beside(tables):
    """The values of the paper's own study, where none of ours is beside them."""
    if any(s.published_id for s in tables.summaries):
        return
    rows = [
        [entry.arm, entry.level or "–", entry.row.text, entry.row.kind, entry.row.id]
        for entry in rows_beside(tables)
    ]
    if rows:
        header = ["the paper's arm", "level", "published", "kind", "published row"]
        yield "<h2>What the paper found</h2>"
        yield "<p>Another experiment: nothing here is comparable with ours.</p>"
        yield f"<div class='wide'>{_with_text(as_html(header, rows, 2), (3, 4))}</div>"


def _reasons(summaries):
    """Behind a fold, why each published value is judged as it is."""
    items = "".join(
        f"<li>{escaped(s.published_id)}: {escaped(s.reasons)}</li>"
        for s in summaries
        if s.reasons
    )
    if not items:
        return ""
    return f"<details><summary>Why these verdicts</summary><ul>{items}</ul></details>"


def _with_text(table, columns):
    """The table with more columns of texts, which may break."""
    lines = table.split("<tr>")
    for number, line in enumerate(lines):
        for tag in ("td", "th"):
            cells = line.split(f"<{tag}")
            for column in columns:
                if column + 1 < len(cells) and cells[column + 1].startswith(">"):
                    cells[column + 1] = " class=text" + cells[column + 1]
            line = f"<{tag}".join(cells)
        lines[number] = line
    return "<tr>".join(lines)


def _ours(s):
    others = [
        f"{number} {name}"
        for name in ("diverged", "failed", "not_run")
        if (number := getattr(s, name))
    ]
    said = f" ({', '.join(others)})".replace("_", " ") if others else ""
    if not s.n:
        return ", ".join(others).replace("_", " ")
    spread = "" if s.sd is None else f" ± {s.sd:.2f}"
    return f"{s.mean:.2f}{spread}, n = {s.n}{said}"


def _span(low, high, missing="–", digits=2):
    if low is None:
        return missing or "–"
    return f"{low:.{digits}f} to {high:.{digits}f}".replace("-", "−")


def _folder(grid, arm, level):
    names = [c.name for c in grid.cells if (c.arm, c.level) == (arm, level)]
    return f"cells/{names[0].rpartition('/')[0]}/" if names else "–"


def _differences(tables):
    few = _seeds([e.pairs for e in tables.differences if e.kind == d.ARMS] or [FEWEST])
    rows = []
    for e in tables.differences:
        what = f"{e.arm} − {e.other}" if e.kind in (d.ARMS, d.TREND) else e.arm
        what = f"{e.arm}, {e.other}" if e.kind == d.CROSSING else what
        what = f"{e.arm}, twice the updates" if e.kind == d.LENGTH else what
        what = f"{e.arm} / {e.other}" if e.kind == d.COMPUTE else what
        number = signed(e.mean) if e.kind != d.COMPUTE or e.mean is None else e.mean
        if isinstance(number, float):
            number = f"{number:.2f}"
        why = "; ".join(filter(None, (e.reason, verdicts.settled(e))))
        rows.append(
            [
                what,
                e.level or "–",
                e.verdict,
                number,
                _span(e.low, e.high),
                e.unit if e.mean is not None else _KINDS[e.kind],
                "–" if e.p is None else f"{e.p:.2g}",
                "–" if e.p_holm is None else f"{e.p_holm:.2g}",
                str(e.pairs),
                why or "–",
            ]
        )
    if not rows:
        return f"<p>{verdicts.NOTHING}</p>"
    header = ["arms", "level", "verdict", f"difference{few}", "95 %", "unit", "p"]
    header += ["p, Holm", "pairs", "remark"]
    return f"<div class='wide'>{_with_text(as_html(header, rows, 3), (5, 9))}</div>"


# Of comparisons without a number.
_KINDS = {
    d.ARMS: "points",
    d.TREND: "trend",
    d.CROSSING: "crossing",
    d.LENGTH: "points",
    d.COMPUTE: "computing",
    d.LAW: "power law",
}


def _changed(grid):
    lines = list(grid.record.get("changed") or [])
    for name, value in grid.study.changes.items():
        listed = isinstance(value, list | tuple)
        text = ", ".join(map(str, value)) if listed else value
        lines.append(f"{name}: {text}, given by the user")
    if lines:
        items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
        yield f"<h2>Changed from the paper</h2><ul>{items}</ul>"


def _not_run(grid):
    prices = dict(grid.record.get("not_run") or [])
    missing = [cell.name for cell in grid.cells if cell.name not in grid.results]
    if not missing:
        return
    known = [prices[name] for name in missing if prices.get(name) is not None]
    total = f"; about {as_duration(sum(known))} in all, an estimate" if known else ""
    rows = [
        [name, NOT_RUN, as_duration(prices[name]) if prices.get(name) else "not known"]
        for name in missing
    ]
    table = as_html(["cell", "", "price, an estimate"], rows, 1)
    yield f"<h2>Not run</h2><p>{len(missing)} of {len(grid.cells)} cells{total}.</p>"
    yield f"<div class='tall'>{table}</div>"


def _silent(grid):
    rows = [
        [f"cells/{name}/run", as_duration(seconds)]
        for name, seconds in grid.silent.items()
        if name not in grid.results
    ]
    if rows:
        yield "<h2>Cells that may hang</h2><p>They had written nothing for so long "
        yield "when they were last looked at. Look at their processes; or stop the "
        yield "study with Ctrl-C and give the same command again: they go on from "
        yield f"their last save.</p>{as_html(['folder', 'silent for'], rows, 1)}"


def _troubles(grid):
    rows = [
        [name, result["status"], result["folder"], result.get("message") or "–"]
        for name, result in grid.results.items()
        if result["status"] != "done"
    ]
    if rows:
        header = ["cell", "ended", "folder", "message"]
        table = _with_text(as_html(header, rows, 1), (1, 2, 3))
        yield "<h2>Diverged and failed cells</h2>"
        yield f"<p>They count in no mean.</p><div class='wide'>{table}</div>"


def _cells(grid):
    rows = []
    for cell in grid.cells:
        r = grid.results.get(cell.name, {})
        numbers = [
            r.get("outcome"),
            r.get("low"),
            r.get("high"),
            r.get("train_accuracy"),
        ]
        test, low, high, train = numbers
        rows.append(
            [
                r.get("folder") or f"cells/{cell.name}/run",
                r.get("status", NOT_RUN),
                "–" if test is None else f"{test:.2f}",
                _span(low, high, digits=1),
                "–" if train is None else f"{train:.2f}",
                *(_count(r.get(n)) for n in ("n_train", "num_parameters", "updates")),
                _power(r.get("train_flops")),
                "–" if r.get("cpu_seconds") is None else f"{r['cpu_seconds']:.0f}",
            ]
        )
    header = ["folder", "ended", "test, %", "95 % (Wilson)", "train, %", "images"]
    header += ["parameters", "updates", "operations", "CPU s"]
    return f"<div class='wide tall'>{as_html(header, rows, 2)}</div>"


def _power(value):
    """A large number, such as `3.91e13`."""
    return "–" if value is None else f"{value:.3g}".replace("e+", "e")


def _count(value):
    return "–" if value is None else f"{value:,}"


def _paper(study):
    if study.paper:
        source = f" ({study.source})" if study.source else ""
        said = escaped(f"The paper{source}: {study.paper}")
        yield f"<div class='said paper'><p>{said}</p></div>"
