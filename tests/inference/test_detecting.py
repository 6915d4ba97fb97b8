import dataclasses
import itertools
import json
import types

import golden
import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.boxes import convert_boxes
from keras_vit.evaluation import evaluate_detection
from keras_vit.inference.detecting import BoxFinder, Detections
from keras_vit.inference.loaded import load_model

# Where each of two tokens says that its object is, as shares of the image.
SHARES = np.array([[0.25, 0.5, 0.5, 0.5], [0.75, 0.25, 0.2, 0.1]])


def tiny(image_size=(32, 48), **metadata):
    """A YOLOS of two tokens that finds the same two objects in every image."""
    model = keras_vit.models.YOLOS(
        num_classes=2,
        image_size=image_size,
        patch_size=16,
        hidden_dim=8,
        num_layers=1,
        num_heads=1,
        mlp_dim=8,
        detection_tokens=2,
        **({"position_grid": (2, 3)} if None in image_size else {}),
    )
    for weight in model.weights:
        if "kernel" in weight.path and weight.path.split("/")[-2].endswith("head"):
            weight.assign(np.zeros(weight.shape))
    model.metadata.update(metadata)
    return model


def made(file="cat.png", boxes=((2, 4, 22, 14),), size=(20, 40)):
    """A record of one image, whose first object is partly outside."""
    count = len(boxes)
    return Detections(
        file,
        ["cat", "dog"],
        np.asarray(boxes, "float64").reshape(-1, 4),
        np.linspace(0.9, 0.5, count),
        np.arange(count) % 2,
        np.zeros((*size, 3), "uint8"),
    )


@pytest.fixture
def answers(monkeypatch):
    """Lets every model say the boxes of `SHARES` of whatever it saw."""

    def decode(model, outputs, score, limit, image_size):
        assert set(outputs) == {"logits", "boxes"}
        boxes = convert_boxes(SHARES, "yolo", "corners", image_size)
        one = {
            "boxes": boxes,
            "scores": np.array([0.9, 0.4]),
            "classes": np.array([1, 0]),
        }
        return [one for _ in outputs["logits"]]

    monkeypatch.setattr("keras_vit.inference.detecting.decode", decode)


def test_boxes_are_those_of_the_image_at_its_own_size(answers, tmp_path):
    image = np.zeros((60, 20, 3), "uint8")
    Image.fromarray(image).save(tmp_path / "tall.png")
    found = keras_vit.detect(tiny(class_names=["cat", "dog"]), tmp_path)
    assert [each.file for each in found] == [str(tmp_path / "tall.png")]
    np.testing.assert_allclose(
        found[0].boxes, convert_boxes(SHARES, "yolo", "corners", (60, 20)), atol=1e-5
    )
    values = json.loads(json.dumps(found[0].to_json()))
    assert [each["class"] for each in values["objects"]] == ["dog", "cat"]
    assert (values["height"], values["width"]) == (60, 20)


def test_images_that_are_padded_give_boxes_inside_of_themselves(answers):
    fitted = keras_vit.data.Preprocessing(
        (
            keras_vit.data.steps.Resize(32, 48, fit="contain"),
            keras_vit.data.steps.CentralCrop(32, 48, border=0),
            keras_vit.data.steps.ValueRange(-1, 1),
        ),
        3,
    )
    model = tiny(preprocessing=fitted.to_json())
    images = [np.zeros((32, width, 3), "uint8") for width in (24, 8)]
    wide, narrow = BoxFinder(model)(images)
    # 12 columns were added on each side: both boxes reach into them.
    expected = [[0, 8, 12, 24], [19.2, 6.4, 24, 9.6]]
    np.testing.assert_allclose(wide["boxes"], expected, atol=1e-5)
    # Of 20 columns on each side the second box sees nothing else.
    assert narrow["boxes"].tolist() == [[0, 8, 4, 24]]
    assert narrow["classes"].tolist() == [1]


def test_where_training_cropped_the_whole_image_is_seen(answers):
    cropped = keras_vit.data.Preprocessing(
        (
            keras_vit.data.steps.ResizeSmall(40),
            keras_vit.data.steps.CentralCrop(32, 48),
            keras_vit.data.steps.ValueRange(-1, 1),
        ),
        3,
    )
    find = BoxFinder(tiny(preprocessing=cropped.to_json()))
    for size in ((60, 20), (20, 60), (32, 48)):
        (found,) = find([np.zeros((*size, 3), "uint8")])
        expected = convert_boxes(SHARES, "yolo", "corners", size)
        np.testing.assert_allclose(found["boxes"], expected, atol=1e-5)


def test_a_short_last_batch_and_unreadable_files_keep_their_order(answers, tmp_path):
    for number in range(3):
        Image.new("L", (9, 9 + number)).save(tmp_path / f"{number}.png")
    (tmp_path / "1a.png").write_bytes(b"no picture")
    found = keras_vit.detect(tiny(), tmp_path, batch_size=2)
    assert [each.file[-6:-4] for each in found] == ["/0", "/1", "1a", "/2"]
    assert found[2].boxes is None and "error" in found[2].to_json()
    assert found[3].image.shape == (11, 9, 3)
    assert found[3].class_names == ["class 0", "class 1"]


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((64, 96), (32, 48)),  # the size of the table
        ((96, 64), (48, 32)),  # turned
        ((3000, 4000), (32, 43)),
        ((16, 48), (16, 48)),  # no longer than the table
        ((4, 4), (32, 32)),
        ((4, 400), (16, 48)),  # no less than a patch
    ],
)
def test_a_yolos_of_every_size_sees_images_in_proportion(answers, size, seen):
    model, shapes = tiny((None, None)), []
    call = model.predict_on_batch
    model.predict_on_batch = lambda images: shapes.append(images.shape) or call(images)
    (found,) = BoxFinder(model)([np.zeros((*size, 3), "uint8")])
    assert shapes == [(1, *seen, 3)]
    expected = convert_boxes(SHARES, "yolo", "corners", size)
    np.testing.assert_allclose(found["boxes"], expected, rtol=1e-5, atol=1e-5)


def test_a_published_yolos_is_opened_for_images_of_every_shape():
    for file in ("config.json", "model.safetensors"):
        folder = golden.path(f"dense/yolos/no_mid/{file}").parent
    model = load_model(folder)
    assert model.input_shape == (None, None, None, 3)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 48, 32, 3)).astype("float32")
    expected = keras_vit.from_checkpoint(folder, image_size=(48, 32))(image)
    for name, values in model(image).items():
        np.testing.assert_allclose(values, expected[name], atol=2e-5)


def test_one_of_a_lying_size_says_once_that_it_stretches_upright_images(caplog):
    find = BoxFinder(tiny())
    find([np.zeros((20, 40, 3), "uint8"), np.zeros((32, 48, 3), "uint8")])
    assert not caplog.records
    find([np.zeros((40, 20, 3), "uint8")] * 2)
    (record,) = caplog.records
    assert "with_image_size(model, (None, None))" in record.getMessage()
    BoxFinder(tiny(recipe={}))([np.zeros((40, 20, 3), "uint8")])
    assert len(caplog.records) == 1


def test_real_outputs_are_boxes_inside_the_image():
    (found,) = keras_vit.detect(tiny(), np.zeros((30, 50, 3), "uint8"), score=0.0)
    assert len(found.boxes) == len(found.scores) == 2
    assert (found.boxes >= 0).all() and (found.boxes <= [50, 30, 50, 30]).all()
    assert found.picture().size == (50, 30)


def test_a_dense_detector_gives_boxes_too():
    backbone = keras_vit.ViT(
        **{"num_classes": 0, "image_size": (32, 48), "patch_size": 16, "num_layers": 1},
        **{"hidden_dim": 8, "mlp_dim": 8, "num_heads": 1},
    )
    model = keras_vit.Detector(backbone, 3, head_width=8, head_layers=1)
    (found,) = keras_vit.detect(model, np.zeros((60, 20, 1), "uint8"), score=0.0)
    assert len(found.boxes) == len(found.classes) > 0
    assert (found.boxes >= 0).all() and (found.boxes <= [20, 60, 20, 60]).all()
    assert (np.diff(found.scores) <= 0).all()


def _twice(source):
    return {**vars(source), "pairs": lambda: itertools.repeat(*source.pairs(), 2)}


@pytest.mark.parametrize("size", [(None, None), (32, 48)])
def test_what_a_backbone_wants_of_whole_images_is_not_asked_of_a_detector(size):
    own = {"position_grid": (2, 3)} if None in size else {}
    backbone = keras_vit.ViT(
        **{"num_classes": 0, "image_size": size, "patch_size": 16, "num_layers": 1},
        **{"hidden_dim": 8, "mlp_dim": 8, "num_heads": 1},
        **own,
    )
    backbone.metadata["preprocessing"] = keras_vit.data.preprocessing(
        (16, 16)
    ).to_json()
    model = keras_vit.Detector(backbone, 1, head_width=8, head_layers=1)
    seen = []
    call = model.predict_on_batch
    model.predict_on_batch = lambda images: seen.append(images.shape) or call(images)
    keras_vit.detect(model, np.zeros((64, 32, 3), "uint8"))
    assert seen == [(1, 64, 32, 3) if None in size else (1, *size, 3)]


def test_a_model_is_evaluated_with_its_own_class_names(answers):
    truth = convert_boxes(SHARES[:1], "yolo", "corners", (60, 20))
    rows = [(np.zeros((60, 20, 3), "uint8"), {"boxes": truth, "classes": [0]}, "a")]
    # The data know the model's second class alone.
    source = types.SimpleNamespace(class_names=["dog"], pairs=lambda: iter(rows))
    found = evaluate_detection(tiny(class_names=["cat", "dog"]), source)
    assert found.class_names == ["cat", "dog"]
    assert found.scores.ap50[1] == found.scores.stats["AP"] == 1
    told = keras_vit.detect(tiny(class_names=["cat", "dog"]), rows[0][0])
    for names, ap50 in ((["dog"], 1), (["dog", "cat"], 1), (["cat", "dog"], 0)):
        source.class_names = names  # the first is the object's
        assert evaluate_detection(told, source).scores.stats["AP50"] == ap50, names
    unnamed = keras_vit.detect(tiny(), rows[0][0])
    assert evaluate_detection(unnamed, source).class_names == ["cat", "dog"]
    source.class_names = ["dog"]
    with pytest.raises(ValueError, match="must have as many"):
        evaluate_detection(unnamed, source)
    broken = [dataclasses.replace(told[0], error="it is no picture")]
    with pytest.raises(ValueError, match="a has no boxes: it is no picture"):
        evaluate_detection(broken, source)
    other = [told[0], dataclasses.replace(told[0], class_names=["cow", "dog"])]
    with pytest.raises(ValueError, match="same classes"):
        evaluate_detection(other, types.SimpleNamespace(**_twice(source)))
    with pytest.raises(ValueError, match="does not know"):
        evaluate_detection(tiny(class_names=["cat", "cow"]), source)


def test_what_is_no_detector_is_refused():
    plain = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match=r"Detector or a YOLOS"):
        keras_vit.detect(plain, np.zeros((8, 8, 3), "uint8"))
    with pytest.raises(ValueError, match="score"):
        BoxFinder(tiny(), score=30)


def test_outputs_that_are_not_finite_are_refused():
    model = tiny()
    model.weights[-1].assign(np.full(model.weights[-1].shape, np.nan))
    with pytest.raises(ValueError, match="not finite"):
        keras_vit.detect(model, np.zeros((8, 8, 3), "uint8"))


# Writers ----------------------------------------------------------------------------


def test_coco_json_reads_back_as_pycocotools_and_our_own_data_read_it(tmp_path):
    Image.new("RGB", (40, 20)).save(tmp_path / "cat.png")
    found = [made(str(tmp_path / "cat.png")), made("image 2", boxes=())]
    failed = Detections("bad.png", ["cat", "dog"], error="cannot be read")
    keras_vit.write_coco_boxes(tmp_path / "boxes.json", [*found, failed])
    values = json.loads((tmp_path / "boxes.json").read_text())
    assert [image["file_name"] for image in values["images"]] == ["cat.png", "image 2"]
    assert values["images"][0]["height"] == 20 and values["images"][0]["width"] == 40
    assert values["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    assert values["annotations"] == [
        {
            **{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 4, 20, 10]},
            **{"area": 200, "iscrowd": 0, "score": 0.9},
        }
    ]
    coco = pytest.importorskip("pycocotools.coco")
    original = coco.COCO(str(tmp_path / "boxes.json"))
    assert len(original.loadRes(values["annotations"]).anns) == 1


def truth_of(path, names, categories):
    """A json of COCO whose first image has the box of `made`, a dog."""
    box = {"id": 1, "image_id": 42, "bbox": [2, 4, 20, 10], "area": 200, "iscrowd": 0}
    images = [
        {"id": 42 - i, "file_name": name, "height": 20, "width": 40}
        for i, name in enumerate(names)
    ]
    values = {
        "images": images,
        "annotations": [{**box, "category_id": 9}],
        "categories": [{"id": i, "name": name} for i, name in categories.items()],
    }
    path.write_text(json.dumps(values))
    return path


def test_boxes_with_the_ids_of_the_truth_are_scored_by_pycocotools(tmp_path, caplog):
    names = ["b/cat.png", "cat.png"]
    truth = truth_of(tmp_path / "truth.json", names, {9: "dog", 3: "bird"})
    dog = dataclasses.replace(made("set/b/cat.png"), classes=np.array([1]))
    cat = made("set/a/cat.png")  # a class that the truth does not have
    keras_vit.write_coco_boxes(tmp_path / "found.json", [dog, cat], like=truth)
    values = json.loads((tmp_path / "found.json").read_text())
    own = {"image_id": 42, "category_id": 9, "bbox": [2, 4, 20, 10], "score": 0.9}
    assert values == [own]
    assert "1 boxes are of classes" in caplog.text
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    known = coco.COCO(str(truth))
    scores = COCOeval(known, known.loadRes(str(tmp_path / "found.json")), "bbox")
    for step in (scores.evaluate, scores.accumulate, scores.summarize):
        step()
    assert scores.stats[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("files", "categories", "message"),
    [
        (["b/cat.png"], {9: "bird"}, "has no class of the model. It has: bird"),
        (["bird.png"], {9: "dog"}, "lists no image bird.png"),
        (["a/cat.png", "b/cat.png"], {9: "dog"}, "are one image of"),
    ],
)
def test_a_truth_of_other_images_or_classes_is_refused(
    tmp_path, files, categories, message
):
    truth = truth_of(tmp_path / "truth.json", ["cat.png"], categories)
    with pytest.raises(ValueError, match=message):
        keras_vit.write_coco_boxes(
            tmp_path / "found.json", map(made, files), like=truth
        )
    assert not (tmp_path / "found.json").exists()


def test_yolo_txt_holds_shares_and_an_empty_file_for_no_object(tmp_path):
    found = [made("a/cat.png"), made("dog.jpg", boxes=())]
    keras_vit.write_yolo_boxes(tmp_path / "boxes", found)
    written = tmp_path / "boxes"
    text = "0 0.300000 0.450000 0.500000 0.500000\n"
    assert (written / "labels" / "cat.txt").read_text() == text
    assert (written / "labels" / "dog.txt").read_text() == ""
    assert (written / "classes.txt").read_text() == "cat\ndog\n"


def test_images_of_equal_names_get_numbers(tmp_path):
    files = ["a/cat.png", "b/Cat.png", "cat-2.png"]
    keras_vit.write_yolo_boxes(tmp_path / "boxes", map(made, files))
    written = {path.name for path in (tmp_path / "boxes" / "labels").iterdir()}
    assert written == {"cat.txt", "Cat-2.txt", "cat-2-2.txt"}


def test_what_cannot_be_written_together_leaves_nothing(tmp_path):
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "mine.txt").write_text("old")
    with pytest.raises(ValueError, match="holds something already"):
        keras_vit.write_yolo_boxes(tmp_path / "boxes", [made()])
    assert (tmp_path / "boxes" / "mine.txt").read_text() == "old"
    failed = Detections("bad.png", [], error="cannot be read")
    for write in (keras_vit.write_yolo_boxes, keras_vit.write_coco_boxes):
        with pytest.raises(ValueError, match="at least one image"):
            write(tmp_path / "none", [failed])


def test_a_picture_has_each_box_in_the_colour_of_its_class():
    wide = made(boxes=[(5, 40, 60, 80), (100, 50, 190, 95)], size=(100, 200))
    pixels = np.asarray(wide.picture())
    assert pixels.shape == (100, 200, 3)
    first, second = pixels[60, 5], pixels[70, 100]
    assert first.any() and second.any() and (first != second).any()
    assert not pixels[60, 30].any() and not pixels[90, 20].any()
    grey = made(boxes=[(0, 0, 10, 10)])
    assert draw(grey).size == (40, 20)


def draw(found):
    record = {k: getattr(found, k) for k in ("boxes", "scores", "classes")}
    one = found.image[..., :1]
    return keras_vit.inference.box_pictures.draw_boxes(one, record, found.class_names)
