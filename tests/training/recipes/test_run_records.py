"""Whatever a kill, an editor or another version left of run.json, it is named."""

import copy
import json
import math
import random
from pathlib import Path

import pytest

from keras_vit.cli import main
from keras_vit.reporting.card import model_card
from keras_vit.reporting.runs import compare_runs
from keras_vit.training.folder.choice import find_run_to_resume
from keras_vit.training.folder.folder import RunFolder
from keras_vit.training.recipes.files import find_recipe, model_of_run
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.recipes.records import read_record

OLD = Path(__file__).parents[2] / "old_files" / "run" / "run.json"
SOUND = {"status": "running", "recipe": {"data": "photos", "model": "small"}}

DAMAGED = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "null": b'{"status": "running", "recipe": null}',
    "nothing": b"",
    "zeros": bytes(300),
    "half": b'{"status": "running", "reci',
    "no UTF-8": b'{"status": "caf\xe9"}',
    "list": b"[]",
    "number": b"1",
    "no status": b'{"recipe": {"data": "photos", "model": "small"}}',
    "empty recipe": b'{"status": "finished", "recipe": {}}',
    "newer status": json.dumps({**SOUND, "status": "dreaming"}).encode(),
    "digits": b'{"status": ' + b"9" * 5000 + b"}",
}


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_history([{"epoch": 1, "loss": 1.0, "val_accuracy": 0.5}])
    return folder


def sentence(error, path):
    text = str(error)
    assert str(path) in text and "\n" not in text and len(text) < 600
    for word in ("NoneType", "object is not", "Traceback", "codec can't"):
        assert word not in text
    return text


@pytest.mark.parametrize("damage", DAMAGED)
def test_every_reader_names_a_damaged_record(damage, run):
    run.record.write_bytes(DAMAGED[damage])
    for reader in (
        run.read_record,
        lambda: find_recipe(str(run.path)),
        lambda: find_recipe(str(run.record)),
        lambda: model_of_run(run.path),
        lambda: find_run_to_resume(Recipe(), run.path),
    ):
        with pytest.raises(ValueError) as raised:
            reader()
        sentence(raised.value, run.record)
    table = compare_runs(run.path.parent)
    assert not table and str(run.record) in table.skipped[0][1]


def changed(values, wrong):
    """`(name, copy)` of a JSON value with each part of it in turn replaced or gone."""
    places = values.items() if isinstance(values, dict) else enumerate(values)
    for key, item in list(places):
        for new in wrong:
            other = copy.copy(values)
            other[key] = new
            yield f"{key}={new!r}", other
        other = copy.copy(values)
        del other[key]
        yield f"no {key}", other
        if isinstance(item, dict | list):
            for name, inner in changed(item, wrong):
                other = copy.copy(values)
                other[key] = inner
                yield f"{key}.{name}", other


WRONG = (None, -1, 0.5, "words", [], [None], {}, {"a": 1}, True, math.nan, 10**400)


def test_no_value_of_another_kind_breaks_a_reader(run):
    record = json.loads(OLD.read_text())
    names = record["data"]["class_names"] = record["data"]["class_names"][:1]
    record["check"]["class_names"] = names
    record.update(
        status="finished",
        result={"epoch": 1, "val_accuracy": 0.5, "seconds": 1.0, "cpu_seconds": 1.0},
        cost={"images": 100, "flops": 1e9, "device_hours": 0.1},
        reasons=["so"],
        error="none",
        callbacks=["EarlyStopping"],
    )
    every = list(changed(record, WRONG))
    assert len(every) > 500
    for name, damaged in random.Random(0).sample(every, 300):
        run.record.write_text(json.dumps(damaged))
        for reader in (
            lambda: find_run_to_resume(Recipe(), run.path),
            lambda: model_of_run(run.path),
            lambda: str(compare_runs(run.path)),
            lambda: compare_runs(run.path).to_csv(),
            lambda: model_card(run.read_record(), {}, check=None),
        ):
            try:
                reader()
            except ValueError as error:
                assert str(run.record) in str(error), name
            except Exception as error:
                raise AssertionError(f"{name}: {error!r}") from error


def test_records_of_every_version_are_read(run):
    assert read_record(OLD)["status"] == "interrupted"
    run.write_record({**SOUND, "later": {"more": 1}})
    assert run.read_record()["later"] == {"more": 1}
    with pytest.raises(ValueError, match=r"run\.json.*no 'data'"):
        run.read_record(needed=("data",))
    run.write_record({**SOUND, "recipe": {**SOUND["recipe"], "magic": 1}})
    assert compare_runs(run.path)[0].model == "small"
    with pytest.raises(ValueError, match=r"run\.json.*no field 'magic'"):
        find_recipe(str(run.path))


@pytest.mark.parametrize(
    "content",
    [b"", b"epoch,loss\n1\n", b"epoch,loss\n1,x\n", b"loss\n1.0\n", b"\xff\n1\n"]
    + [b"epoch,loss\n1,2,3\n", b'epoch,loss\n"1,2\n', b"epoch\n\0\n", b"epoch\n1.5\n"],
)
def test_a_damaged_history_is_named(content, run):
    run.write_record(SOUND)
    run.history.write_bytes(content)
    if content:
        with pytest.raises(ValueError, match=r"history\.csv is damaged"):
            run.read_history()
    else:
        assert run.read_history() == []
    run.history.unlink()
    with pytest.raises(ValueError, match=r"history\.csv is not there"):
        run.read_history()


@pytest.mark.parametrize("damage", ["deep", "null", "empty recipe"])
def test_commands_end_with_status_1_and_one_sentence(damage, run, tmp_path, capsys):
    run.record.write_bytes(DAMAGED[damage])
    for words in (
        ["train", "--run", run, "--resume"],
        ["train", "--weights", run, "--data", "fashion_mnist_mini"],
        ["train", "--recipe", run],
        ["explain", run],
        ["runs", tmp_path],
    ):
        assert main(list(map(str, words))) == 1
        said = capsys.readouterr().err.splitlines()
        assert str(run.record) in said[0], words
        assert len(said) == (2 if words[0] == "runs" else 1)  # "There is no run in ..."
