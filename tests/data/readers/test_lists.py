"""CSV, TSV and Parquet lists of files with labels; errors name the line."""

import sys

import numpy as np
import pytest
from pictures import encode, picture

from keras_vit.data import describe, load, load_splits, splits
from keras_vit.training.datasets import Parts, data_facts


@pytest.fixture
def root(tmp_path):
    """Twelve images; names with a space and a letter beyond ASCII."""
    (tmp_path / "images").mkdir()
    for i in range(12):
        (tmp_path / "images" / f"{i:02d} é.png").write_bytes(encode(picture(9, 7 + i)))
    return tmp_path


def names(count=12):
    return [f"images/{i:02d} é.png" for i in range(count)]


def write(root, *lines, name="photos.csv"):
    path = root / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def rows(labels, separator=","):
    return [f"{file}{separator}{label}" for file, label in zip(names(), labels)]


def test_a_list_is_split_class_by_class(root):
    path = write(
        root, "File,Label,other", *(r + ",x" for r in rows("cat dog".split() * 6))
    )
    train, test = load_splits(path)
    assert train.class_names == test.class_names == ["cat", "dog"]
    assert np.bincount(train.labels).tolist() == [5, 5]
    assert sorted(train.files + test.files) == names()
    assert load_splits(str(path))[1].files == test.files
    assert load(f"{path}:all[:50%]").num_examples == 6
    images, labels = next(iter(load(f"{path}:all").batches(12, image_size=8)))
    assert images.shape == (12, 8, 8, 3) and labels.numpy().tolist() == [0, 1] * 6


def test_the_split_does_not_depend_on_the_order_of_the_rows(root):
    labels = ["a", "b", "c"] * 4
    first = load(f"{write(root, 'path,class', *rows(labels))}:test")
    turned = write(root, "path,class", *rows(labels)[::-1], name="turned.csv")
    second = load(f"{turned}:test")
    assert set(first.files) == set(second.files) and first.num_examples == 3


def test_a_folder_and_a_list_of_the_same_files_split_alike(folder):
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))
    lines = [f"{file},{file.split('/')[0]}" for file in files]
    path = write(folder, "image,label", *lines)
    listed = load(f"{path}:test")
    assert listed.files == load(f"{folder}:test").files
    assert listed.class_names == ["cat", "dog"]


def test_a_split_column_is_used(root):
    parts = ["train"] * 6 + ["Val"] * 2 + ["testing"] * 4
    lines = [f"{row},{part}" for row, part in zip(rows("ab" * 6), parts)]
    path = write(root, "filename,label,split", *lines)
    assert splits(path) == {"train": 6, "validation": 2, "test": 4}
    train, test = load_splits(path)
    assert (train.num_examples, test.num_examples) == (6, 4)
    assert test.files == names()[8:]


def test_numbers_are_sorted_as_numbers(root):
    path = write(root, "file;label", *rows([10, 9, 2] * 4, ";"))
    source = load(f"{path}:all")
    assert source.class_names == ["2", "9", "10"]
    assert source.labels.tolist() == [2, 1, 0] * 4
    tabs = write(root, "file\tlabel", *rows(["07", "7"] * 6, "\t"), name="photos.tsv")
    assert load(f"{tabs}:all").class_names == ["07", "7"]


def test_columns_can_be_named(root):
    path = write(root, "photo,species,label", *(f"{r},x" for r in rows("ab" * 6)))
    columns = {"file": "photo", "label": "species"}
    assert load(f"{path}:all", columns=columns).class_names == ["a", "b"]
    assert load_splits(path, columns=columns)[0].num_examples == 10
    assert describe(path, columns=columns).num_classes == 2
    with pytest.raises(ValueError, match=r"column of the files.*photo, species, label"):
        load(path)
    with pytest.raises(ValueError, match="named kind"):
        load(path, columns={**columns, "label": "kind"})
    with pytest.raises(ValueError, match=r"'file', 'label' and 'split'.*colour"):
        load(path, columns={"colour": "x"})
    with pytest.raises(ValueError, match="for lists of files"):
        load(root / "images", columns=columns)


def test_absolute_paths_and_quotes_work(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a, b.png"
    elsewhere.write_bytes(encode(picture()))
    lines = [f'"{elsewhere}",a', *rows("ab" * 6)]
    path = write(root, "\ufefffile,label", *lines, "")  # Excel's mark, an empty line
    source = load(f"{path}:all")
    assert source.num_examples == 13
    assert (
        next(source.examples().as_numpy_iterator())["image"] == elsewhere.read_bytes()
    )
    inside = write(
        root, "file,label", *(f"{root}/{r}" for r in rows("ab" * 6)), name="b.csv"
    )
    assert load(f"{inside}:all").files == names()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["images/00 é.png,"], r"empty label in line 3"),
        ([",cat"], r"no file in line 3"),
        (["gone.png,cat"], r"not there in line 3 \(gone\.png\)"),
        (["images/11 é.png,a"], r"11 é\.png twice, in lines 2 and 3"),
        (["./images/11 é.png,a"], r"twice, in lines 2 and 3"),
        (["images/01 é.png,b,c"], r"line 3: 3 columns under a header of 2"),
        ([], r"only one class, 'a'"),
    ],
)
def test_bad_rows_are_named(root, lines, message):
    path = write(root, "file,label", "images/11 é.png,a", *lines)
    with pytest.raises(ValueError, match=message):
        load(path)


def test_many_bad_rows_are_counted(root):
    path = write(root, "file,label", *(f"{i}.png,a" for i in range(9)))
    with pytest.raises(ValueError, match=r"line 2 \(0\.png\).*line 6.* and 4 more"):
        load(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["x,dev"], "no train, validation or test in line 2"),
        (["a,test", "b,test"], "no row of the split 'train'"),
        (["a,train", "b,train", "c,test"], r"training part lacks in line 4 \(c\)"),
    ],
)
def test_bad_splits_are_named(root, lines, message):
    lines = [f"{file},{line}" for file, line in zip(names(), lines)]
    with pytest.raises(ValueError, match=message):
        load(write(root, "file,label,split", *lines))


def test_empty_and_unreadable_lists_are_errors(root):
    with pytest.raises(ValueError, match="nothing below its header"):
        load(write(root, "file,label"))
    with pytest.raises(ValueError, match="Its columns: none"):
        load(write(root))
    (root / "bad.csv").write_bytes(b"file,label\n\xff\xfe,a\n")
    with pytest.raises(ValueError, match=r"bad\.csv can't be read"):
        load(root / "bad.csv")
    with pytest.raises(ValueError, match=r"no file nothing\.csv"):
        load("nothing.csv")
    with pytest.raises(ValueError, match="two columns label"):
        load(write(root, "file,label,label", "x,a,b"))


def test_parquet_lists_are_read(root):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "path": names(),
            "label": [3.0, 1.0] * 6,  # as pandas writes whole numbers beside gaps
            "boxes": [[1, 2]] * 12,
        }
    )
    path = root / "photos.parquet"
    parquet.write_table(table, path)
    source = load(f"{path}:all")
    assert source.class_names == ["1", "3"]
    assert source.labels.tolist() == [1, 0] * 6
    table = table.set_column(1, "label", pyarrow.array([None, *range(11)]))
    parquet.write_table(table, path)
    with pytest.raises(ValueError, match="empty label in line 1"):
        load(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="can't be read"):
        load(path)


def test_a_missing_pyarrow_is_explained(root, monkeypatch):
    (root / "photos.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install .*\[parquet\]"):
        load(root / "photos.parquet")


def test_of_a_part_of_the_examples_the_rest_is_not_read(root):
    source = load(f"{write(root, 'file,label', *rows(['a', 'b'] * 6))}:all")
    for number in set(range(12)) - {0, 5, 10}:
        (root / names()[number]).unlink()
    found = list(source.examples(every=5).as_numpy_iterator())
    assert [e["id"].decode()[-8:-6] for e in found] == ["00", "05", "10"]


def test_other_labels_of_the_same_files_are_other_data(root):
    first = load_splits(write(root, "file,label", *rows(["a", "b"] * 6)))
    other = load_splits(write(root, "file,label", *rows(["a", "b"] * 5 + ["b", "a"])))
    facts, others = (
        data_facts(Parts(train, None, test)) for train, test in (first, other)
    )
    assert facts["train"]["files_sha256"] == others["train"]["files_sha256"]
    assert facts["train"]["labels_sha256"] != others["train"]["labels_sha256"]
