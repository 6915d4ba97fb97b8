"""Published tables as in their papers."""

from keras_vit import published


def cells(table):
    """The texts of a table by (what stands beside, what stands above)."""
    return {
        (*line[: table.left], head): text
        for line in table.lines
        for head, text in zip(table.header[table.left :], line[table.left :])
    }


def test_the_headline_table_has_five_columns_and_eight_rows():
    table = published.table("vit/table2")
    assert len(table.header) == 1 + 5 and len(table.lines) == 8
    found = cells(table)
    student = "EfficientNet_L2 imagenet2012+jft_300m_unlabelled"
    assert found["imagenet2012", "ViT_H14 jft_300m"] == "88.55 ± 0.04"
    assert found["oxford_flowers102", "ViT_L16 jft_300m"] == "99.74 ± 0.00"
    assert found["vtab", "BiT_R152x4 jft_300m"] == "76.29 ± 1.70"
    assert found["imagenet2012", student] == "88.4"
    assert found["cifar10", student] == ""
    days = [table.lines[-1][i] for i in range(6)]
    assert days == ["tpu_v3_core_days", "2500", "680", "230", "9900", "12300"]


def test_tables_have_the_shape_that_they_have_in_the_paper():
    shapes = {
        **{"vit/table5": (18, 5), "vit/table6": (18, 7), "vit/table7": (6, 4)},
        **{"vit/table8": (4, 3), "vit/table9": (3, 20), "vit/figure4": (6, 4)},
        **{"vit/figure9": (3, 7), "vit/figure3": (2, 3)},
    }
    for name, shape in shapes.items():
        table = published.table(name)
        assert (len(table.lines), len(table.header) - table.left) == shape, name
    found = cells(published.table("vit/table5"))
    assert found["imagenet2012", "cifar10", "ViT_H14"] == ""  # "-" in the paper
    assert found["imagenet21k", "cifar10", "ViT_B16"] == "98.95"
    assert cells(published.table("vit/table8"))["1d", "stem"] == "64.206"


def test_every_table_holds_all_its_printed_values():
    for name, rows in published.list_tables().items():
        table = published.table(name)
        shown = [row.text for row in rows if row.kind != "derived"]
        texts = [t for line in table.lines for t in line[table.left :] if t]
        assert sorted(" / ".join(texts).split(" / ")) == sorted(shown), name
        assert len(str(table).splitlines()) == 2 + len(table.lines) + len(table.notes)
