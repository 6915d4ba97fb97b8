"""The command `keras-vit published`."""

import csv
import io
import json

import pytest

from keras_vit import cli


def run(capsys, *words):
    """Exit status, stdout and stderr of `keras-vit published`."""
    status = cli.main(["published", *words])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_the_papers_headline_table_prints(capsys):
    status, out, _ = run(capsys, "vit/table2")
    lines = out.splitlines()
    assert status == 0 and len(lines) == 2 + 8
    assert (
        lines[2].split()[1:]
        == "88.55 ± 0.04 87.76 ± 0.03 85.30 ± 0.02 87.54 ± 0.02 88.4".split()
    )
    assert lines[-1].split() == "tpu_v3_core_days 2500 680 230 9900 12300".split()


def test_words_are_filters(capsys):
    status, out, _ = run(
        capsys, "vit_b16", "cifar10", "i21k", "top1", "--format", "csv"
    )
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0 and len(rows) == 7
    assert {(r["model"], r["task"]) for r in rows} == {("ViT_B16", "cifar10")}
    _, out, _ = run(
        capsys, "pretrain=imagenet2012", "real", "source=vit", "--format=json"
    )
    assert {row["pretrain"] for row in json.loads(out)} == {"imagenet2012"}


def test_an_id_prints_all_that_is_known(capsys):
    _, out, _ = run(capsys, "vit/table5/vit_b16_imagenet21k/cifar10")
    assert "98.95" in out and "Dosovitskiy" in out and "finetune" in out
    assert "vit_readme/vit_b16/cifar10/dropout0.0" in out  # a sister
    name = "vit/table5/vit_b16_imagenet21k/cifar10"
    _, out, _ = run(capsys, name, "--format", "json")
    assert json.loads(out)[0]["id"] == name


def test_without_words_it_lists_the_tables(capsys):
    for form in ("text", "csv", "json"):
        status, out, _ = run(capsys, "--format", form)
        assert status == 0 and "vit/table6" in out and "1912.11370" in out


@pytest.mark.parametrize(
    "words, message",
    [
        (["vit_b61"], "Did you mean 'ViT_B16'"),
        (["vit/tabel2"], "Did you mean 'vit/table2'"),
        (["vit/table5/vit_b16_imagenet21k/cifra10"], "cifar10'"),
        (["modell=ViT_B16"], "Did you mean 'model'"),
        (["vit_b16", "task=cifra10"], "Did you mean 'cifar10'"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_closest(capsys, words, message):
    status, out, error = run(capsys, *words)
    assert status == 1 and message in error and not out


def test_no_value_is_an_answer_too(capsys):
    status, out, _ = run(capsys, "vit_b8", "source=vit_readme")
    assert (status, out.strip()) == (0, "no published value")
    _, out, _ = run(capsys, "vit_b8", "source=vit_readme", "--format=csv")
    assert out.startswith("id,source,") and len(out.splitlines()) == 1
