"""Whatever the command writes, terminals can show it, and none obeys it."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit import cli
from keras_vit.common.progress import new_bar, progress_bar
from keras_vit.common.streams import for_programs, plain_streams, unescaped
from keras_vit.terminal import show_csv, stages

EVIL = "\x1b[31mred\x07\r\x9b2J\u202egnp\u200b\x00"
TAMED = r"\x1b[31mred\x07\r\x9b2J\u202egnp\u200b\x00"


class Terminal(io.TextIOWrapper):
    """A terminal of some encoding, and the bytes that reached it."""

    def __init__(self, encoding="utf-8", is_terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal

    def bytes(self):
        self.flush()
        return self.buffer.getvalue()


@pytest.fixture
def terminal(monkeypatch):
    """Replaces stdout and stderr by `Terminal`s."""

    def connect(*args, **kwargs):
        streams = Terminal(*args, **kwargs), Terminal(*args, **kwargs)
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "200")
        return streams

    return connect


def test_only_line_breaks_and_tabs_are_obeyed(terminal):
    out, err = terminal()
    with plain_streams():
        print(EVIL, "\tKäfer 蛙 –\n", end="")
        sys.stderr.writelines([EVIL, "\n"])
    assert out.bytes().decode() == f"{TAMED} \tKäfer 蛙 –\n"
    assert err.bytes().decode() == f"{TAMED}\n"
    assert sys.stdout is out and sys.stderr is err


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", r"K\xe4fer \u86d9 \U0001f41c - +/- ..."),
        ("latin-1", "Käfer \\u86d9 \\U0001f41c - ± ..."),
        ("cp1252", "Käfer \\u86d9 \\U0001f41c – ± …"),
        ("utf-8", "Käfer 蛙 🐜 – ± …"),
    ],
)
def test_what_an_encoding_lacks_is_escaped(terminal, encoding, shown):
    out, _ = terminal(encoding)
    with plain_streams():
        print("Käfer 蛙 🐜 – ± …", end="")
    assert out.bytes().decode(encoding) == shown


def test_csv_in_a_pipe_is_as_it_is_and_on_a_terminal_plain(terminal):
    rows = [("a\udcff.png", "\x1b[31mred")]
    out, _ = terminal()
    with plain_streams():
        show_csv(("file", "class"), rows)
    assert out.bytes() == b"file,class\na\xff.png,\x1b[31mred\n"
    out, _ = terminal(is_terminal=True)
    with plain_streams():
        show_csv(("file", "class"), rows)
        assert for_programs() is sys.stdout is not unescaped(sys.stdout)
    assert out.bytes() == b"file,class\na\\udcff.png,\\x1b[31mred\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_bars_draw_and_their_texts_are_plain(terminal, encoding):
    _, err = terminal(encoding, is_terminal=True)
    with plain_streams():
        with progress_bar(f"[red]Käfer[/x] {EVIL}", shown=True) as tell:
            tell(1, 2)
        with stages(f"[/b] 蛙 {EVIL}") as stage:
            stage("compiling", 3.0)
        with new_bar("{task.fields[numbers]}") as bar:
            bar.add_task("epoch", numbers=f"[/] {EVIL}")
    text = err.bytes().decode(encoding)
    assert "\x1b[2K" in text  # it draws, and goes away again
    assert f"[red]K{'ä' if encoding != 'ascii' else chr(92) + 'xe4'}fer[/x]" in text
    assert text.count(r"\x1b[31mred") >= 3
    assert not {"\x07", "\x9b", "\u202e", "\u200b", "\x00"} & set(text)
    assert "\x1b[31mred" not in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_help_and_mistakes_can_be_shown_anywhere(terminal, encoding):
    out, err = terminal(encoding)
    assert cli.main(["train", "--help"]) == 0
    assert cli.main(["predict", "--nö-蛙", "x\x1b[2J"]) == 2
    assert b"--epochs" in out.bytes() and b"\x1b" not in out.bytes() + err.bytes()


@pytest.fixture
def photos(tmp_path):
    """Two classes whose names ring, one of which no terminal of bytes can show."""
    for number, name in enumerate(("\x1b[31mred", "bell\x07蛙")):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for k in range(6):
            pixels = np.full((20, 24, 3), 40 * k + number, "uint8")
            Image.fromarray(pixels).save(folder / f"{k}\x9b.png")
    return tmp_path / "photos"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_name_rings(terminal, photos, encoding):
    model = keras_vit.ViT(
        2,
        image_size=32,
        patch_size=16,
        num_layers=1,
        hidden_dim=8,
        mlp_dim=8,
        num_heads=1,
    )
    model.metadata["class_names"] = sorted(os.listdir(photos))
    file = photos.parent / "model\x1b]0;title\x07.keras"
    model.save(photos.parent / "model.keras")
    os.rename(photos.parent / "model.keras", file)
    (photos / "bell\x07蛙" / "broken\x1b[1m.png").write_bytes(b"no image")
    out, err = terminal(encoding)
    assert cli.main(["data", str(photos)]) == 0
    assert cli.main(["predict", str(file), str(photos)]) == 1
    assert cli.main(["predict", str(file), str(photos), "--format", "json"]) == 1
    assert cli.main(["evaluate", str(file), "--data", f"{photos}:all"]) in (0, 1)
    assert cli.main(["evaluate", "no\x1b[2Jsuch", "--data", str(photos)]) == 1
    assert cli.main(["train", "--data", f"{photos}\x1b[2J"]) == 1
    written = (out.bytes() + err.bytes()).decode(encoding)
    assert r"\x1b[31mred" in written and r"bell\x07" in written
    assert {c for c in written if c < " " or "\x7f" <= c < "\xa0"} == {"\n"}
    assert ("蛙" in written) == (encoding == "utf-8")


def test_nobody_prints_past_the_streams():
    folder = Path(keras_vit.__path__[0])
    offenders = [
        str(file.relative_to(folder))
        for file in folder.rglob("*.py")
        if file.name != "streams.py"
        and any(
            word in file.read_text()
            for word in ("sys.__std", "rich.console import Console", "import rich\n")
        )
    ]
    assert not offenders, offenders
