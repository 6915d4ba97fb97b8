"""Tries hundreds of odd image files, and judges each in the same way.

python tests/campaigns/images.py [--count 300] [--seed 0] [--only WORDS] [--show]

A harmless file must give the pixels that Pillow gives. A hostile one must be a
`ValueError` of one short line that names it; a damaged one either of the two. Each in
less than 20 seconds and 4 GB. Then a data set of all of them is loaded with
`corrupt="skip"`: what it leaves out must be what could not be read alone. Prints a line
for each file that falls short, and at the end one line of all.
"""

import collections
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import beside  # noqa: F401  must be first
import numpy as np
from campaign import Worker
from odd_images import HARMLESS, HOSTILE, draw, ending, write
from PIL import Image, ImageOps
from telling import main


class Images(Worker):
    """A process that reads image files, replaced when it dies or goes too far."""

    script = __file__


def work():
    """Judges the files that come in, one a line."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    answers = os.dup(1)
    os.dup2(2, 1)  # nobody else writes where the answers go
    judged(HARMLESS, None)
    os.write(answers, b'["ready", ""]\n')
    for line in sys.stdin:
        kind, path = json.loads(line)
        try:
            answer = judged(kind, Path(path))
        except Exception as error:
            answer = "lost", f"{type(error).__name__}: {error}"[:300]
        os.write(answers, json.dumps(answer).encode() + b"\n")


def judged(kind, path):
    """`(held or lost, why)` of a file, or of a folder of files that were judged."""
    import keras_vit.data

    if path is None:
        return None
    if kind == "folder":
        return _as_data_set(path)
    expected = _by_pillow(path) if kind != HOSTILE else None
    size = (8, 8) if expected is None else expected.shape[:2]
    steps = keras_vit.data.preprocessing(size)
    try:
        image = keras_vit.data.load_image(path, steps)
    except ValueError as error:
        text = str(error)
        if kind == HARMLESS:
            return "lost", f"refused: {text}"
        if path.name not in text or len(text) > 600 or not text.isprintable():
            return "lost", f"badly refused: {text!r}"
        return "held", f"refused: {text}"
    if expected is None:
        return "lost", "read, though it is hostile or Pillow cannot read it"
    found = np.rint((image + 1) * 127.5).astype(np.uint8)
    if np.array_equal(found, expected):
        return "held", "right"
    return "lost", f"other pixels, by up to {np.abs(found - 1.0 * expected).max()}"


def _as_data_set(folder):
    """Whether a data set leaves out what its list of refused files says."""
    import keras_vit.data

    refused = set(json.loads((folder / "refused.json").read_text()))
    source = keras_vit.data.load(f"{folder}/photos:all", corrupt="skip")
    skipped = {os.path.basename(name) for name, _ in source.skipped}
    if skipped != refused:
        return "lost", f"the data set differs in {sorted(skipped ^ refused)[:5]}"
    count = sum(len(labels) for _, labels in source.batches(16, image_size=8))
    return "held" if count == source.num_examples else "lost", f"{count} images"


def _by_pillow(path):
    """What Pillow makes of a file: `uint8` `(H, W, 3)`, or None."""
    Image.MAX_IMAGE_PIXELS = 10**9
    try:
        with Image.open(path) as image:
            image.load()
            try:
                image = ImageOps.exif_transpose(image)
            except Exception:  # a broken block beside good pixels
                pass
            if image.mode.startswith("I;16"):
                grey = (np.asarray(image).astype(int) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, -1)
            if image.mode in ("I", "F"):
                return None
            if "A" in image.mode or "transparency" in image.info:
                image = image.convert("RGBA")
                white = Image.new("RGBA", image.size, (255, 255, 255, 255))
                image = Image.alpha_composite(white, image)
            return np.asarray(image.convert("RGB"))
    except Exception:
        return None


def run(count, seed, only="", show=False):
    """`{"held" or "lost": number}`, and the lines about what was lost."""
    worker, outcome, lines, refused = Images(), collections.Counter(), [], []
    with tempfile.TemporaryDirectory() as room:
        photos = Path(room) / "photos"
        for name in ("a", "b"):
            (photos / name).mkdir(parents=True)
            Image.new("RGB", (9, 9)).save(photos / name / "good.png")
        for number, name, kind, content in draw(count, seed):
            case = f"{number} {kind} {name}"
            if not re.search(only, case):
                continue
            path = photos / "ab"[number % 2] / f"{number:03d}{ending(number)}"
            write(path, content)
            what, why = worker.judged(kind, str(path))
            if why.startswith(("refused", "badly")):
                refused.append(path.name)
            outcome[what] += 1
            if what == "lost":
                lines.append(f"lost: {case}: {why}".replace(room, ""))
                path.unlink()  # it may be what no process survives
                refused = [other for other in refused if other != path.name]
            if show or what == "lost":
                print(f"{what}: {case}: {why}".replace(room, ""), flush=True)
        (Path(room) / "refused.json").write_text(json.dumps(refused))
        what, why = worker.judged("folder", room)
        if what == "lost":
            lines.append(f"lost: all as one data set: {why}")
            outcome["lost"] += 1
            outcome["held"] -= 1
            print(lines[-1], flush=True)
    worker.stop()
    return outcome, lines


if __name__ == "__main__":
    main("images", __doc__, 300, run, work)
