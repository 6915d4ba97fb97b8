"""The table of published files."""

import pytest

import keras_vit
from keras_vit.checkpoints import registry
from keras_vit.models.variants.rows import FAMILIES


def test_every_row_is_of_a_published_model_and_of_its_own():
    variants = {variant for rows in FAMILIES.values() for variant in rows}
    assert {source.variant for source in registry.SOURCES} <= variants
    keys = [(source.name, source.variant) for source in registry.SOURCES]
    assert len(keys) == len(set(keys))
    files = [source.file for source in registry.SOURCES]
    assert len(files) == len(set(files))


def test_every_row_says_size_classes_licence_and_preprocessing():
    for source in registry.SOURCES:
        detector = source.variant.startswith("YOLOS")
        assert source.num_classes in ((91,) if detector else (1000, 21843))
        if detector:  # the size of its measured AP
            assert source.image_size in (512, 800)
        elif "EfficientNet" not in source.variant:  # each of which has its own size
            assert source.image_size in (224, 384, 448)
        assert source.licence in ("Apache-2.0", "MIT", "BSD-3-Clause")
        assert source.preprocessing
        assert source.accuracy is None or 65 < source.accuracy < 90


@pytest.mark.parametrize(
    "name, variant, size, file",
    [
        ("imagenet", "ViT_B16", 224, "/B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1"),
        ("imagenet", "ViT_B16", (384, 300), "do_0.0-sd_0.0--imagenet2012-steps_20k-"),
        ("imagenet", "ViT_L32", None, "imagenet21k+imagenet2012/ViT-L_32.npz"),
        ("imagenet", "BiT_R152x4", None, "BiT-M-R152x4-ILSVRC2012.npz"),
        ("sam", "ViT_B16", None, "vit_models/sam/ViT-B_16.npz"),
        ("imagenet", "ResNet18", None, "hf://timm/resnet18.tv_in1k"),
        ("torchvision-v2", "ResNet50", None, "hf://timm/resnet50.tv2_in1k"),
        (
            *("keras-applications", "ResNet50", None),
            "/resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
        ),
        ("imagenet", "EfficientNetB0", None, "keras-applications/efficientnetb0.h5"),
        ("imagenet", "EfficientNetL2", 800, "hf://timm/tf_efficientnet_l2.ns_jft_in1k"),
        ("imagenet", "EfficientNetL2", 500, "tf_efficientnet_l2.ns_jft_in1k_475"),
        ("imagenet", "EfficientNetB8", None, "timm/tf_efficientnet_b8.ap_in1k"),
        ("coco", "YOLOS_Ti", (512, 672), "hf://hustvl/yolos-tiny"),
        ("coco-300", "YOLOS_S", None, "hf://hustvl/yolos-small-300"),
        ("noisy-student", "EfficientNetB7", None, "tf_efficientnet_b7.ns_jft_in1k"),
    ],
)
def test_a_name_means_the_file_of_the_variant(name, variant, size, file):
    source = registry.find_row(name, variant, size)
    assert file in source.file
    if name == "imagenet" and size == (384, 300):
        assert source.image_size == 384


def test_a_name_that_does_not_exist_for_a_model_lists_what_does():
    with pytest.raises(ValueError, match="There are: imagenet21k"):
        registry.find_row("imagenet", "ViT_H14")
    with pytest.raises(ValueError, match="'ViT_B16/augreg'"):
        registry.find_row("augreg", None)


def test_the_table_says_what_was_never_released():
    table = str(keras_vit.list_weights("ViT_S16"))
    assert "plain-300ep" in table and "JFT-300M" in table and "BiT-L" in table
    assert "could be opened" in table
    assert len(keras_vit.list_weights(num_classes=21843)) == 25


def test_addresses_are_escaped():
    source = registry.find_row("imagenet21k", "R50_ViT_B16")
    assert registry.source_url(source).endswith("/imagenet21k/R50%2BViT-B_16.npz")


def test_noisy_students_are_for_the_images_of_their_model_and_as_good_as_measured():
    files = keras_vit.list_weights(name="noisy-student")
    models = {row.name: row for row in keras_vit.list_models("efficientnet")}
    for file in files:
        assert file.image_size == models[file.variant].image_size
    accuracies = [file.accuracy for file in files]
    assert len(files) == 9 and accuracies == sorted(accuracies)
    assert accuracies[-1] == 88.36  # of L2, in /timm/.../results-imagenet.csv
    page = registry.source_url(files[-1])
    assert page == "https://huggingface.co/timm/tf_efficientnet_l2.ns_jft_in1k"


def test_a_repository_of_the_hub_is_fetched_whole(monkeypatch):
    asked = []
    monkeypatch.setattr(registry, "_from_hub", lambda *given: asked.append(given))
    registry.find_source("noisy-student", "EfficientNetB0", offline=True)
    registry.find_source("EfficientNetL2/noisy-student-475")
    repositories = ["b0.ns_jft_in1k", "l2.ns_jft_in1k_475"]
    names = [f"hf://timm/tf_efficientnet_{end}" for end in repositories]
    assert asked == list(zip(names, (True, None)))


def test_the_class_goes_by_its_old_name_too():
    assert registry.Source is keras_vit.checkpoints.PublishedFile
    assert isinstance(keras_vit.list_weights()[0], keras_vit.checkpoints.Source)


def test_a_row_says_how_its_images_are_evaluated():
    plain = registry.published_preparation("ViT_S16/plain-90ep")
    written = keras_vit.checkpoints.preparation.evaluation_json(plain)
    found = keras_vit.data.Preprocessing.from_json(written)
    expected = keras_vit.data.preprocessing(224, resize="central_crop")
    assert found.image_steps == expected.image_steps
    assert registry.published_preparation("augreg", "ViT_B16") is None
    assert registry.published_preparation("augreg:any", "ViT_B16") is None
