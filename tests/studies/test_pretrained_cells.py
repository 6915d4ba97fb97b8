"""Cells that begin with the weights of a pretraining, which comes first."""

import contextlib
import dataclasses
import json

import keras
import numpy as np
import pytest
from test_running_studies import Pretended

from keras_vit.cli import main
from keras_vit.studies import (
    Axis,
    Compare,
    Study,
    StudyFolder,
    begin_cells,
    check,
    find_study,
    results,
    run_study,
)
from keras_vit.studies.running import cells, engines, job, single
from keras_vit.studies.running.cells import NotReady, run_cell
from keras_vit.training.run.train import train

# In the arm `still` nothing but the head learns.
STUDY = Study(
    name="tiny",
    question="?",
    base={
        **{"data": "fashion_mnist_mini:train[:80]", "test_split": "test[:60]"},
        **{"model": "small", "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8},
        **{"num_heads": 2, "patch_size": 14, "dropout_rate": 0.0, "pooling": "gap"},
        **{"total_steps": 20, "evaluate_every": 10, "batch_size": 8},
        **{"learning_rate": 0.02, "jit_compile": "no"},
    },
    pretrainings={"masked patches": {"masked_target": "mean_colour"}},
    arms={"still": {"after": "masked patches", "freeze": ("backbone",)}, "scratch": {}},
    axis=Axis("labels", "%", {"50 %": (50, {"part": "fraction=50%"})}),
    seeds=(0,),
    comparisons=(Compare("arms", "still", "scratch"),),
)
FIRST, STILL, SCRATCH = (cell.name for cell in STUDY.cells())
TWO = dataclasses.replace(STUDY, seeds=(0, 1))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return run_study(STUDY, tmp_path_factory.mktemp("s") / "whole").folder


def test_a_seed_begins_with_its_pretraining_on_all_images():
    found = [(cell.name, cell.needs) for cell in TWO.cells()]
    assert found[:3] == [
        ("pretraining/masked_patches/seed_0", ""),
        ("still/labels_50/seed_0", "pretraining/masked_patches/seed_0"),
        ("scratch/labels_50/seed_0", ""),
    ]
    assert found[3] == ("pretraining/masked_patches/seed_1", "")
    first, still, _ = (cell.recipe for cell in STUDY.cells())
    assert "fraction" not in first.data and "fraction=50%,seed=0" in still.data
    changed = STUDY.changed(fields={"masked_patches.total_steps": 3})
    assert [c.recipe.total_steps for c in changed.cells()] == [3, 20, 20]
    assert Study.from_json(changed.to_json()).cells() == changed.cells()


def test_a_pretraining_that_no_cell_needs_is_not_run():
    alone = dataclasses.replace(STUDY, arms={"scratch": {}}, comparisons=())
    assert [cell.name for cell in alone.cells()] == [SCRATCH]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"arms": {"still": {"after": "masks"}, "scratch": {}}}, "after"),
        ({"arms": {"still": {}, "masked-patches": {}}}, "must have names that differ"),
        ({"arms": {"pretraining": {}, "scratch": {}}}, "must have names that differ"),
        ({"base": {**STUDY.base, "weights": "augreg"}}, "`weights` cannot name others"),
        ({"pretrainings": {"a": {"after": "b"}}}, "cannot follow another one"),
        ({"pretrainings": ["a"]}, "must be an object"),
    ],
)
def test_pretrainings_that_make_no_sense_are_refused(values, said):
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(STUDY, **{"comparisons": (), **values})


def test_a_cell_begins_with_the_weights_of_its_pretraining(done):
    first, still, scratch = done.read_results()
    assert [r["status"] for r in (first, still, scratch)] == ["done"] * 3
    assert first["outcome"] is None and first["n_train"] == 80
    assert still["n_train"] == scratch["n_train"] == 40
    record = done.run(STILL).read_record()["recipe"]
    assert record["weights"] == str(done.run(FIRST).path)
    models = [done.run(name).model for name in (FIRST, STILL, SCRATCH)]
    models = [keras.saving.load_model(model, compile=False) for model in models]
    one, frozen, other = ({w.path: np.array(w) for w in m.weights} for m in models)
    encoder = [name for name in frozen if name in one and not name.startswith("head")]
    assert len(encoder) > 10
    for name in encoder:
        np.testing.assert_array_equal(one[name], frozen[name], name)
    assert any(np.any(one[name] != other[name]) for name in encoder)


def assert_same_runs(folder, other):
    for name in (FIRST, STILL, SCRATCH):
        mine, theirs = (f.run(name).history.read_text() for f in (folder, other))
        assert mine == theirs


def test_the_page_says_what_is_equal_and_has_the_pretraining(done):
    tables = results.write(done.path)
    (line,) = (r for r in tables.texts()["results.csv"].splitlines() if FIRST in r)
    assert ",pretraining," in line and ",done," in line
    assert {s.arm for s in tables.summaries} == {"still", "scratch"}
    assert f"cells/{FIRST}/run" in (done.path / "study.html").read_text()
    assert check(done.path)[0] == "3 cells"
    assert "equal updates with labels" in find_study("self-supervision").equal


@pytest.mark.slow
def test_a_study_that_is_stopped_in_its_pretraining_ends_as_if_it_had_not_been(
    done, tmp_path, monkeypatch
):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 15:
                raise KeyboardInterrupt

    def stopped(*args, **options):
        return train(*args, callbacks=[Stop()], **options)

    for _ in range(3):  # in each cell once
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(cells, "train", stopped)
            run_study(STUDY, tmp_path / "s")
        with monkeypatch.context() as patch:
            patch.setattr(job._Job, "left", first_left)
            run_study(STUDY, tmp_path / "s")
    folder = StudyFolder(tmp_path / "s")
    assert len(folder.read_results()) == 3
    sessions = [folder.run(n).read_record()["sessions"] for n in (FIRST, STILL)]
    assert [[s["step"] for s in of] for of in sessions] == [[0, 10], [0, 10]]
    assert_same_runs(folder, done)


def first_left(self):
    """Stands in for the cells that are left: the first one alone."""
    return [c for c in self.cells if not self.folder.is_final(c.name)][:1]


# Without training -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "status", "said"),
    [
        ("failed", "failed", f"needs the weights of {FIRST}: failed"),
        ("too large", "failed", f"needs the weights of {FIRST}: too large"),
        ("diverged", "diverged", f"needs the weights of {FIRST}: diverged"),
        ("done", "failed", f"weights of {FIRST} are gone: delete its folder"),
    ],
)
def test_a_cell_without_a_pretraining_is_marked_so(tmp_path, first, status, said):
    folder = StudyFolder(tmp_path / "s")
    still = folder.begin(STUDY).cells()[1]
    with pytest.raises(NotReady, match=f"{FIRST}, which has not ended"):
        run_cell(still, folder)
    folder.write_result(FIRST, {"name": FIRST, "status": first, "message": "?"})
    result = run_cell(still, folder)
    assert result["status"] == status and said in result["message"]
    assert folder.read_result(STILL) == result
    assert not folder.run(STILL).path.exists()


class Several:
    """An engine of three slots, whose cells end in the order of their begin."""

    slots, pool = 3, None

    def __init__(self, run):
        self.run, self.begun = run, []

    def submit(self, cell, folder, options):
        assert not cell.needs or folder.read_result(cell.needs)
        self.begun.append(cell.name)
        return Later(lambda: self.run(cell, folder, **options))

    def wait(self, futures):
        return list(futures)[:1]

    def stop(self):
        """Nothing runs."""


class Later:
    """A cell that is run when its result is asked for."""

    def __init__(self, result):
        self.result = result


def test_cells_wait_for_their_pretraining_while_others_run(tmp_path, monkeypatch):
    engine = Several(Pretended())
    monkeypatch.setattr(job, "engine_of", lambda _: contextlib.nullcontext(engine))
    outcome = run_study(TWO, tmp_path / "s", workers=3, keep="none")
    assert len(outcome.results) == 6 and not outcome.failed
    kept = [path.parts[-5] for path in tmp_path.rglob("model.keras")]
    assert kept == ["pretraining"] * 2
    assert engine.begun[:3] == [FIRST, SCRATCH, FIRST.replace("seed_0", "seed_1")]
    assert sorted(engine.begun) == sorted(cell.name for cell in TWO.cells())


def test_what_follows_a_failed_pretraining_does_not_end_the_study(
    tmp_path, monkeypatch
):
    real, pretended = run_cell, Pretended()
    pretended.ends[FIRST] = {"status": "failed", "message": "no"}

    def run(cell, folder, **options):
        return (real if cell.needs else pretended)(cell, folder, **options)

    monkeypatch.setattr(engines, "run_cell", run)
    arms = {**STUDY.arms, "b": STUDY.arms["still"], "c": STUDY.arms["still"]}
    study = dataclasses.replace(STUDY, arms=arms)
    outcome = run_study(study, tmp_path / "s")
    assert [one["name"].split("/")[0] for one in outcome.failed] == [
        *("pretraining", "still", "b", "c"),
    ]
    assert outcome.reason == "" and len(outcome.results) == 5
    # The next command tries the pretraining again, then what follows it.
    pretended.ends.clear()
    monkeypatch.setattr(engines, "run_cell", pretended)
    assert not run_study(study, tmp_path / "s").failed
    follow = [f"{arm}/labels_50/seed_0" for arm in ("still", "b", "c")]
    assert pretended.begun[-4:] == [FIRST, *follow]


def test_only_cells_that_can_begin_are_listed(tmp_path, monkeypatch, capsys):
    pretended = Pretended()
    pretended.ends[FIRST] = {"outcome": None}
    monkeypatch.setattr(single, "run_cell", pretended)
    (tmp_path / "t.json").write_text(json.dumps(STUDY.to_json()))
    words = ["study", str(tmp_path / "t.json"), "--folder", str(tmp_path / "s")]
    assert main([*words, "--list"]) == 0
    said = capsys.readouterr()
    assert FIRST in said.out and SCRATCH in said.out and STILL not in said.out
    assert "1 more cells" in said.err and "give this command again" in said.err
    one = ["study", "--folder", str(tmp_path / "s"), "--cell", FIRST, "--keep", "none"]
    assert main(one) == 0 and capsys.readouterr().out == f"{FIRST}: trained\n"
    assert StudyFolder(tmp_path / "s").run(FIRST).model.exists()
    assert begin_cells(STUDY, tmp_path / "s") == [STILL, SCRATCH]
