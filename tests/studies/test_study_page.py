"""The page and the plots of a study, its sentences, and the check of all of them."""

import json
import re
import shutil

import pytest
from made import ablation, alike, data_size, made, usual
from pages import Reader

from keras_vit import published
from keras_vit.common.figures import new_figure
from keras_vit.studies import catalogue
from keras_vit.studies.comparing import entries as d
from keras_vit.studies.grid import Grid
from keras_vit.studies.parts import Compare
from keras_vit.studies.reporting import (
    apart,
    beside,
    checking,
    figures,
    results,
    verdicts,
)
from keras_vit.studies.reporting.model_index import model_index
from keras_vit.studies.reporting.page import study_page
from keras_vit.studies.running.facts import facts_of_run

pytest.importorskip("matplotlib")

FIGURE_4 = {
    ("ViT", level): f"vit/figure4/vit_b32/{size}"
    for level, size in (("1 %", "9m"), ("10 %", "30m"), ("30 %", "90m"))
}


@pytest.fixture(scope="module")
def study():
    return data_size(published=FIGURE_4)


@pytest.fixture(scope="module")
def written(tmp_path_factory, study):
    """The folder of a study that was partly run, with all its files; not to change."""
    names = [cell.name for cell in study.cells()]
    states = {"diverged": names[3:4], "failed": names[6:7]}
    folder = tmp_path_factory.mktemp("written") / "study"
    made(folder, study, usual, skip=names[20:], **states)
    results.write(folder)
    return folder


@pytest.fixture(scope="module")
def tables(written):
    return results.read(written)


@pytest.fixture(scope="module")
def page(written):
    return (written / "study.html").read_text(encoding="utf-8")


@pytest.fixture
def folder(written, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(written, tmp_path / "copy")


# The page ---------------------------------------------------------------------------


def test_all_files_are_there(written):
    names = {"results.csv", "summary.csv", "differences.csv", "study.html"}
    names |= {"plot.svg", "plot.png", "study.json", "cells"}
    assert {path.name for path in written.iterdir()} == names


def test_the_page_needs_no_other_file(page):
    reader = Reader(page)
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert "<script" not in page and "prefers-color-scheme: dark" in page
    assert "currentColor" in page and len(set(reader.ids)) == len(reader.ids)
    assert reader.headings[0] == 1 and set(reader.headings[1:]) == {2}


def test_every_cell_and_every_published_value_can_be_traced(page, study, tables):
    text = Reader(page).text
    for cell in study.cells():
        assert f"cells/{cell.name}/run" in text
    for row in FIGURE_4.values():
        assert row in text and published.row(row).printed in text
    for cell in tables.grid.results.values():
        if cell["status"] == "done":
            assert f"{cell['outcome']:.2f}" in text


def test_what_is_not_run_has_its_price_and_what_failed_its_message(page, study):
    text = Reader(page).text
    assert "6 of 26 cells; about 14 min in all, an estimate." in text
    assert text.count("not run") >= 6
    assert "ResourceExhaustedError: out of memory" in text
    assert "diverged" in text and "They count in no mean." in text


def test_the_first_line_says_that_it_is_not_the_paper(page):
    text = Reader(page).text
    assert "Preset laptop, on fashion_mnist_mini, not the paper's experiment." in text
    assert "Changed from the paper" in text and "instead of jft_300m" in text


def test_what_the_user_changed_is_listed(tmp_path):
    study = data_size(seeds=(0,)).changed(levels=["1 %"], fields={"ViT.num_layers": 2})
    folder = made(tmp_path, study, usual, skip=[cell.name for cell in study.cells()])
    text = Reader(study_page(results.read(folder), plot=False)).text
    assert "levels: 1 %, given by the user" in text
    assert "ViT.num_layers: 2, given by the user" in text


def test_the_page_ends_with_its_sentence_beside_the_papers(page, tables, study):
    text = Reader(page).text
    end = text[text.index("In a sentence") :]
    assert end.index(tables.closing) < end.index(study.paper)


def test_the_head_of_the_tables_says_one_seed(tmp_path):
    found = results.read(made(tmp_path, data_size(seeds=(0,)), usual))
    page = study_page(found, plot=False)
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", page)
    assert "ours, % (one seed)" in heads and "difference (one seed)" in heads


def test_values_that_are_not_comparable_show_no_difference(page, tables):
    first = next(s for s in tables.summaries if s.published_id)
    assert first.difference is not None
    assert f"{first.difference:+.2f}" not in Reader(page).text


@pytest.mark.parametrize("run", [True, False])
def test_odd_names_break_neither_page_nor_plot(tmp_path, run):
    arms = {"ViT $x$ <b>": {}, "ResNet é日": {"dropout_rate": 0.1}}
    compare = (Compare("arms", *arms),)
    study = ablation(arms=arms, comparisons=compare, question="Is & < or >?")
    skip = () if run else [cell.name for cell in study.cells()]
    found = results.write(made(tmp_path / "s", study, alike, skip=skip))
    text = Reader((tmp_path / "s/study.html").read_text(encoding="utf-8")).text
    assert "Is & < or >?" in text and "ViT $x$ <b> − ResNet é日" in text
    assert found.closing in text


def test_the_page_is_the_same_twice(tables, page):
    assert study_page(tables) == page


# Plots ------------------------------------------------------------------------------


def test_published_values_of_another_kind_have_a_panel_of_their_own(tables):
    ours, _, theirs = figures.draw(tables).axes
    assert theirs.get_title(loc="left") == apart.TITLE
    (line,) = theirs.get_lines()
    assert line.get_linestyle() == "--" and line.get_markerfacecolor() == "none"
    assert list(line.get_ydata()) == [published.row(r).value for r in FIGURE_4.values()]
    values = [v for one in ours.get_lines() for v in one.get_ydata()]
    assert not set(line.get_ydata()) & set(values)


def test_the_papers_own_study_stands_beside_one_that_has_no_comparable_rows(
    tmp_path, monkeypatch
):
    paper = catalogue.STUDIES["data-size"].presets["paper"]
    rows = {("ViT-B/32", "9M"): "vit/figure4/vit_b32/9m"}
    monkeypatch.setitem(paper, "published", rows)
    found = results.read(made(tmp_path, data_size(seeds=(0,)), usual))
    (line,) = figures.draw(found).axes[-1].get_lines()
    assert list(line.get_ydata()) == [37.95]
    text = Reader(study_page(found, plot=False)).text
    assert "What the paper found" in text and "vit/figure4/vit_b32/9m" in text


def test_table_6_is_drawn_over_its_own_computing():
    rows = published.find(source="vit", table="6", task="imagenet2012")
    entries = [beside.Beside(row.model.partition("_")[0], "", row) for row in rows]
    axes = new_figure(4, 4).subplots()
    apart.draw_over_computing(axes, entries, {})
    compute = [x for line in axes.get_lines()[::2] for x in line.get_xdata()]
    assert min(compute) == 50 and max(compute) == 4262
    assert axes.get_title(loc="left") == apart.TITLE


def test_only_called_differences_are_filled(tmp_path):
    found = results.read(made(tmp_path, data_size(), usual))
    axes = figures.draw(found).axes[1]
    points = [p for p in axes.get_lines() if p.get_marker() == "o"]
    filled = [p.get_markerfacecolor() != "none" for p in points]
    levels = [e for e in found.differences if e.kind == d.ARMS]
    assert filled == [e.verdict == d.LOWER for e in levels]
    assert [p.get_ydata()[0] for p in points] == [e.mean for e in levels]


def test_bands_reach_from_the_lowest_to_the_highest_seed(tables):
    axes = figures.draw(tables).axes[0]
    band = axes.collections[0].get_paths()[0].get_extents()
    grid = tables.grid
    cells = [grid.outcomes("ViT", level) for level in grid.study.levels]
    low = min(value for values in cells for value in values if value == value)
    assert band.y0 == pytest.approx(low)


def test_a_study_of_families_is_drawn_over_computing(tmp_path):
    arms = {f"{f} {n}": {} for f in ("ViT", "BiT") for n in (1, 2)}
    study = ablation(arms=arms, comparisons=(Compare("compute", "BiT", "ViT"),))
    found = results.read(made(tmp_path, study, alike))
    (axes,) = figures.draw(found).axes
    assert axes.get_xscale() == "log"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["ViT", "BiT"]


# Sentences --------------------------------------------------------------------------


def test_no_template_praises():
    texts = [*verdicts.TEMPLATES.values(), verdicts.SUBJECT, verdicts.SETTLED]
    texts += [verdicts.TOO_FEW_IMAGES, verdicts.NOTHING, verdicts.LEAST, *d.VERDICTS]
    for text in texts:
        for word in (
            "better",
            "beats",
            "state of the art",
            "best",
            "outperform",
            "win",
        ):
            assert word not in text.lower(), text


def test_templates_say_the_verdicts_of_the_closed_list():
    assert {verdict for _, verdict in verdicts.TEMPLATES} == set(d.VERDICTS)


def test_the_sentence_says_what_the_table_says(tmp_path):
    found = results.read(made(tmp_path, data_size(), usual))
    first, trend, crossing, *lengths, least = verdicts.sentences(found.differences)
    arms = [e for e in found.differences if e.kind == d.ARMS]
    for entry in arms:
        assert entry.level in first
    assert first.startswith("ViT against BiT: ") and "lower at" in first
    points = next(e for e in found.differences if e.kind == d.TREND)
    assert f"{points.mean:+.2f}" in trend and "No trend" in trend
    assert "limited by updates" in crossing and len(lengths) == 2
    smallest = min(entry.least for entry in arms)
    assert f"less than about {smallest:.1f} to " in least


def test_a_study_without_comparisons_says_so(tmp_path):
    study = ablation(comparisons=())
    found = results.write(made(tmp_path / "s", study, alike))
    assert found.closing == verdicts.NOTHING


# The check --------------------------------------------------------------------------


def test_an_untouched_folder_passes_the_check(folder, tables):
    assert checking.check(folder) == [
        *("18 cells", "results.csv", "summary.csv", "differences.csv", "study.html")
    ]


@pytest.mark.parametrize("name", ["results.csv", "summary.csv", "differences.csv"])
def test_a_changed_table_is_found(folder, tables, name):
    file = folder / name
    text = file.read_text()
    place = re.search(r"(?<=,)\d\d\.\d+(?=,)|(?<=,)-?\d+\.\d\d+(?=,)", text)
    file.write_text(text[: place.start()] + "99.9" + text[place.end() :])
    with pytest.raises(checking.Mismatch, match=rf"{name}, line \d+, \w+: '99.9' inst"):
        checking.check(folder)


def test_a_changed_page_is_found(folder, tables, page):
    value = next(s.mean for s in tables.summaries if s.n == 3)
    changed = page.replace(f"{value:.2f} ±", "99.90 ±")
    assert changed != page
    (folder / "study.html").write_text(changed, encoding="utf-8")
    with pytest.raises(checking.Mismatch, match=r"study.html: '99.90 ±"):
        checking.check(folder)


def test_a_result_that_its_run_does_not_give_is_found(folder, tables):
    cell = next(r for r in tables.grid.results.values() if r["status"] == "done")
    file = folder / "cells" / cell["name"] / "result.json"
    values = {"outcome": 99.5, "train_flops": 1.0, "forward_flops": 1.0, "n_train": 9}
    values |= {"train_accuracy": 99.5, "best_val_accuracy": 99.5, "devices": 8}
    file.write_text(json.dumps({**cell, **values}))
    with pytest.raises(checking.Mismatch) as error:
        checking.check(folder)
    for name in values:
        assert f"{cell['name']}: {name} is" in str(error.value)


def test_held_out_images_count_as_images_of_the_training():
    parts = {"train": {"num_examples": 90}, "test": {"num_examples": 10}}
    record = {
        "recipe": {"validation_fraction": 0.1},
        "data": parts,
        "resolved": {"parameters": 1, "total_steps": 2},
        "cost": {"flops_per_image": 3, "images": 4, "flops": 5, "devices": 1},
    }
    history = [{"epoch": 1, "accuracy": 0.5, "val_accuracy": v} for v in (0.7, 0.6)]
    found = facts_of_run(record, history)
    assert (found["n_train"], found["best_val_accuracy"]) == (100, 70)
    record["recipe"] = {}
    found = facts_of_run(record, history)
    assert (found["n_train"], found["best_val_accuracy"]) == (90, None)


def test_missing_files_are_found(folder, tables):
    (folder / "summary.csv").unlink()
    (folder / "study.html").unlink()
    cell = next(n for n, r in tables.grid.results.items() if r["status"] == "done")
    (folder / "cells" / cell / "run" / "predictions.npz").unlink()
    (folder / "cells" / cell / "run" / "run.json").unlink()
    with pytest.raises(checking.Mismatch) as error:
        checking.check(folder)
    for text in (
        "summary.csv is missing",
        "study.html is missing",
        "no predictions.npz",
    ):
        assert text in str(error.value)


def test_reading_a_study_changes_nothing_in_it(folder):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    Grid(folder)
    results.read(folder)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


# The model index --------------------------------------------------------------------


def test_the_model_index_is_yaml_with_a_source_for_each_value(tables):
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load(model_index(tables))["model-index"]
    assert [model["name"] for model in found] == ["data-size: ViT", "data-size: BiT"]
    values = [r for model in found for r in model["results"]]
    assert len(values) == sum(bool(s.n) for s in tables.summaries)
    first = values[0]
    assert first["task"]["type"] == "image-classification"
    assert first["dataset"] == {
        "name": "fashion_mnist_mini 1 %",
        "type": "fashion_mnist_mini",
    }
    assert first["metrics"][0]["value"] == round(tables.summaries[0].mean, 2)
    assert first["source"]["url"] == "cells/vit/size_1"


@pytest.mark.parametrize(
    ("base", "dataset"),
    [
        ({"data": "cifar10"}, {"name": "cifar10", "type": "cifar10"}),
        (
            {"data": "cifar10:train[:20%]", "test_split": "test[:20%]"},
            {
                "name": "cifar10, tested on test[:20%]",
                "type": "custom",
                "split": "test[:20%]",
            },
        ),
        (
            {"data": "cifar10", "test_split": "train"},
            {"name": "cifar10, tested on train", "type": "custom", "split": "train"},
        ),
        # Of a set without test images, a part of the training images is the test.
        ({"data": "eurosat"}, {"name": "eurosat", "type": "custom"}),
        ({"data": "/home/me/x_rays"}, {"name": "x_rays", "type": "custom"}),
        ({"data": "./x_rays:train"}, {"name": "x_rays", "type": "custom"}),
    ],
)
def test_only_all_published_test_images_are_a_published_data_set(
    tmp_path, base, dataset
):
    yaml = pytest.importorskip("yaml")
    study = ablation(arms={"a": {}}, comparisons=(), seeds=(0,), base=base)
    tables = results.read(made(tmp_path / "s", study, alike))
    [model] = yaml.safe_load(model_index(tables))["model-index"]
    assert [result["dataset"] for result in model["results"]] == [dataset]
