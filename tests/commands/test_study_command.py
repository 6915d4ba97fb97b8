"""The command `keras-vit study`."""

import json

import pytest

from keras_vit import cli


def run(capsys, *words):
    """Exit status, stdout and stderr of `keras-vit study`."""
    status = cli.main(["study", *words])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_without_a_name_it_lists_the_studies(capsys):
    status, out, _ = run(capsys)
    assert status == 0 and out.splitlines()[1].startswith("data-size ")
    assert out.splitlines()[-1].startswith("next: keras-vit study data-size")


def test_what_a_preset_changes_in_the_paper_is_printed(capsys):
    status, out, _ = run(capsys, "data-size", "--diff")
    assert status == 0 and "batch_size: 64, not 4096" in out.splitlines()
    status, out, _ = run(capsys, "data-size", "--preset", "paper", "--diff")
    assert (status, out) == (0, "")


def test_a_dry_run_prices_private_data_on_other_hardware(capsys):
    words = ("--preset", "paper", "--dry-run", "--hardware", "tpu-v3-core")
    status, out, _ = run(capsys, "data-size", *words, "--devices", "512")
    assert status == 0
    (line,) = (line for line in out.splitlines() if "floating-point" in line)
    # Five of figure 4's six models on its four sizes, at equal epochs: 7 of
    # ViT-B/32 on all 303 million images are 55 exaFLOPs (table 6).
    (row,) = (x for x in out.splitlines() if x.startswith("vit_b_32/images_300m"))
    assert float(row.split()[2]) == pytest.approx(55.3e18, rel=0.03)
    assert line.startswith("20 cells, ")
    assert "device-days" in out and "512 x tpu-v3-core" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("datasize",), "Did you mean 'data-size'"),
        (("data-size", "--preset", "labtop"), "Did you mean 'laptop'"),
        (("data-size", "--levels", "2 %"), "The levels are"),
        (("data-size", "--set", "vit.epoch=3"), "Did you mean 'epochs'"),
        (("data-size", "--set", "epochs"), "FIELD=VALUE"),
    ],
)
def test_wrong_usage_is_told_with_what_would_be_right(capsys, words, message):
    status, _, error = run(capsys, *words)
    assert status == 2 and message in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data-size", "--budget", "soon"), "budget"),
        (("data-size", "--workers", "0"), "workers"),
        (("data-size", "--seeds", "0"), "seeds"),
        (("data-size", "--hardware", "a100"), "--dry-run"),
        (("data-size", "--all"), "--preset paper"),
    ],
)
def test_options_that_cannot_work_are_refused(capsys, words, message):
    status, out, error = run(capsys, *words)
    assert status == 2 and message in out + error


def test_another_study_in_the_folder_is_refused(capsys, tmp_path):
    tiny = {"name": "tiny", "question": "?", "base": {"epochs": 1}, "arms": {"A": {}}}
    from keras_vit.studies import Study, StudyFolder

    StudyFolder(tmp_path / "s").begin(Study.from_json(tiny))
    file = tmp_path / "tiny.json"
    file.write_text(json.dumps({**tiny, "base": {"epochs": 2}}))
    status, _, error = run(capsys, str(file), "--folder", str(tmp_path / "s"))
    assert status == 1 and "base.epochs: 1 in the folder, 2 now" in error


def test_a_folder_without_a_study_is_named(capsys, tmp_path):
    status, _, error = run(capsys, "--folder", str(tmp_path), "--report-only")
    assert status == 1 and "not the folder of a study" in error
