"""The page and the words of `keras-vit data` about a folder of images."""

import numpy as np
import pytest
from PIL import Image

from keras_vit.cli import main


@pytest.fixture
def photos(tmp_path):
    """Three classes; a leak, an empty image, a broken one, and a name to escape."""
    random = np.random.default_rng(0)
    root = tmp_path / "my photos"
    for part, count in (("train", 12), ("test", 4)):
        for name in ("cat", "dog", "<hen>"):
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                size = (24, 32) if index % 2 else (32, 24)
                coarse = random.integers(0, 256, (5, 5, 3)).astype("uint8")
                image = Image.fromarray(coarse).resize(size, Image.BICUBIC)
                image.save(root / part / name / f"{index:02d}.png")
    leak = (root / "train" / "cat" / "00.png").read_bytes()
    (root / "test" / "cat" / "leak.png").write_bytes(leak)
    Image.new("RGB", (32, 24)).save(root / "train" / "dog" / "empty.png")
    (root / "train" / "dog" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return root


def test_the_page_shows_classes_and_findings(photos, tmp_path, capsys):
    page = tmp_path / "data.html"
    assert main(["data", str(photos), "--report", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "  train: 38 images: <hen> 12, cat 12, dog 14" in shown
    assert "also training images: 1" in shown and "broken.png" in shown
    assert "empty.png (hardly any contrast" in shown
    next_ = f"next: keras-vit train --data '{photos}' --corrupt skip"
    assert shown.splitlines()[-1] == next_  # as it has a broken image
    for odd in ("licence", "prepared", "to get it"):
        assert odd not in shown
    text = page.read_text()
    assert "&lt;hen&gt;" in text and "<hen>" not in text
    # 12 + 12 + 13 images of the classes that can be read, a pair, and an odd one.
    assert text.count("<img") == 37 + 2 + 1
    assert "src='http" not in text and page.stat().st_size < 200_000


def test_nothing_is_written_where_it_cannot_be(photos, tmp_path, capsys):
    wanted = tmp_path / "absent" / "data.html"
    assert main(["data", str(photos), "--report", str(wanted)]) == 1
    assert "folder of the report does not exist" in capsys.readouterr().err
    assert main(["data", "cifar10", "--report", str(tmp_path / "x.html")]) == 1
    assert "one class each" in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_json_stays_what_it_was(photos, capsys):
    assert main(["data", str(photos), "--format", "json"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("{") and shown.rstrip().endswith("}")


def test_a_list_of_good_images_is_told_what_a_model_must_beat(photos, capsys):
    (photos / "train" / "dog" / "broken.png").unlink()
    listed = photos / "list.csv"
    rows = [
        f"{part}/{name}/{index:02d}.png,{name},{part}"
        for part, count in (("train", 12), ("test", 4))
        for name in ("cat", "dog")
        for index in range(count)
    ]
    listed.write_text("file,label,split\n" + "\n".join(rows) + "\n")
    assert main(["data", str(listed)]) == 0
    shown = capsys.readouterr().out
    remarks = [line for line in shown.splitlines() if line.startswith("- ")]
    (line,) = remarks
    assert "Always saying cat gives 50.0 % right" in line and "beat both" in line
