"""Table of the 19 tasks of VTAB-1k: their splits, and labels that aren't stored.

Each task has 1,000 images to train on, the first 800 of VTAB's training part and the
first 200 of its validation part, and the whole test part. Where a TFDS set has no
validation or test part, VTAB cuts one off by percentages, written out here as numbers.

VTAB's own results were made with the TFDS versions of 2019; a set that has changed its
major version since (Oxford-IIIT Pet: 3 then, 4 now) has its images in another order.

Reference: [Zhai et al., 2019](https://arxiv.org/abs/1910.04867), section 2 and
appendix A; https://github.com/google-research/task_adaptation, `data/`.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ClassFeature:
    """A class label by its name."""

    feature: str


@dataclasses.dataclass(frozen=True)
class GroupedClasses:
    """A class label whose neighbours are put together: `label * num_classes // all`."""

    feature: str
    num_classes: int


@dataclasses.dataclass(frozen=True)
class ObjectCount:
    """The number of objects, from `smallest` to `largest`."""

    feature: str
    smallest: int
    largest: int


@dataclasses.dataclass(frozen=True)
class NearestObject:
    """In which interval the distance of the nearest object lies.

    The label is the number of `edges` below the distance, which is coordinate `axis` of
    `position`. With `kind_feature`, only objects with one of `kinds` count, and an
    image without any has the last class.
    """

    objects: str
    position: str
    axis: int
    edges: tuple[float, ...]
    class_names: tuple[str, ...]
    kind_feature: str | None = None
    kinds: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class VtabTask:
    """One task: its TFDS set, its splits there, and the rule of its label.

    `label` is None where the set has one class label. Pixels are multiplied by `scale`.
    """

    dataset: str
    num_classes: int
    num_test: int
    val200: str = "validation[:200]"
    test: str = "test"
    train800: str = "train[:800]"
    label: ClassFeature | GroupedClasses | ObjectCount | NearestObject | None = None
    scale: int = 1


CLEVR_COUNT = ObjectCount("objects/size", smallest=3, largest=10)
CLEVR_DISTANCE = NearestObject(
    objects="objects",
    position="pixel_coords",
    axis=2,
    edges=(8.0, 8.5, 9.0, 9.5, 10.0),
    class_names=("to 8", "to 8.5", "to 9", "to 9.5", "to 10", "over 10"),
)
KITTI_DISTANCE = NearestObject(
    objects="objects",
    position="location",
    axis=2,  # forward, metres
    edges=(8.0, 20.0, 999.0),
    class_names=("up to 8 m", "8 to 20 m", "over 20 m", "no vehicle"),
    kind_feature="type",
    kinds=(0, 1, 2),  # car, van, truck
)

CLEVR = {"val200": "train[63000:63200]", "test": "validation"}
DSPRITES = {"val200": "train[589824:590024]", "test": "train[663552:]", "scale": 255}
SMALLNORB = {"val200": "test[:200]", "test": "test[12150:]"}
RETINOPATHY = "diabetic_retinopathy_detection/btgraham-300"
X = GroupedClasses("label_x_position", 16)
ANGLE = GroupedClasses("label_orientation", 16)
AZIMUTH = ClassFeature("label_azimuth")
ELEVATION = ClassFeature("label_elevation")

NATURAL = {
    "caltech101": VtabTask("caltech101", 102, 6_084, "train[2754:2954]"),
    "cifar100": VtabTask("cifar100", 100, 10_000, "train[45000:45200]"),
    "dtd": VtabTask("dtd", 47, 1_880),
    "oxford_flowers102": VtabTask("oxford_flowers102", 102, 6_149),
    "oxford_iiit_pet": VtabTask("oxford_iiit_pet", 37, 3_669, "train[2944:3144]"),
    "sun397": VtabTask("sun397/tfds", 397, 21_750),
    "svhn": VtabTask("svhn_cropped", 10, 26_032, "train[65931:66131]"),
}
SPECIALIZED = {
    "patch_camelyon": VtabTask("patch_camelyon", 2, 32_768),
    "eurosat": VtabTask(
        "eurosat/rgb", 10, 5_400, "train[16200:16400]", "train[21600:]"
    ),
    "resisc45": VtabTask("resisc45", 45, 6_300, "train[18900:19100]", "train[25200:]"),
    "diabetic_retinopathy": VtabTask(RETINOPATHY, 5, 42_670),
}
STRUCTURED = {
    "clevr_count": VtabTask("clevr", 8, 15_000, label=CLEVR_COUNT, **CLEVR),
    "clevr_distance": VtabTask("clevr", 6, 15_000, label=CLEVR_DISTANCE, **CLEVR),
    "dmlab": VtabTask("dmlab", 6, 22_735),
    "kitti_distance": VtabTask("kitti", 4, 711, label=KITTI_DISTANCE),
    "dsprites_location": VtabTask("dsprites", 16, 73_728, label=X, **DSPRITES),
    "dsprites_orientation": VtabTask("dsprites", 16, 73_728, label=ANGLE, **DSPRITES),
    "smallnorb_azimuth": VtabTask("smallnorb", 18, 12_150, label=AZIMUTH, **SMALLNORB),
    "smallnorb_elevation": VtabTask(
        "smallnorb", 9, 12_150, label=ELEVATION, **SMALLNORB
    ),
}
VTAB_GROUPS = {"natural": NATURAL, "specialized": SPECIALIZED, "structured": STRUCTURED}
VTAB = {**NATURAL, **SPECIALIZED, **STRUCTURED}
VTAB_PREFIX = "vtab/"
# The training parts of every task, the default first.
VTAB_SPLITS = {"train800val200": 1000, "train800": 800, "val200": 200}
