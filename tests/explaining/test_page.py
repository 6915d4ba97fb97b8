"""What stands on the page, for every kind of model and image."""

import re
import sys

import cases
import keras
import numpy as np
import pytest
import reference
from pages import Reader
from PIL import Image
from subjects import photo, run_folder

import keras_vit
from keras_vit.explaining.subject import load_photographs
from keras_vit.inference.predicting import predict
from keras_vit.models.pretrained.imagenet_names import imagenet_classes

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("runs") / "my <run> & co")


def written(model, images, tmp_path, **options):
    """The report, and its page as a `Reader` with the source in `page`."""
    path = tmp_path / "report.html"
    report = keras_vit.explain(model, images, path, **options)
    assert report.size == path.stat().st_size
    assert [p.name for p in tmp_path.glob(".*")] == []  # nothing temporary is left
    page = path.read_text(encoding="utf-8")
    reader = Reader(page)
    reader.page = page
    return report, reader


def test_the_page_needs_nothing_else_and_reads_well(run, tmp_path):
    files = [photo(tmp_path / f"{mode}.png", mode=mode) for mode in ("RGB", "L")]
    report, reader = written(run, files, tmp_path)
    assert report.images == [str(file) for file in files] and report.failures == []
    assert all(a.startswith(("data:image/", "#")) for a in reader.addresses)
    links = [a["href"][1:] for a in reader.all("a")]
    assert set(links) <= set(reader.ids) and len(set(reader.ids)) == len(reader.ids)
    outside = re.sub(r'xmlns(:\w+)?="[^"]*"', "", reader.page)
    assert "http://" not in outside and "https://" not in outside
    assert "default-src 'none'" in reader.page
    assert "prefers-color-scheme: dark" in reader.page
    # For people who do not see it.
    assert reader.all("html") == [{"lang": "en"}]
    assert all("alt" in image for image in reader.all("img"))
    assert reader.headings[0] == 1 and reader.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(reader.headings, reader.headings[1:]))
    plots = [d for d in reader.all("div") if d.get("class", "").startswith("plot")]
    assert plots and all(d["role"] == "img" and d["aria-label"] for d in plots)
    labelled = {attrs.get("aria-labelledby") for _, attrs in reader.tags} - {None}
    assert labelled <= set(reader.ids)


def test_it_tells_what_the_model_says_and_how_it_was_trained(run, tmp_path):
    file = photo(tmp_path / "one.png")
    _, reader = written(run, file, tmp_path, top=3)
    for name, share in predict(run, file)[0].classes[:3]:
        assert re.search(rf"{name}\s+{100 * share:.1f} %", reader.text)
    assert "my <run> & co" in reader.text and "my <data>" in reader.text
    assert "75.00 %" in reader.text and "62.50 %" in reader.text
    parameters = keras_vit.from_checkpoint(str(run)).count_params()
    assert f"{parameters:,}" in reader.text and "3 × 2 of 4 × 4 pixels" in reader.text
    assert "my <" not in reader.page


def test_awkward_names_stand_on_the_page_as_they_are(run, tmp_path):
    name = "<script>alert('&\"')<.png"
    file = photo(tmp_path / name.replace("/", ""))
    broken = tmp_path / "<b>broken\udcff.png"
    broken.write_bytes(b"no image")
    gone = tmp_path / "gone.png"
    report, reader = written(run, [file, broken, gone], tmp_path)
    assert "<script>alert" not in reader.page and "<b>" not in reader.page
    assert str(file) in reader.text
    assert len(report.failures) == 2 and "2 images could not be read" in reader.text
    assert "<b>broken\\udcff.png" in reader.text and "gone.png" in report.failures[1]
    assert len(reader.all("article")) == 1


@pytest.mark.slow
def test_images_of_every_kind(run, tmp_path):
    paths = [
        photo(tmp_path / "grey.png", (3, 200), "L"),
        photo(tmp_path / "alpha.png", (100, 9), "RGBA"),
    ]
    arrays = np.zeros((2, 5, 5, 3), "uint8")
    images = [*paths, Image.new("P", (4, 4)), *arrays]
    report, reader = written(run, images, tmp_path)
    assert len(reader.all("article")) == 5
    assert report.images[2:] == ["image 3", "image 4", "image 5"]
    steps = keras_vit.data.preprocessing(8)
    for image in (arrays, arrays[0], arrays[..., 0], arrays[0, ..., 0]):
        names = [loaded.name for loaded in load_photographs(image, steps)]
        assert names == ["image 1", "image 2"][: 2 if len(image) == 2 else 1]


def test_a_model_alone(run, tmp_path):
    assert load_photographs([], None) == load_photographs((), None) == []
    report, reader = written(run, None, tmp_path)
    assert report.images == [] and reader.all("article") == []
    assert "about the model alone" in reader.text
    assert "Similarity of positions" in reader.text and "Attention dist" not in (
        reader.text
    )
    missing = str(tmp_path / "missing.png")
    report, reader = written(run, missing, tmp_path)
    assert missing in report.failures[0] and "model alone" not in reader.text


POSITIONS = "Transformer/posembed_input/pos_embedding"
KINDS = ["gap", "map", "registers", "hybrid", "grey_rectangles", "preprocessing"]


@pytest.mark.parametrize(
    "name", cases.rest_slow([*KINDS, "relative_positions", "every_size"], 4)
)
def test_every_kind_of_model_shows_what_it_can(name, tmp_path):
    file = photo(tmp_path / "photo.png")
    options = {"image_size": (12, 16)} if name == "every_size" else {}
    report, reader = written(cases.model(name), file, tmp_path, **options)
    titles = ["What reaches the head", "Features as colours", "Attention entropy"]
    assert all(title in reader.text for title in titles)
    assert ("What the head looks at" in reader.text) == (name == "map")
    assert ("Evidence for class" in reader.text) == (name == "gap")
    assert ("Similarity of positions" in dict(report.not_offered)) == (
        name == "relative_positions"
    )
    assert "class 4" in reader.text  # it has no names for its classes


def test_a_resnet_has_class_activation_for_attention(tmp_path):
    file = photo(tmp_path / "photo.png")
    report, reader = written(cases.model("bit"), file, tmp_path)
    assert "Evidence for class" in reader.text and "Filters" in reader.text
    assert "Layer by layer" not in reader.text
    [why] = [why for titles, why in report.not_offered if "Attention" in titles]
    assert "have no attention" in why and why in reader.text


@pytest.mark.parametrize("name", ["token_features", "all_tokens"])
def test_a_model_without_classes_shows_its_attention(name, tmp_path):
    file = photo(tmp_path / "photo.png")
    report, reader = written(cases.model(name), file, tmp_path)
    assert "gives an image no class" in reader.text and "Why" not in reader.text
    assert "What reaches the head" in reader.text
    assert any("Predictions" in titles for titles, _ in report.not_offered)


def test_another_model_gets_its_predictions(tmp_path):
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(pooled), name="mine")
    _, reader = written(model, photo(tmp_path / "photo.png"), tmp_path)
    assert "Prediction" in reader.text and "class 2" in reader.text


def test_weights_of_a_pretraining_run_are_shown_as_a_backbone(tmp_path):
    vit = cases.MODELS["token_features"].make()
    masked = keras_vit.MaskedPatchPrediction(vit, "mean_colour")
    _, reader = written(masked, photo(tmp_path / "photo.png"), tmp_path)
    assert "What reaches the head" in reader.text


def test_official_weights_get_the_names_of_imagenet_and_the_page_says_so(tmp_path):
    case = cases.MODELS["token"]
    model = cases.randomize(case.make(num_classes=1000, image_size=12))
    weights = tmp_path / "official.npz"
    arrays = reference.arrays_of(model)
    positions = arrays.pop("positions/input/pos_embedding")
    np.savez(weights, **{POSITIONS: positions}, **arrays)
    file = photo(tmp_path / "photo.png")
    _, reader = written(weights, file, tmp_path, image_size=(12, 16))
    assert "16 × 12 pixels" in reader.text
    assert "classes are ImageNet's" in reader.text and "class 9" not in reader.text
    names = {name for _, name in imagenet_classes()}
    shown = [name for name in names if f"Why {name}" in reader.text]
    assert len(shown) >= 2
    with pytest.raises((ValueError, OSError), match="no-file"):
        keras_vit.explain(tmp_path / "no-file.npz", None, tmp_path / "report.html")


@pytest.mark.slow
def test_the_page_is_the_same_twice(run, tmp_path):
    file = photo(tmp_path / "photo.png")
    pages = [written(run, file, tmp_path)[1].page for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.slow
def test_full_keeps_every_head_of_every_patch(run, tmp_path):
    file = photo(tmp_path / "photo.png")
    (small, _), (large, reader) = (
        written(run, file, tmp_path, full=full) for full in (False, True)
    )
    # Two layers of two heads instead of their mean, six maps of six patches each.
    assert large.size - small.size == 2 * 6 * 8 - 1
    assert '"everyHead": true' in reader.page


def test_a_failure_leaves_the_old_page(run, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *names: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keras_vit.explain(run, None, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_mistakes_are_told_before_any_work(run, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"folder that exists.*Make"):
        keras_vit.explain(run, None, tmp_path / "no" / "report.html")
    with pytest.raises(ValueError, match="Received: top=0"):
        keras_vit.explain(run, None, tmp_path / "report.html", top=0)
    with pytest.raises(ValueError, match=r"up to 24 images\. Received: 25"):
        keras_vit.explain(run, np.zeros((25, 4, 4, 3), "uint8"), tmp_path / "r.html")
    with pytest.raises(ValueError, match=r"8x12 pixels.*Received: image_size=16"):
        keras_vit.explain(run, None, tmp_path / "report.html", image_size=16)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r'pip install "keras-vision-.*\[report\]"'):
        keras_vit.explain(run, None, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
