"""ReaL accuracy: told of ImageNet's validation images, and of no others."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from tiny_models import tiny

import keras_vit.data
from keras_vit.cli import main
from keras_vit.data import real_labels
from keras_vit.evaluation import evaluate, write_report
from keras_vit.evaluation.relabelled import real_accuracy_on
from keras_vit.models.pretrained.imagenet_names import imagenet_classes

# Of ImageNet's 1000, in the order of their synsets.
CLASSES = [65, 230, 809]
SYNSETS = [imagenet_classes()[number][0] for number in CLASSES]


def write(root, names=SYNSETS, form="ILSVRC2012_val_{:08}.JPEG"):
    """Eight images of each class, of numbers at random; some have no ReaL label."""
    everything = real_labels()
    random = np.random.default_rng(0)
    empty = [n for n, labels in enumerate(everything, 1) if not labels][:3]
    for name, number, unlabelled in zip(names, CLASSES, empty):
        (root / name).mkdir(parents=True)
        own = [n for n, labels in enumerate(everything, 1) if number in labels][:5]
        for each in (*own, unlabelled, 40_000 + number, 41_000 + number):
            pixels = random.integers(0, 256, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(root / name / form.format(each))
    return root


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    return write(tmp_path_factory.mktemp("imagenet") / "val")


def by_hand(files, predicted):
    everything, right = real_labels(), []
    for file, index in zip(files, predicted):
        labels = everything[int(re.search(r"(\d{8})\.", file)[1]) - 1]
        if labels:
            right.append(CLASSES[index] in labels)
    assert len(right) < len(files)
    return np.mean(right)


def test_classes_are_compared_by_their_numbers_in_imagenet(validation):
    source = keras_vit.data.load(f"{validation}:all")
    found = evaluate(tiny(), source)
    wanted = by_hand(source.files, found.predicted)
    assert found.real_accuracy == pytest.approx(wanted)
    assert found.to_json()["real_accuracy"] == found.real_accuracy
    assert 0 < found.real_accuracy < 1
    # The labels by which the files were chosen are right for five of eight, and the
    # image without any is left out.
    assert real_accuracy_on(source, source.labels, source.class_names) >= 5 / 7


@pytest.mark.slow
def test_the_command_and_the_report_tell_it(validation, tmp_path, capsys):
    model = tiny()
    model.save(tmp_path / "model.keras")
    data = f"{validation}:all"
    args = ["evaluate", str(tmp_path / "model.keras"), "--data", data]
    found = evaluate(model, data)
    shown = f"{100 * found.real_accuracy:.2f} %"
    assert main(args) == 0
    assert f"ReaL accuracy: {shown}\n" in capsys.readouterr().out
    assert main([*args, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["real_accuracy"] == found.real_accuracy
    assert main([*args[:2], *args[1:]]) == 0  # of two runs
    assert re.search(rf"accuracy +ReaL\n.*{shown}\n", capsys.readouterr().out)
    pytest.importorskip("matplotlib")
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"<b>{shown}</b><span>ReaL accuracy" in page


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (["dark", "grey", "light"], "ILSVRC2012_val_{:08}.JPEG"),
        (SYNSETS, "{:08}.JPEG"),
    ],
    ids=["other classes", "other files"],
)
def test_elsewhere_nothing_changes(names, form, tmp_path, capsys):
    root = write(tmp_path / "val", names, form)
    model = tiny()
    found = evaluate(model, f"{root}:all")
    assert found.real_accuracy is None and "real_accuracy" not in found.to_json()
    model.save(tmp_path / "model.keras")
    assert main(["evaluate", str(tmp_path / "model.keras"), "--data", str(root)]) == 0
    assert "ReaL" not in capsys.readouterr().out


class Numbered:
    """Three validation images of a set whose 1000 classes are numbers."""

    class_names = tuple(str(number) for number in range(1000))
    images = (293, 17, 236)  # of the last it is not known what it shows

    def file_names(self):
        return [f"ILSVRC2012_val_{number:08}.JPEG" for number in self.images]


def test_numbered_classes_are_in_the_order_of_imagenet():
    first, second, third = (real_labels()[n - 1] for n in Numbered.images)
    assert first and second and not third
    wrong = next(n for n in range(1000) if n not in second)
    answers = np.array([first[0], wrong, 0])
    assert real_accuracy_on(Numbered(), answers, Numbered.class_names) == 0.5
