"""Labels of lists are what programs meant: whole numbers, gaps, several an image."""

import pytest
from pictures import encode, picture

from keras_vit.common.wording import class_key, whole_number
from keras_vit.data import describe, load
from keras_vit.data.readers.labels import read_labels
from keras_vit.training.datasets import check_unchanged, data_facts, load_parts
from keras_vit.training.recipes.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("3", "3"), ("3.0", "3"), ("3.", "3"), ("3.000", "3"), ("3,0", "3")),
        *(("-0.0", "0"), ("-2.0", "-2"), ("+4", "4"), ("01", "1"), ("1e2", "100")),
        *(("1.5e1", "15"), ("1.0E+05", "100000"), ("0", "0"), ("10.0", "10")),
        *(("2.5", None), ("1.5e0", None), ("1e-2", None), ("cat", None), ("", None)),
        *(("1_000", None), ("1e999", None), ("9" * 31, None), ("nan", None)),
    ],
)
def test_whole_numbers_are_known_in_every_spelling(text, expected):
    assert whole_number(text) == expected


def test_names_of_one_class_are_known():
    for one, other in ("1", "1.0"), ("True", "TRUE"), ("caf\u00e9", "cafe\u0301"):
        assert class_key(one) == class_key(other)
    assert class_key("Cat") != class_key("cat") and class_key("1") != class_key("1.5")


def meant(*labels):
    return read_labels(list(labels))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("0.0 1.0 2.0 10.0", "0 1 2 10"),
        ("0 1.0 2", "0 1 2"),
        ("0,0 1,0 2,0", "0 1 2"),
        ("1e0 2e0", "1 2"),
        ("True TRUE false False", "True True False False"),
        ("['cat'] [dog]", "cat dog"),
        ('["1"] ["2"]', "1 2"),
        ("cafe\u0301 caf\u00e9 tea", "caf\u00e9 caf\u00e9 tea"),
        # As they are:
        ("07 7", "07 7"),
        ("1.0 2.5", "1.0 2.5"),
        ("1.0 cat", "1.0 cat"),
        ("0 1 1,0", "0 1 1,0"),
        ("True False", "True False"),
        ("2020-01 2020-02", "2020-01 2020-02"),
    ],
)
def test_labels_are_what_they_mean(labels, expected):
    assert meant(*labels.split())[0] == expected.split()


def test_what_was_changed_is_said():
    assert "as 0.0: the classes are 0, 1." in meant("0.0", "1.0")[2][0]
    assert meant("0", "1")[2] == meant("cat", "dog")[2] == ()


@pytest.mark.parametrize("gap", ["NaN", "nan", "<NA>", "None", "N/A", "null"])
def test_a_gap_among_numbers_is_a_missing_label(gap):
    assert meant("0.0", gap, "1.0")[1] == [1]
    assert meant("2.5", "1", gap)[1] == [2]
    assert meant("cat", gap, "dog")[1] == []


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        (["cat", "dog", "cat dog"], "'cat dog' is made of the labels cat and dog"),
        (["cat", "dog", "cat,dog"], "'cat,dog' is made of"),
        (["cat", "dog", "dog; cat"], "made of the labels dog and cat"),
        (["cat|dog", "dog|owl", "cat|owl"], "2 others are made so (images: 3)"),
        (["['cat', 'dog']", "['cat']"], "labels cat and dog"),
        (["cat", "dog", "cat/dog"], "made of"),
        (["cat", "dog", "cat_dog"], "made of"),
        (["0", "1", "1,0"], "made of the labels 1 and 0"),
        (["0", "1", "0 1"], "made of the labels 0 and 1"),
        (["a", "b", "c", "a b c"], "labels a, b and c"),
        (["07", "7"], "'07' and '7' are the same number and 2 classes"),
        (["1", "1.0", "2.5"], "same number"),
        (["0.5", "2.5"], "not whole"),
        (["cat", "nan", "dog"], "'nan' (images: 1) is what programs write"),
    ],
)
def test_what_looks_like_a_mistake_is_a_hint(labels, part):
    assert part in " ".join(meant(*labels)[3])


@pytest.mark.parametrize(
    "labels",
    [
        ["cat", "dog"],
        ["polar bear", "brown bear", "black cat"],
        ["New York, NY", "Albany, NY", "Paris"],
        ["black-footed ferret", "ferret"],
        ["no_finding", "finding"],
        ["none", "scratch"],
        ["-1", "1"],
        ["2020-01-02", "2020-01-03"],
        ["cat cat", "cat"],
        ["a|b", "c|d"],
    ],
)
def test_ordinary_names_give_no_hint(labels):
    assert meant(*labels)[3] == ()


# In lists.


@pytest.fixture
def root(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(encode(picture(6, 6)))
    return tmp_path


def write(root, labels, name="list.csv", files=None):
    files = files or [f"{number}.png" for number in range(len(labels))]
    rows = [f"{file},{label}" for file, label in zip(files, labels)]
    path = root / name
    path.write_text("\n".join(["file,label", *rows]), encoding="utf-8")
    return path


def test_a_list_of_floats_has_the_classes_of_whole_numbers(root, caplog):
    caplog.set_level("INFO", "keras_vit")
    path = write(root, ["10.0", "2.0", "0.0"] * 2)
    source = load(f"{path}:all")
    assert source.class_names == ["0", "2", "10"]
    assert source.labels.tolist() == [2, 1, 0] * 2
    assert "are written as 10.0: the classes are 0, 2, 10." in caplog.text
    found = describe(path)
    assert found.class_names == (
        "0",
        "2",
        "10",
    ) and "are written as 10.0: the classes are 0, 2, 10." in str(found)


def test_several_labels_are_a_warning_once_and_stand_in_the_description(root, caplog):
    path = write(root, ["cat", "dog", "cat dog"] * 2)
    assert load(f"{path}:all").num_classes == 3
    (record,) = [r for r in caplog.records if "is made of" in r.getMessage()]
    assert record.levelname == "WARNING" and "(images: 2)" in record.getMessage()
    assert "is made of the labels cat and dog" in describe(path).notes


def test_gaps_among_numbers_are_refused_with_their_lines(root):
    with pytest.raises(ValueError, match=r"among numbers in line 3 \(nan"):
        load(write(root, ["1.0", "nan", "2.0"]))


def test_an_image_with_two_rows_is_named_with_both_labels(root):
    path = write(root, ["cat", "dog", "owl"], files=["0.png", "1.png", "0.png"])
    with pytest.raises(ValueError, match=r"lines 2 and 4, with the labels cat and owl"):
        load(path)


def test_a_list_and_a_disk_may_write_names_in_two_forms(root):
    one, two = "caf\u00e9", "cafe\u0301"
    for folder, name in ((one, two), (two, one)):
        (root / folder).mkdir()
        (root / folder / f"{name}.png").write_bytes(encode(picture(6, 6)))
    files = [f"{one}/{one}.png", f"{two}/{two}.png", "0.png"]
    source = load(f"{write(root, [one, two, 'x'], files=files)}:all")
    assert source.files == [f"{one}/{two}.png", f"{two}/{one}.png", "0.png"]
    assert source.class_names == [one, "x"] and source.labels.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="not there in line 2"):
        load(write(root, "ab", files=[f"{one}/gone.png", "0.png"]))


def test_a_column_may_be_named_in_two_forms(root):
    path = write(root, "ababab")
    path.write_text(path.read_text().replace("label", "esp\u00e8ce"), encoding="utf-8")
    source = load(f"{path}:all", columns={"label": "espe\u0300ce"})
    assert source.class_names == ["a", "b"]


def test_parquet_lists_of_labels_are_a_hint(root, caplog):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    files = [f"{number}.png" for number in range(4)]
    labels = [["cat"], ["dog"], ["cat", "dog"], ["dog"]]
    path = root / "list.parquet"
    parquet.write_table(pyarrow.table({"file": files, "label": labels}), path)
    load(f"{path}:all")
    assert "is made of the labels cat and dog" in caplog.text
    parquet.write_table(
        pyarrow.table({"file": files, "label": [True, False] * 2}), path
    )
    assert load(f"{path}:all").class_names == ["False", "True"]


def facts_of(data):
    return data_facts(load_parts(Recipe(str(data))))


def test_a_run_on_floats_of_before_goes_on(root):
    before = facts_of(write(root, ["0", "1"] * 3))
    now = facts_of(write(root, ["0.0", "1.0"] * 3, "floats.csv"))
    assert now["class_names"] == ["0", "1"]
    check_unchanged("run", {**before, "class_names": ["0.0", "1.0"]}, now)
    with pytest.raises(ValueError, match="has changed"):
        check_unchanged("run", {**before, "class_names": ["0.0", "2.0"]}, now)
