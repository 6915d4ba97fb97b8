"""Weights as `.npz`, in the layout of the official JAX projects."""

from keras_vit.checkpoints.names.vit import PATCH_BIAS, PATCH_KERNEL
from keras_vit.checkpoints.writing import write_npz
from keras_vit.exporting.preparation import folded, is_plain, statistics_of
from keras_vit.exporting.weight_files import arrays_of, require, values_in

_FACTS = {
    "vit": {
        "gelu": "tanh",
        "swiglu": False,
        "epsilon": 1e-6,
        "qkv_bias": True,
        "patch_bias": True,
        "pre_norm": False,
    },
    "bit": {"group_norm_epsilon": 1e-5, "stage_widths": (None,)},
}
_FACTS["hybrid"] = {
    **_FACTS["vit"],
    "group_norm_epsilon": 1e-6,
    "stage_widths": (None,),
}


def write(job):
    """Writes the file of `job.path`.

    big_vision's spelling where only its models are like this one (attention pooling,
    computed positions), else that of the published files.
    """
    family, a = job.family, job.arguments
    require(job, **_FACTS[family])
    if family != "bit":
        require(
            job,
            stride=None if family == "hybrid" else list(a["patch_size"]),
            pooling=("token", "gap", "map"),
            class_token=a["pooling"] == "token",
            position_embedding=("learned", "sincos2d"),
        )
    big_vision = a["pooling"] == "map" or a.get("position_embedding") == "sincos2d"
    prefix = {"bit": "resnet/"}.get(family, "params/" if big_vision else "")
    spelling = {"as_published": not big_vision, "prefix": prefix}
    arrays = arrays_of(job, "official", _values(job), **spelling)
    write_npz(job.path, arrays)


def _values(job):
    """The variables as the file has them, which is for images in [-1, 1]."""
    values = values_in(job)
    if is_plain(job):
        return values
    if job.family != "vit":
        mean, deviation = statistics_of(job)
        raise ValueError(
            "A file of the format 'npz' is for images in [-1, 1], and only the patch "
            "projection of a ViT can scale them itself. Received: a model of the "
            f"family {job.family!r} with input_scaling={mean}, {deviation}. Save it "
            "with `model.save('model.keras')`, or choose another format."
        )
    job.notes.append(
        "What the model scales its images by is part of the patch projection: the "
        "file is for images in [-1, 1], as all of this format."
    )
    return folded(job, values, PATCH_KERNEL, PATCH_BIAS)
