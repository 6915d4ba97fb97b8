"""The published values: what can be derived from them, and how they are found."""

import collections
import csv
import statistics
from pathlib import Path

import pytest

import keras_vit
from keras_vit import published
from keras_vit.costs.chips import UTILISATION
from keras_vit.models.variants.listing import published_flops
from keras_vit.published.rows import NAMES, all_rows

TABLES = Path(published.__file__).parent / "tables"
AVERAGE_5 = {
    *("imagenet2012", "cifar10", "cifar100"),
    *("oxford_iiit_pet", "oxford_flowers102"),
}
JFT = 303_000_000


def test_every_value_is_read_with_its_source():
    rows = list(published.find())
    assert len(rows) == len({row.id for row in rows}) == 1649
    assert collections.Counter(row.kind for row in rows) == {
        **{"printed": 1450, "figure": 145, "derived": 54}
    }
    assert all(row.citation and row.id.count("/") for row in rows)
    bounded = [row for row in rows if row.low is not None]
    assert all(row.low <= row.value <= row.high for row in bounded)
    percent = [row for row in rows if row.metric.endswith("top1")]
    assert all(0 < row.value <= 100 for row in percent)
    header = next(csv.reader((TABLES / "results.csv").open()))
    assert header == NAMES


# Derived again ----------------------------------------------------------------------


@pytest.mark.parametrize("table", ["7", "6"])
def test_the_mean_of_five_tasks_is_what_the_rows_give(table):
    means = published.find(source="vit", table=table, task="average5")
    assert len(means) == {"7": 4, "6": 18}[table]
    for mean in means:
        start = mean.id.rpartition("/")[0]
        values = [all_rows()[f"{start}/{task}"].value for task in AVERAGE_5]
        # To the last printed digit, and half of one of the values' own.
        assert abs(statistics.mean(values) - mean.value) < 0.0101, mean.id


def test_the_means_of_table_9_are_those_of_its_19_tasks():
    for mean in published.find(source="vit", table="9", task="vtab"):
        start = mean.id.rpartition("/")[0]
        rows = [r for r in published.find(source="vit", table="9") if start in r.id]
        tasks = [r for r in rows if r.setting.startswith("finetune") and r != mean]
        assert len(tasks) == 19
        assert abs(statistics.mean(r.value for r in tasks) - mean.value) < 0.051
        _groups(rows, tasks, 0.01)


def test_the_81_group_means_of_augreg_are_those_of_their_tasks():
    models = collections.defaultdict(list)
    for row in published.find(source="augreg", table="5"):
        models[row.id.rpartition("/")[0]].append(row)
    checked = 0
    for rows in models.values():
        tasks = [row for row in rows if row.setting.startswith("finetune")]
        assert len(tasks) == 19
        checked += _groups(rows, tasks, 0.051 + 0.05)
    assert checked == 81


def _groups(rows, tasks, margin):
    """Compares the means of the three groups of VTAB; returns how many."""
    means = [row for row in rows if row.setting == "group mean"]
    for mean in means:
        group = mean.task.removeprefix("vtab/")
        values = [row.value for row in tasks if row.note == group]
        assert len(values) == {"natural": 7, "specialized": 4, "structured": 8}[group]
        assert abs(statistics.mean(values) - mean.value) <= margin, mean.id
    return len(means)


def test_table_5_is_table_6_but_for_five_cells_of_h14():
    longer = {"ViT_L16": 14, "ViT_H14": 14}
    differing = {}
    for row in published.find(source="vit", table="5", pretrain="jft_300m"):
        (other,) = published.find(
            **dict(source="vit", table="6", model=row.model, task=row.task),
            pretrain_epochs=longer.get(row.model, 7),
            metric=row.metric,
        )
        if other.value != row.value:
            differing[row.model, row.task] = row.value, other.value
    assert differing == {
        ("ViT_H14", "imagenet2012"): (88.04, 88.08),
        ("ViT_H14", "imagenet2012_real"): (90.33, 90.36),
        ("ViT_H14", "cifar100"): (94.55, 94.71),
        ("ViT_H14", "oxford_iiit_pet"): (97.56, 97.11),
        ("ViT_H14", "oxford_flowers102"): (99.68, 99.71),
    }


def test_the_adam_columns_of_table_7_are_rows_of_table_6():
    for row in published.find(source="vit", table="7", pretrain_epochs=7):
        if "adam" in row.setting and row.task != "average5":
            model = row.model.lower()
            assert row.value == all_rows()[f"vit/table6/{model}_7ep/{row.task}"].value


def test_exaflops_are_those_that_we_count():
    rows = published.find(source="vit", table="6", metric="exaflops")
    assert len(rows) == 18
    for row in rows:
        images = row.pretrain_epochs * JFT
        counted = 3 * published_flops(row.model, 224) * images / 1e18
        # BiT's are counted 3 to 4 % higher, evenly. R50+L/16 has 859 at 7 epochs and
        # 1668 at 14, of which only the second is ours.
        known = 0.04 if row.model.startswith("BiT") else 0.0
        known = -0.029 if row.id.startswith("vit/table6/r50_vit_l16_7ep") else known
        # The last printed digit counts most for small models.
        assert counted / row.value == pytest.approx(
            1 + known, abs=0.011 + 1 / row.value
        )
        assert counted / row.value == pytest.approx(1, abs=0.05)


def test_core_days_are_of_the_order_of_the_counted_ones():
    core = 61.5e12 * UTILISATION * 86400
    for name, epochs in (("h14_jft", 14), ("l16_jft", 14)):
        row = published.row(f"vit/table2/{name}/core_days")
        counted = 3 * published_flops(row.model, 224) * epochs * JFT / core
        assert 0.9 < row.value / counted < 1.6


# Finding ----------------------------------------------------------------------------


def test_names_are_found_in_any_spelling():
    exact = published.find(model="ViT_B16", task="cifar10", pretrain="imagenet21k")
    assert exact == published.find(model="vit-b/16", task="CIFAR-10", pretrain="i21k")
    assert len(exact) == 9
    both = published.find(source="vit", table="5", model=["ViT_B16", "ViT_L16"])
    assert {row.model for row in both} == {"ViT_B16", "ViT_L16"}
    assert published.find(source="vit", value=98.95) == [
        published.row("vit/table5/vit_b16_imagenet21k/cifar10")
    ]
    # What a source does not say is a value too.
    gaps = published.find(source="vit", table="2", pretrain_epochs=None)
    assert {row.model for row in gaps} == {"ViT_H14", "ViT_L16", "EfficientNet_L2"}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: published.row("vit/table5/vit_b16_imagenet21k/cifar1"), "cifar10'"),
        (lambda: published.find(modle="ViT_B16"), "Did you mean 'model'"),
        (lambda: published.find(model="ViT_B61"), "Did you mean 'ViT_B16'"),
        (lambda: published.find(task="cifra10"), "Did you mean 'cifar10'"),
        (lambda: published.table("vit/tabel2"), "Did you mean 'vit/table2'"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_closest(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_values_read_from_a_figure_say_so_in_every_print():
    row = published.row("vit/figure4/vit_l16/9m")
    said = "read from a figure"
    rows = published.find(table="figure 4")
    table = published.table("vit/figure4")
    assert said in str(row) and row.text == "~41.9"
    assert said in str(rows) and said in rows._repr_html_()
    assert said in str(table) and said in table._repr_html_()
    assert said not in str(published.table("vit/table2"))
    assert said in table.to_json()["notes"][0]


def test_no_values_print_as_that():
    none = published.find(model="ViT_B8", source="vit_readme")
    assert str(none) == "no published value" and "<table>" in none._repr_html_()


def test_a_cell_is_the_papers_value_and_the_authors_reruns():
    row = published.row("vit/table5/vit_b16_imagenet21k/imagenet2012")
    values = sorted(other.value for other in published.cell(row))
    assert values == [83.97, 84.12, 84.53, 84.61, 84.62]
    figure = published.row("vit/figure4/vit_l16/9m")
    assert published.cell(figure) == []
    assert figure not in published.sisters(published.row("vit/table8/1d_stem"))
    ids = {other.id for other in published.sisters(row)}
    assert "timm/vit_base_patch16_384.orig_in21k_ft_in1k/imagenet2012" in ids
    assert row.id not in ids


def test_the_package_offers_the_room():
    assert keras_vit.published is published
