"""What is typed: help, other tools' names, mistakes, completion; all without Keras."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tyro
from each import holds_for_each

from keras_vit import cli
from keras_vit.commands import COMMANDS, Train
from keras_vit.commands.words.help_pages import FIRST, NOT_SHOWN, TITLES
from keras_vit.commands.words.options import options_of
from keras_vit.commands.words.other_names import INSTEAD, ONLY, SAME, VALUES, WORDS
from keras_vit.commands.words.reading import understood
from keras_vit.terminal import WrongUsage
from keras_vit.training.recipes.recipe import Recipe

# Of the library, and of the repository: an installed one lies elsewhere.
ROOT, TOP = Path(cli.__file__).parents[1], Path(__file__).parents[2]


def train(*words):
    """The fields of a recipe that words of `keras-vit train` give."""
    return cli.parse(["train", *words]).given


def test_a_folder_in_the_place_of_a_command_gets_the_command(tmp_path, capsys):
    (tmp_path / "my photos").mkdir()
    assert cli.main([str(tmp_path / "my photos")]) == 2
    assert f"train '{tmp_path}/my photos'" in capsys.readouterr().err
    assert cli.main(["trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


# Without Keras ----------------------------------------------------------------------

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tensorflow", "jax", "numpy"):
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Absent())
sys.argv[0] = "keras-vit"
from keras_vit.cli import main
for words in ("", "--version", "--help", "train --help", "train --lrr 1",
              "predict --help-all", "study x --seeds 0"):
    print(main(words.split()), file=sys.stderr)
assert not {"keras", "tensorflow"} & set(sys.modules)
status = main(["runs"])
print(status, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def without():
    """What the command does where there is no backend."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_version_help_and_mistakes_need_neither_keras_nor_tensorflow(without):
    assert re.findall(r"^\d$", without.stderr, re.M) == list("00002021")
    assert "Did you mean --learning-rate" not in without.stderr  # too far from --lrr
    assert without.stdout.count("usage: keras-vit") == 3
    assert "Traceback" not in without.stderr


def test_what_computes_names_what_is_missing(without):
    assert "keras-vit: No module named keras" in without.stderr


def test_a_command_alone_prints_a_guide_of_ten_lines(capsys):
    assert cli.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and max(map(len, lines)) <= 88
    named = {line.split()[1] for line in lines if line.startswith("  keras-vit ")}
    assert named <= set(COMMANDS)


# Help -------------------------------------------------------------------------------


def test_the_options_are_those_that_tyro_reads(monkeypatch):
    def check(name):
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(SystemExit):
            config = (tyro.conf.OmitArgPrefixes,)
            tyro.cli(COMMANDS[name], args=["--help"], config=config)
        monkeypatch.undo()
        heads = re.findall(r"^  (-[a-z-].*)", out.getvalue(), re.M)
        theirs = set(re.findall(r"(?:^|, )(--[a-z][a-z0-9-]+)", "\n".join(heads), re.M))
        theirs -= {"--help"}
        ours = {flag for o in options_of(COMMANDS[name]) for flag in o.flags}
        assert ours == theirs, ours ^ theirs

    holds_for_each(COMMANDS, check)


def test_every_option_is_explained_in_every_help_of_all_options(capsys):
    def check(name):
        assert cli.main([name, "--help-all"]) == 0
        text = capsys.readouterr().out
        for option in options_of(COMMANDS[name]):
            if option.name not in NOT_SHOWN.get(name, ()):
                shown = option.place if option.positional else option.flags[0]
                assert re.search(rf"^  {re.escape(shown)}\b", text, re.M) or (
                    option.positional and shown in text
                ), shown
                assert len(option.help.split()) > 1, shown
        assert "{None}" not in text and "(default: )" not in text
        assert "(default: None)" not in text
        assert max(map(len, text.splitlines())) <= 88

    holds_for_each(COMMANDS, check)


def test_every_field_of_a_recipe_has_a_title_and_its_default(capsys):
    for name in {n for hidden in NOT_SHOWN.values() for n in hidden}:
        assert name in Recipe.__dataclass_fields__
    groups = {f.metadata["group"] for f in Recipe.__dataclass_fields__.values()}
    assert groups <= set(TITLES)
    assert cli.main(["train", "--help-all"]) == 0
    text = capsys.readouterr().out
    for group in groups - {"pretraining"}:
        assert f"\n{TITLES[group]}\n" in text
    assert re.search(r"--batch-size N\n +[^-]*\(default: 64\)", text)
    assert re.search(r"--decay-at X \.\.\.\n[^-]*\(default: 0\.3 0\.6 0\.9\)", text)
    assert cli.main(["pretrain", "--help-all"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"--epochs N\n[^-]*\(default: 50\)", text)
    assert "--label-smoothing" not in text  # which pretraining has no use for


def test_help_shows_what_most_people_need_first(capsys):
    for name, first in FIRST.items():
        assert cli.main([name, "--help"]) == 0
        text = capsys.readouterr().out
        known = {option.name for option in options_of(COMMANDS[name])}
        shown = re.findall(r"^  (?=--|\[|[A-Z])", text, re.M)
        assert len(shown) == len(known & set(first)) <= 11
        assert f"keras-vit {name} --help-all" in text


# Data as a word ---------------------------------------------------------------------


def test_data_is_a_word_wherever_a_command_takes_data():
    assert train("./photos")["data"] == "./photos"
    assert train("--epochs", "3", "./photos")["data"] == "./photos"
    for name in ("pretrain", "tune"):
        assert cli.parse([name, "./photos"]).given["data"] == "./photos"
    for words in (["./photos"], ["--data", "./photos"], ["--data=./photos"]):
        assert cli.parse(["probe", "--image-size", "32", "48", *words]).data == words[
            -1
        ].removeprefix("--data=")
    study = cli.parse(["study", "data-size", "./photos"])
    assert (study.name, study.data) == ("data-size", "./photos")


def test_data_given_twice_must_be_the_same(capsys):
    assert train("./a", "--data", "./a")["data"] == "./a"
    assert cli.main(["train", "./a", "--data", "./b"]) == 2
    assert "Give the data once" in capsys.readouterr().err


def test_a_run_to_resume_may_be_the_word(tmp_path):
    run = tmp_path / "mine"
    run.mkdir()
    (run / "run.json").write_text("{}")
    (run / "history.csv").touch()
    call = cli.parse(["train", str(run), "--resume"])
    assert call.run == run and "data" not in call.given
    assert cli.parse(["train", str(run)]).given["data"] == str(run)


def test_the_last_word_of_evaluate_may_be_images(tmp_path):
    run, photos = tmp_path / "run", tmp_path / "photos"
    (photos / "cat").mkdir(parents=True)
    run.mkdir()
    (run / "model.keras").touch()
    call = cli.parse(["evaluate", str(run), str(photos)])
    assert call.models == (run,) and call.data == str(photos)
    call = cli.parse(["evaluate", str(run), str(run)])
    assert call.models == (run, run) and call.data is None


def test_a_folder_of_images_is_not_taken_for_that_of_tfds(capsys):
    assert cli.main(["train", "--data-dir", "./photos"]) == 2
    assert "keras_vit train ./photos" in capsys.readouterr().err.replace("-vit", "_vit")


# Other tools ------------------------------------------------------------------------


def test_names_of_other_tools_mean_the_same():
    for words, field, value in (
        ("--lr 0.1", "learning_rate", 0.1),
        ("--lr0=0.1", "learning_rate", 0.1),
        ("--learning_rate 5e-5", "learning_rate", 5e-5),
        ("--batch 8", "batch_size", 8),
        ("--bs 8", "batch_size", 8),
        ("--imgsz 64", "image_size", 64),
        ("--img-size 64", "image_size", 64),
        ("--num_train_epochs 3.0", "epochs", 3),
        ("--opt SGD", "optimizer", "sgd"),
        ("--optim adamw_torch", "optimizer", "adamw"),
        ("--optimizer AdamW".lower(), "optimizer", "adamw"),
        ("--sched cosine", "decay", "cosine"),
        ("--drop-path 0.1", "drop_path_rate", 0.1),
        ("--smoothing 0.1", "label_smoothing", 0.1),
        ("--weight_decay 0.05", "weight_decay", 0.05),
        ("--warmup_steps 10", "warmup_steps", 10),
        ("--bf16 True", "dtype", "mixed_bfloat16"),
        ("--fp16", "dtype", "mixed_float16"),
        ("--gradient_checkpointing", "remat", True),
        ("--gradient_checkpointing=False", "remat", False),
    ):
        assert train(*words.split())[field] == value, words
    assert cli.parse(["train", "--output_dir", "runs/x"]).run == Path("runs/x")
    assert cli.parse(["train", "--device", "cpu"]).devices == "cpu"


def test_words_without_dashes_are_read_as_ultralytics_has_them(tmp_path, monkeypatch):
    given = train("data=./photos", "epochs=3", "imgsz=64", "batch=8", "lr0=0.01")
    assert given == {
        **{"data": "./photos", "epochs": 3, "image_size": 64, "batch_size": 8},
        "learning_rate": 0.01,
    }
    monkeypatch.chdir(tmp_path)
    (tmp_path / "epochs=3").mkdir()  # a folder that is really called so
    assert train("epochs=3") == {"data": "epochs=3"}
    study = cli.parse(["study", "data-size", "--set", "batch_size=4"])
    assert study.set == ("batch_size=4",)
    tune = cli.parse(["tune", "./photos", "--space", "epochs=3", "model=small"])
    assert tune.space == ("epochs=3", "model=small")  # values of an option of ours


def test_what_is_a_word_here_is_asked_for_as_a_word():
    for words in (["--model", "runs/x", "a.png"], ["model=runs/x", "source=a.png"]):
        with pytest.raises(WrongUsage, match="predict MODEL FILE"):
            cli.parse(["predict", *words])
    assert cli.parse(["probe", "data=./photos"]).data == "./photos"


def test_help_is_a_command_and_a_path_is_no_misspelled_one(capsys):
    assert cli.main(["help"]) == 0
    assert capsys.readouterr().out.startswith("usage: keras-vit COMMAND")
    assert cli.main(["./nothere"]) == 2
    error = capsys.readouterr().err
    assert "no such file" in error and "Did you mean" not in error


@pytest.mark.parametrize(
    "words, answer",
    [
        ("--per_device_train_batch_size 8", "--batch-size"),
        ("--pretrained", "--weights augreg"),
        ("--project runs --name x", "--run PROJECT/NAME"),
        ("--mixup 0.2", "crop_flip|mixup(0.2)"),
        ("--aa rand-m9", "randaugment(2,10)"),
        ("--sched poly", "--decay"),
        ("device=0", "gpu:2"),
        ("--workers 8", "all cores"),
        ("--warmup-epochs 5", "--warmup-steps"),
        ("--epoch 3", "Did you mean --epochs?"),
        ("--wieght-decay 3", "Did you mean --weight-decay?"),
        ("--xyzzy", "All: keras-vit train --help-all"),
    ],
)
def test_what_has_another_meaning_is_answered_with_the_name_to_use(words, answer):
    with pytest.raises(WrongUsage) as error:
        train("./photos", *words.split())
    assert answer in str(error.value)
    assert str(error.value).startswith("train has no option ")


def test_suggestions_are_of_this_command_only():
    for name in ("data", "predict", "runs"):
        with pytest.raises(WrongUsage) as error:
            understood(name, COMMANDS[name], ["--epoch", "3"])
        assert "--epochs" not in str(error.value)
    # What another tool calls an option is an own option of tune.
    assert cli.parse(["tune", "./photos", "--workers", "3"]).workers == 3


def test_the_table_of_names_names_fields_that_there_are():
    options = {o.name for kind in COMMANDS.values() for o in options_of(kind)}
    assert set(SAME.values()) | {f for f, _ in WORDS.values()} <= options
    assert {field for field, _ in INSTEAD.values()} <= options
    assert set(ONLY) <= set(SAME) and set(VALUES) <= options
    flags = {flag for o in options_of(Train) for flag in o.flags}
    shadowed = [n for n in {**SAME, **INSTEAD, **WORDS} if f"--{n}" in flags]
    assert shadowed == []
    for text in [what for _, what in INSTEAD.values()]:  # and only options of ours
        named = set(re.findall(r"--[a-z-]+", text))
        assert named <= {
            f for k in COMMANDS.values() for o in options_of(k) for f in o.flags
        }


def test_the_page_on_commands_lists_every_name_that_is_understood():
    text = (TOP / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`--.*) \| `--([a-z-]+)", text, re.M)
    listed = {
        name: field
        for names, field in rows
        for name in re.findall(r"--([\w-]+)", names)
    }
    meant = {name: field.replace("_", "-") for name, field in SAME.items()}
    meant |= {name: field for name, (field, _) in WORDS.items()}
    assert {name: listed.get(name) for name in meant} == meant


# Completion -------------------------------------------------------------------------

COMPLETE = """
eval "$1"
COMP_WORDS=(keras-vit "${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]}-1))
$(complete -p keras-vit | sed 's/.*-F \\([^ ]*\\).*/\\1/')
echo "${COMPREPLY[*]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_shell_completes_commands_options_and_choices(capsys):
    assert cli.main(["--tyro-print-completion", "bash"]) == 0
    script = capsys.readouterr().out
    for words, expected in (
        (["tra"], "train"),
        (["train", "--learn"], "--learning-rate"),
        (["train", "--optimizer", ""], "adamw sgd rmsprop"),
    ):
        call = ["bash", "-c", COMPLETE, "bash", script, *words]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        assert done.stdout.split() == expected.split()
