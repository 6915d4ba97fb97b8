"""Tables of facts about data sets that TFDS's own code does not state.

Numbers of examples and bytes on the disk are those of TFDS's metadata, which are not
part of its package, for the version and configuration that TFDS 4.9.10 prepares.
Licences are what the authors' pages say, as far as known: read them before you use the
images.
"""

import dataclasses

DEFAULT_DATA_DIR = "~/tensorflow_datasets"  # TFDS's own default


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """What is known of a data set.

    `splits` maps a split to its number of labelled examples. `image_size` is None where
    sizes vary. `disk` is bytes, of the default configuration, `config`; so is
    `download`, where it is not the sum of all files that TFDS knows, and 0 where TFDS
    doesn't say. `manual` lists the files, or the folders, that must be put into TFDS's
    manual folder, as `how` says. `version` is that of an embedded set.
    """

    splits: dict[str, int]
    licence: str
    download: int | None = None
    disk: int | None = None
    image_size: tuple[int, int] | None = None
    num_channels: int = 3
    config: str | None = None
    manual: tuple[str, ...] = ()
    how: str = ""
    notes: str = ""
    version: str | None = None


EMBEDDED = {  # see embedded/
    "fashion_mnist_mini": DatasetFacts(
        splits={"train": 6_000, "test": 1_000},
        licence="MIT",
        image_size=(28, 28),
        num_channels=1,
        version="1.0.0",
    )
}

IMAGENET_TERMS = "ImageNet's terms: non-commercial research and education"
IMAGENET_HOW = (
    "Register at https://image-net.org/download-images and download the archives."
)

DATASETS = {
    "imagenet2012": DatasetFacts(
        splits={"train": 1_281_167, "validation": 50_000},
        licence=IMAGENET_TERMS,
        disk=153_700_000_000,
        manual=("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
        how=IMAGENET_HOW,
        notes="The validation archive alone gives the split validation. ReaL labels of "
        "its images: keras_vit.data.real_labels().",
    ),
    "imagenet2012_real": DatasetFacts(
        splits={"validation": 50_000},
        licence=f"{IMAGENET_TERMS}; the labels: Apache-2.0",
        disk=6_712_651_903,
        manual=("ILSVRC2012_img_val.tar",),
        how=IMAGENET_HOW,
        notes="Sources read the original labels, one per image; the ReaL labels come "
        "from keras_vit.data.real_labels(source).",
    ),
    "imagenet_v2": DatasetFacts(
        splits={"test": 10_000},
        licence="MIT (the collection; the photos belong to their authors)",
        download=1_264_079_360,
        disk=1_245_747_363,
        config="matched-frequency",
    ),
    "cifar10": DatasetFacts(
        splits={"train": 50_000, "test": 10_000},
        licence="none stated; cite the technical report",
        disk=138_833_245,
        image_size=(32, 32),
    ),
    "cifar100": DatasetFacts(
        splits={"train": 50_000, "test": 10_000},
        licence="none stated; cite the technical report",
        disk=138_445_280,
        image_size=(32, 32),
    ),
    "oxford_iiit_pet": DatasetFacts(
        splits={"train": 3_680, "test": 3_669}, licence="CC BY-SA 4.0", disk=811_262_658
    ),
    "oxford_flowers102": DatasetFacts(
        splits={"train": 1_020, "validation": 1_020, "test": 6_149},
        licence="none stated",
        disk=347_439_739,
    ),
    "caltech101": DatasetFacts(
        splits={"train": 3_060, "test": 6_084},
        licence="CC BY 4.0",
        download=137_414_764,
        disk=139_318_817,
    ),
    "dtd": DatasetFacts(
        splits={"train": 1_880, "validation": 1_880, "test": 1_880},
        licence="for research purposes",
    ),
    "sun397": DatasetFacts(
        splits={"train": 76_128, "validation": 10_875, "test": 21_750},
        licence="none stated",
        config="tfds",
    ),
    "svhn_cropped": DatasetFacts(
        splits={"train": 73_257, "test": 26_032, "extra": 531_131},
        licence="for non-commercial use only",
        disk=1_169_218_060,
        image_size=(32, 32),
    ),
    "patch_camelyon": DatasetFacts(
        splits={"train": 262_144, "validation": 32_768, "test": 32_768},
        licence="CC0",
        image_size=(96, 96),
    ),
    "eurosat": DatasetFacts(
        splits={"train": 27_000},
        licence="MIT",
        download=94_280_567,
        disk=93_851_790,
        image_size=(64, 64),
        config="rgb",
    ),
    "resisc45": DatasetFacts(
        splits={"train": 31_500},
        licence="none stated",
        image_size=(256, 256),
        manual=("NWPU-RESISC45",),
        how="Download NWPU-RESISC45.rar from https://1drv.ms/u/s!AmgKYzARBl5ca3HNaHIlzp"
        "_IXjs and unpack it.",
    ),
    "diabetic_retinopathy_detection": DatasetFacts(
        splits={"train": 35_126, "validation": 10_906, "test": 42_670},
        licence="the rules of the Kaggle competition",
        download=0,
        manual=("train", "test", "sample", "trainLabels.csv"),
        how="Accept the competition's rules at its homepage, download its archives "
        "(some 80 GB) and unpack each into the folder of its name.",
        notes="VTAB's configuration, btgraham-300, takes 3.9 GB when it is prepared.",
    ),
    "clevr": DatasetFacts(
        splits={"train": 70_000, "validation": 15_000, "test": 15_000},
        licence="CC BY 4.0",
        disk=19_060_146_956,
    ),
    "dmlab": DatasetFacts(
        splits={"train": 65_550, "validation": 22_628, "test": 22_735},
        licence="none stated for the images (their code: Apache-2.0)",
        disk=3_357_760_078,
        image_size=(360, 480),
    ),
    "kitti": DatasetFacts(
        splits={"train": 6_347, "validation": 423, "test": 711},
        licence="CC BY-NC-SA 3.0",
        disk=5_656_073_188,
    ),
    "dsprites": DatasetFacts(
        splits={"train": 737_280},
        licence="Apache-2.0",
        image_size=(64, 64),
        num_channels=1,
        notes="Its pixels are stored as 0 and 1; VTAB tasks read them as 0 and 255.",
    ),
    "smallnorb": DatasetFacts(
        splits={"train": 24_300, "test": 24_300},
        licence="for research purposes only",
        image_size=(96, 96),
        num_channels=1,
    ),
}

# What TFDS has no code for, and how to use it all the same. Sizes as in the papers.
NOT_IN_TFDS = {
    "imagenet21k": DatasetFacts(
        splits={"train": 14_000_000},
        licence=IMAGENET_TERMS,
        how="ImageNet-21k is not in TFDS. Request it at https://image-net.org/ (what "
        "is offered is winter21_whole.tar.gz; the release of 2011, which the ViT paper "
        "used, had 14 million images in some 21,800 classes), unpack it into one "
        "folder per synset, and name that folder.",
    ),
    "jft_300m": DatasetFacts(
        splits={"train": 303_000_000},
        licence="not public",
        how="JFT-300M is a data set of Google's own, which is not public.",
    ),
}
