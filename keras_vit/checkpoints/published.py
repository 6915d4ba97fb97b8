"""Tables of the published weight files, and of what was never published.

File names, sizes and classes are those of the projects' listings; none of the files
could be opened where this package was developed. Accuracies are top-1 on ImageNet-1k
in per cent, as published for that very file, else `None`.
"""

from dataclasses import dataclass

from keras_vit.checkpoints.preparation import Preparation

HOST = "https://storage.googleapis.com/"
HUB = "hf://"  # before the names of repositories of the Hugging Face hub

# How images are prepared for evaluation; all end in the range [-1, 1].
SQUARE = "bilinear resize to a square"
CROP = "resize of the smaller side to 8/7, central crop"
# The scaling of images is the file's.
AS_IN_FILE = (
    "resize of the smaller side and central crop, as the file's config.json says"
)
IN_PROPORTION = "resize in proportion, the longer side to at most 1333 pixels"


@dataclass(frozen=True)
class PublishedFile:
    """One published file: what `weights=name` of a variant loads.

    `file` is its address below `HOST`, or that of a repository that begins with `HUB`.
    `accuracy` is its published top-1 on ImageNet-1k in per cent, or `None`.
    """

    name: str
    variant: str
    file: str
    image_size: int
    num_classes: int
    accuracy: float | None = None
    note: str = ""
    preprocessing: str = ""
    licence: str = ""

    @property
    def preparation(self):
        """A `Preparation` where images are not merely resized to a square, or `None`.

        big_vision's `resize_small(256)|central_crop(224)`.
        """
        if self.preprocessing != CROP:
            return None
        size = (self.image_size, self.image_size)
        side = self.image_size * 8 // 7
        return Preparation((0.5,), (0.5,), size, "crop", side, "area")


def _files(name, pattern, image_size, num_classes, rows, **facts):
    """The files of one name; a row is `(variant, accuracy, *gaps of the pattern)`."""
    facts = {"preprocessing": SQUARE, "licence": "Apache-2.0", **facts}
    sizes = (image_size, num_classes)
    return [
        PublishedFile(name, variant, pattern.format(*gaps), *sizes, accuracy, **facts)
        for variant, accuracy, *gaps in rows
    ]


def _plain(epochs, accuracy):
    """A file of Beyer et al. (2022), "Better plain ViT baselines for ImageNet-1k"."""
    return _files(
        f"plain-{epochs}ep",
        f"big_vision/vit_s16_i1k_{epochs}ep.npz",
        224,
        1000,
        (("ViT_S16", accuracy),),
        note="gap, sincos2d, representation_size=384",
        preprocessing=CROP,
    )


def _efficientnets(name, file, rows, **facts):
    """EfficientNets, each for images of its own size: `(scale, pixels, accuracy)`."""
    return [
        row
        for scale, size, accuracy in rows
        for row in _files(
            name,
            file,
            size,
            1000,
            ((f"EfficientNet{scale.upper()}", accuracy, scale),),
            **facts,
        )
    ]


_NOISY = {
    "note": "Noisy Student (JFT-300M without labels), from TensorFlow by timm, which "
    "measured the accuracy",
    "preprocessing": AS_IN_FILE,
}
_BIT = [
    (f"BiT_{name}", None, name)
    for name in ("R50x1", "R101x1", "R50x3", "R101x3", "R152x2", "R152x4")
]

SOURCES = (
    *_files(
        "imagenet21k",
        "vit_models/imagenet21k/{}.npz",
        224,
        21843,
        (
            ("ViT_B8", None, "ViT-B_8"),
            ("ViT_B16", None, "ViT-B_16"),
            ("ViT_B32", None, "ViT-B_32"),
            ("ViT_L16", None, "ViT-L_16"),
            ("ViT_L32", None, "ViT-L_32"),
            ("ViT_H14", None, "ViT-H_14"),
            ("R26_ViT_B32", None, "R26+ViT-B_32"),
            ("R50_ViT_B16", None, "R50+ViT-B_16"),
            ("R50_ViT_L32", None, "R50+ViT-L_32"),
        ),
        note="head withheld (zeros): for fine-tuning; has pre_logits",
    ),
    *_files(
        "imagenet21k+imagenet2012",
        "vit_models/imagenet21k+imagenet2012/{}.npz",
        384,
        1000,
        (
            ("ViT_B8", None, "ViT-B_8"),
            ("ViT_B16", None, "ViT-B_16"),
            ("ViT_B32", None, "ViT-B_32"),
            ("ViT_L16", None, "ViT-L_16"),
            ("ViT_L32", None, "ViT-L_32"),
            ("R50_ViT_B16", None, "R50+ViT-B_16"),
        ),
    ),
    *_files(
        "imagenet21k+imagenet2012-224",
        "vit_models/imagenet21k+imagenet2012/{}-224.npz",
        224,
        1000,
        (("ViT_B16", 81.2, "ViT-B_16"), ("ViT_L16", 82.7, "ViT-L_16")),
    ),
    # Steiner et al. (2022); README of google-research/vision_transformer.
    *_files(
        "augreg",
        "vit_models/augreg/{}-i21k-300ep-lr_0.001-aug_{}-sd_{}.npz",
        224,
        21843,
        (
            ("ViT_Ti16", None, "Ti_16", "none-wd_0.03-do_0.0", "0.0"),
            ("ViT_S32", None, "S_32", "none-wd_0.1-do_0.0", "0.0"),
            ("ViT_S16", None, "S_16", "light1-wd_0.03-do_0.0", "0.0"),
            ("ViT_B32", None, "B_32", "light1-wd_0.1-do_0.0", "0.0"),
            ("ViT_B16", None, "B_16", "medium1-wd_0.1-do_0.0", "0.0"),
            ("ViT_B8", None, "B_8", "medium2-wd_0.1-do_0.0", "0.0"),
            ("ViT_L16", None, "L_16", "strong1-wd_0.1-do_0.0", "0.0"),
            ("R_ViT_Ti16", None, "R_Ti_16", "none-wd_0.03-do_0.0", "0.0"),
            ("R26_ViT_S32", None, "R26_S_32", "light1-wd_0.1-do_0.0", "0.0"),
            ("R50_ViT_L32", None, "R50_L_32", "medium1-wd_0.1-do_0.1", "0.1"),
        ),
        note="recommended by the project",
    ),
    *_files(
        "augreg+imagenet2012",
        "vit_models/augreg/{}-i21k-300ep-lr_0.001-aug_{}-sd_{}"
        "--imagenet2012-steps_20k-lr_{}-res_384.npz",
        384,
        1000,
        (
            ("ViT_Ti16", 78.22, "Ti_16", "none-wd_0.03-do_0.0", "0.0", "0.03"),
            ("ViT_S32", 79.58, "S_32", "none-wd_0.1-do_0.0", "0.0", "0.01"),
            ("ViT_S16", 83.73, "S_16", "light1-wd_0.03-do_0.0", "0.0", "0.03"),
            ("ViT_B32", 83.59, "B_32", "light1-wd_0.1-do_0.0", "0.0", "0.01"),
            ("ViT_B16", 85.49, "B_16", "medium1-wd_0.1-do_0.0", "0.0", "0.03"),
            ("ViT_L16", 85.59, "L_16", "strong1-wd_0.1-do_0.0", "0.0", "0.01"),
            ("R_ViT_Ti16", 75.40, "R_Ti_16", "none-wd_0.03-do_0.0", "0.0", "0.03"),
            ("R26_ViT_S32", 83.85, "R26_S_32", "light1-wd_0.1-do_0.0", "0.0", "0.01"),
            ("R50_ViT_L32", 85.99, "R50_L_32", "medium1-wd_0.1-do_0.1", "0.1", "0.01"),
        ),
        note="recommended by the project",
    ),
    # Chosen on ImageNet-V2 and measured by timm (vision_transformer.py).
    *_files(
        "augreg+imagenet2012-224",
        "vit_models/augreg/{}-i21k-300ep-lr_0.001-aug_{}-sd_{}"
        "--imagenet2012-steps_20k-lr_{}-res_224.npz",
        224,
        1000,
        (
            ("ViT_Ti16", 75.45, "Ti_16", "none-wd_0.03-do_0.0", "0.0", "0.03"),
            ("ViT_S32", 76.01, "S_32", "light1-wd_0.03-do_0.0", "0.0", "0.03"),
            ("ViT_S16", 81.40, "S_16", "light1-wd_0.03-do_0.0", "0.0", "0.03"),
            ("ViT_B32", 80.73, "B_32", "medium1-wd_0.03-do_0.0", "0.0", "0.03"),
            ("ViT_B16", 84.53, "B_16", "medium1-wd_0.1-do_0.0", "0.0", "0.01"),
            ("ViT_B8", 85.84, "B_8", "medium1-wd_0.1-do_0.0", "0.0", "0.01"),
            ("ViT_L16", 85.86, "L_16", "medium1-wd_0.1-do_0.1", "0.1", "0.01"),
            ("R_ViT_Ti16", 71.80, "R_Ti_16", "none-wd_0.03-do_0.0", "0.0", "0.03"),
            ("R26_ViT_S32", None, "R26_S_32", "light0-wd_0.03-do_0.1", "0.1", "0.03"),
            ("R50_ViT_L32", None, "R50_L_32", "medium1-wd_0.1-do_0.1", "0.1", "0.01"),
        ),
        note="chosen on ImageNet-V2 and measured by timm, with erf GELU",
    ),
    *_files(
        "sam",
        "vit_models/sam/{}.npz",
        224,
        1000,
        (
            ("ViT_S16", None, "ViT-S_16"),
            ("ViT_B32", None, "ViT-B_32"),
            ("ViT_B16", None, "ViT-B_16"),
            ("ViT_L32", None, "ViT-L_32"),
            ("ViT_L16", None, "ViT-L_16"),
        ),
        note="ImageNet-1k only, sharpness-aware minimisation",
    ),
    *_plain(90, 76.5),
    *_plain(150, 78.5),
    *_plain(300, 80.0),
    *_files("bit-s", "bit_models/BiT-S-{}.npz", 224, 1000, _BIT),
    *_files("bit-m", "bit_models/BiT-M-{}.npz", 224, 21843, _BIT),
    *_files(
        "bit-m-imagenet2012",
        "bit_models/BiT-M-{}-ILSVRC2012.npz",
        448,
        1000,
        (
            ("BiT_R50x1", 80.39, "R50x1"),
            ("BiT_R101x1", 82.33, "R101x1"),
            ("BiT_R50x3", 83.98, "R50x3"),
            ("BiT_R101x3", 84.43, "R101x3"),
            ("BiT_R152x2", 84.47, "R152x2"),
            ("BiT_R152x4", 84.94, "R152x4"),
        ),
        note="resolution (R152x4: 480) and accuracy by timm; the project names neither",
    ),
    # Beyer et al. (2022), "Knowledge distillation: a good teacher is patient".
    *_files(
        "bit-distilled",
        "bit_models/distill/{}_224.npz",
        224,
        1000,
        (("BiT_R50x1", 82.8, "R50x1"), ("BiT_R152x2", 83.0, "R152x2_T")),
    ),
    # The README of hustvl/YOLOS; 91 classes are COCO's numbers, with holes.
    *[
        row
        for name, variant, file, size, note in (
            ("coco", "YOLOS_Ti", "tiny", 512, "COCO AP 28.7 at 512 pixels"),
            ("coco", "YOLOS_S", "small", 800, "COCO AP 36.1 at 800 pixels"),
            ("coco", "YOLOS_B", "base", 800, "COCO AP 42.0 at 800 pixels"),
            ("coco-300", "YOLOS_S", "small-300", 800, "encoder of 300 epochs"),
        )
        for row in _files(
            name,
            HUB + "hustvl/yolos-{}",
            size,
            91,
            ((variant, None, file),),
            note=f"detector; {note}",
            preprocessing=IN_PROPORTION,
            licence="MIT",
        )
    ],
    # The tables of keras.io/api/applications.
    *_efficientnets(
        "keras-applications",
        "keras-applications/efficientnet{}.h5",
        (
            ("b0", 224, 77.1),
            ("b1", 240, 79.1),
            ("b2", 260, 80.1),
            ("b3", 300, 81.6),
            ("b4", 380, 82.9),
            ("b5", 456, 83.6),
            ("b6", 528, 84.0),
            ("b7", 600, 84.3),
        ),
        note="AutoAugment; converted from TensorFlow by Keras",
    ),
    # As in Caffe: the stride is in the first convolution (v1).
    *_files(
        "keras-applications",
        "tensorflow/keras-applications/resnet/{}_weights_tf_dim_ordering_tf_kernels.h5",
        224,
        1000,
        (
            ("ResNet50", 74.9, "resnet50"),
            ("ResNet101", 76.4, "resnet101"),
            ("ResNet152", 76.6, "resnet152"),
        ),
        note="v1, of He et al. (2016); converted from Caffe by Keras",
        licence="MIT",
    ),
    # Accuracies as torchvision's documentation has them.
    *_files(
        "torchvision",
        HUB + "timm/{}.tv_in1k",
        224,
        1000,
        (
            ("ResNet18", 69.758, "resnet18"),
            ("ResNet34", 73.314, "resnet34"),
            ("ResNet50", 76.13, "resnet50"),
            ("ResNet101", 77.374, "resnet101"),
            ("ResNet152", 78.312, "resnet152"),
        ),
        note="v1.5, IMAGENET1K_V1 of torchvision, kept by timm",
        preprocessing=AS_IN_FILE,
        licence="BSD-3-Clause",
    ),
    *_files(
        "torchvision-v2",
        HUB + "timm/{}.tv2_in1k",
        224,
        1000,
        (("ResNet50", 80.858, "resnet50"),),
        note="v1.5, IMAGENET1K_V2 of torchvision, kept by timm",
        preprocessing=AS_IN_FILE,
        licence="BSD-3-Clause",
    ),
    # Wightman et al. (2021), "ResNet strikes back".
    *_files(
        "timm-a1",
        HUB + "timm/{}.a1_in1k",
        224,
        1000,
        (("ResNet50", 80.382, "resnet50"),),
        note="v1.5, recipe A1; 81.24 at 288 pixels",
        preprocessing=AS_IN_FILE,
    ),
    # Xie et al. (2020), whose table 2 has 88.4 for L2; figures of timm's results.
    *_efficientnets(
        "noisy-student",
        HUB + "timm/tf_efficientnet_{}.ns_jft_in1k",
        (
            ("b0", 224, 78.68),
            ("b1", 240, 81.39),
            ("b2", 260, 82.41),
            ("b3", 300, 84.05),
            ("b4", 380, 85.16),
            ("b5", 456, 86.10),
            ("b6", 528, 86.48),
            ("b7", 600, 86.85),
            ("l2", 800, 88.36),
        ),
        **_NOISY,
    ),
    *_efficientnets(
        "noisy-student-475",
        HUB + "timm/tf_efficientnet_{}.ns_jft_in1k_475",
        (("l2", 475, 88.25),),
        **_NOISY,
    ),
    # Xie et al. (2020), "Adversarial examples improve image recognition".
    *_efficientnets(
        "advprop",
        HUB + "timm/tf_efficientnet_{}.ap_in1k",
        (("b8", 672, 85.36),),
        note="AdvProp, from TensorFlow by timm, which measured the accuracy",
        preprocessing=AS_IN_FILE,
    ),
)

# What `weights="imagenet"` takes: the nearest image size, the first of equals.
IMAGENET = (
    "augreg+imagenet2012-224",
    "augreg+imagenet2012",
    "imagenet21k+imagenet2012-224",
    "imagenet21k+imagenet2012",
    "bit-m-imagenet2012",
    "torchvision",
    "keras-applications",
    "noisy-student",
    "noisy-student-475",
    "advprop",
)

NEVER_RELEASED = (
    "weights trained on JFT-300M (BiT-L, ViT-L/16 and H/14 of the paper's headline)",
    "ViT-H/14 fine-tuned on ImageNet-1k",
    "the heads of the original ImageNet-21k files",
    "weights of masked patch prediction",
)

NOT_OPENED = (
    "No official file could be opened where this package was developed: names and "
    "sizes are the projects' own, layouts are tested on arrays of their code. "
    "`keras-vit verify --download NAME` checks a real file."
)
