"""The 19 tasks of VTAB-1k in their three groups. A table only."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class VtabTask:
    """One task; data sets as `keras_vit.data.load` names them, or sources."""

    # "natural", "specialized" or "structured".
    group: str
    # 800 training images, 200 to choose settings by, and the test images.
    train: object
    val: object
    test: object


GROUPS = {
    "natural": (
        "caltech101",
        "cifar100",
        "dtd",
        "oxford_flowers102",
        "oxford_iiit_pet",
        "sun397",
        "svhn",
    ),
    "specialized": (
        "patch_camelyon",
        "eurosat",
        "resisc45",
        "diabetic_retinopathy",
    ),
    "structured": (
        "clevr_count",
        "clevr_distance",
        "dmlab",
        "kitti_distance",
        "dsprites_location",
        "dsprites_orientation",
        "smallnorb_azimuth",
        "smallnorb_elevation",
    ),
}

# Zhai et al. (2019), https://arxiv.org/abs/1910.04867, table 2 and section 3.
VTAB_TASKS = {
    name: VtabTask(
        group, f"vtab/{name}:train800", f"vtab/{name}:val200", f"vtab/{name}:test"
    )
    for group, names in GROUPS.items()
    for name in names
}
