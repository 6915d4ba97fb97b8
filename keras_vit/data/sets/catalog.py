"""What is known of data sets before they are there. Tables only.

Numbers of examples and bytes are those of TFDS's own metadata, for the version and
configuration that TFDS 4.9.10 prepares; None where TFDS doesn't say. Licences are what
the authors' pages say, as far as known: read them before you use the images.
"""

import dataclasses

EMBEDDED = {
    "fashion_mnist_mini": "1.0.0",  # name -> version; see embedded/
}
DEFAULT_DATA_DIR = "~/tensorflow_datasets"  # TFDS's own default


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """What is known of a TFDS data set.

    `splits` maps a split to its number of labelled examples. `num_classes` is None
    where the set has no single class label, `image_size` where sizes vary. `download`
    and `disk` are bytes, of the default configuration, `config`. `citation` is the
    BibTeX key in TFDS's `info.citation`. `manual` lists the files, or the folders, that
    must be put into TFDS's manual folder, as `how` says.
    """

    splits: dict[str, int]
    num_classes: int | None
    licence: str
    citation: str
    homepage: str
    download: int | None = None
    disk: int | None = None
    image_size: tuple[int, int] | None = None
    num_channels: int = 3
    config: str | None = None
    manual: tuple[str, ...] = ()
    how: str = ""
    notes: str = ""


IMAGENET_TERMS = "ImageNet's terms: non-commercial research and education"
IMAGENET_HOW = (
    "Register at https://image-net.org/download-images and download the archives."
)

DATASETS = {
    "imagenet2012": DatasetFacts(
        splits={"train": 1_281_167, "validation": 50_000},
        num_classes=1000,
        licence=IMAGENET_TERMS,
        citation="ILSVRC15",
        homepage="https://image-net.org/",
        download=154_642_401_280,
        disk=153_700_000_000,
        manual=("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
        how=IMAGENET_HOW,
        notes="The validation archive alone gives the split validation. ReaL labels of "
        "its images: keras_vit.data.real_labels().",
    ),
    "imagenet2012_real": DatasetFacts(
        splits={"validation": 50_000},
        num_classes=1000,
        licence=f"{IMAGENET_TERMS}; the labels: Apache-2.0",
        citation="beyer2020imagenet",
        homepage="https://github.com/google-research/reassessed-imagenet",
        download=6_745_312_638,
        disk=6_712_651_903,
        manual=("ILSVRC2012_img_val.tar",),
        how=IMAGENET_HOW,
        notes="Sources read the original labels, one per image; the ReaL labels come "
        "from keras_vit.data.real_labels(source).",
    ),
    "imagenet_v2": DatasetFacts(
        splits={"test": 10_000},
        num_classes=1000,
        licence="MIT (the collection; the photos belong to their authors)",
        citation="recht2019imagenet",
        homepage="https://github.com/modestyachts/ImageNetV2",
        download=1_264_079_360,
        disk=1_245_747_363,
        config="matched-frequency",
    ),
    "cifar10": DatasetFacts(
        splits={"train": 50_000, "test": 10_000},
        num_classes=10,
        licence="none stated; cite the technical report",
        citation="Krizhevsky09learningmultiple",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        download=170_052_171,
        disk=138_833_245,
        image_size=(32, 32),
    ),
    "cifar100": DatasetFacts(
        splits={"train": 50_000, "test": 10_000},
        num_classes=100,
        licence="none stated; cite the technical report",
        citation="Krizhevsky09learningmultiple",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        download=168_513_733,
        disk=138_445_280,
        image_size=(32, 32),
    ),
    "oxford_iiit_pet": DatasetFacts(
        splits={"train": 3_680, "test": 3_669},
        num_classes=37,
        licence="CC BY-SA 4.0",
        citation="parkhi12a",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        download=811_092_049,
        disk=811_262_658,
    ),
    "oxford_flowers102": DatasetFacts(
        splits={"train": 1_020, "validation": 1_020, "test": 6_149},
        num_classes=102,
        licence="none stated",
        citation="Nilsback08",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        download=344_878_000,
        disk=347_439_739,
    ),
    "caltech101": DatasetFacts(
        splits={"train": 3_060, "test": 6_084},
        num_classes=102,
        licence="CC BY 4.0",
        citation="FeiFei2004LearningGV",
        homepage="https://doi.org/10.22002/D1.20086",
        download=137_414_764,
        disk=139_318_817,
    ),
    "dtd": DatasetFacts(
        splits={"train": 1_880, "validation": 1_880, "test": 1_880},
        num_classes=47,
        licence="for research purposes",
        citation="cimpoi14describing",
        homepage="https://www.robots.ox.ac.uk/~vgg/data/dtd/",
        download=625_239_812,
    ),
    "sun397": DatasetFacts(
        splits={"train": 76_128, "validation": 10_875, "test": 21_750},
        num_classes=397,
        licence="none stated",
        citation="Xiao:2010",
        homepage="https://vision.princeton.edu/projects/2010/SUN/",
        download=39_095_590_629,
        config="tfds",
    ),
    "svhn_cropped": DatasetFacts(
        splits={"train": 73_257, "test": 26_032, "extra": 531_131},
        num_classes=10,
        licence="for non-commercial use only",
        citation="Netzer2011",
        homepage="http://ufldl.stanford.edu/housenumbers/",
        download=1_575_594_780,
        disk=1_169_218_060,
        image_size=(32, 32),
    ),
    "patch_camelyon": DatasetFacts(
        splits={"train": 262_144, "validation": 32_768, "test": 32_768},
        num_classes=2,
        licence="CC0",
        citation="b_s_veeling_j_linmans_j_winkens_t_cohen_2018_2546921",
        homepage="https://patchcamelyon.grand-challenge.org/",
        download=8_028_222_167,
        image_size=(96, 96),
    ),
    "eurosat": DatasetFacts(
        splits={"train": 27_000},
        num_classes=10,
        licence="MIT",
        citation="helber2017eurosat",
        homepage="https://github.com/phelber/eurosat",
        download=94_280_567,
        disk=93_851_790,
        image_size=(64, 64),
        config="rgb",
    ),
    "resisc45": DatasetFacts(
        splits={"train": 31_500},
        num_classes=45,
        licence="none stated",
        citation="Cheng_2017",
        homepage="http://www.escience.cn/people/JunweiHan/NWPU-RESISC45.html",
        image_size=(256, 256),
        manual=("NWPU-RESISC45",),
        how="Download NWPU-RESISC45.rar from https://1drv.ms/u/s!AmgKYzARBl5ca3HNaHIlzp"
        "_IXjs and unpack it.",
    ),
    "diabetic_retinopathy_detection": DatasetFacts(
        splits={"train": 35_126, "validation": 10_906, "test": 42_670},
        num_classes=5,
        licence="the rules of the Kaggle competition",
        citation="kaggle-diabetic-retinopathy",
        homepage="https://www.kaggle.com/c/diabetic-retinopathy-detection/data",
        manual=("train", "test", "sample", "trainLabels.csv"),
        how="Accept the competition's rules at its homepage, download its archives "
        "(some 80 GB) and unpack each into the folder of its name.",
        notes="VTAB's configuration, btgraham-300, takes 3.9 GB when it is prepared.",
    ),
    "clevr": DatasetFacts(
        splits={"train": 70_000, "validation": 15_000, "test": 15_000},
        num_classes=None,
        licence="CC BY 4.0",
        citation="johnson2017clevr",
        homepage="https://cs.stanford.edu/people/jcjohns/clevr/",
        download=19_021_600_724,
        disk=19_060_146_956,
    ),
    "dmlab": DatasetFacts(
        splits={"train": 65_550, "validation": 22_628, "test": 22_735},
        num_classes=6,
        licence="none stated for the images (the code beside them: Apache-2.0)",
        citation="zhai2019visual",
        homepage="https://github.com/google-research/task_adaptation",
        download=3_017_022_789,
        disk=3_357_760_078,
        image_size=(360, 480),
    ),
    "kitti": DatasetFacts(
        splits={"train": 6_347, "validation": 423, "test": 711},
        num_classes=None,
        licence="CC BY-NC-SA 3.0",
        citation="Geiger2012CVPR",
        homepage="http://www.cvlibs.net/datasets/kitti/",
        download=12_575_610_564,
        disk=5_656_073_188,
    ),
    "dsprites": DatasetFacts(
        splits={"train": 737_280},
        num_classes=None,
        licence="Apache-2.0",
        citation="dsprites17",
        homepage="https://github.com/deepmind/dsprites-dataset",
        download=28_024_106,
        image_size=(64, 64),
        num_channels=1,
        notes="Its pixels are stored as 0 and 1; VTAB tasks read them as 0 and 255.",
    ),
    "smallnorb": DatasetFacts(
        splits={"train": 24_300, "test": 24_300},
        num_classes=5,
        licence="for research purposes only",
        citation="LeCun2004LearningMF",
        homepage="https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/",
        download=262_778_180,
        image_size=(96, 96),
        num_channels=1,
    ),
}

# What TFDS has no code for, and how to use it all the same.
NOT_IN_TFDS = {
    "imagenet21k": (
        "ImageNet-21k is not in TFDS. Request it at https://image-net.org/ (what is "
        "offered is winter21_whole.tar.gz; the release of 2011, which the ViT paper "
        "used, had 14 million images in some 21,800 classes), unpack it into one "
        "folder per synset, and name that folder."
    ),
}
