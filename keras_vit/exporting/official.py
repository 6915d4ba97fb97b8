"""Weights as `.npz`, in the layout of the official JAX projects."""

from keras_vit.checkpoints.writing import write_npz
from keras_vit.exporting.weight_files import arrays_of, require

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
    arrays = arrays_of(job, "official", as_published=not big_vision, prefix=prefix)
    write_npz(job.path, arrays)
