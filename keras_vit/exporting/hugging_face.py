"""A folder that `transformers` loads: weights, config, image processor."""

from keras_vit.exporting import weight_files as weights
from keras_vit.exporting.preparation import note, preparation_of
from keras_vit.layers.convolution.stages import stage_widths
from keras_vit.models.vision_model import metadata_of

_GELUS = {"erf": "gelu", "tanh": "gelu_pytorch_tanh", "quick": "quick_gelu"}

# Pillow's numbers.
_RESAMPLES = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
# By whether it cuts the middle out.
_KINDS = {False: "ViTImageProcessor", True: "BitImageProcessor"}


def write(job):
    """Writes the folder of `job.path`."""
    a = job.arguments
    if job.family == "hybrid":
        raise ValueError(
            "Hugging Face transformers no longer has a hybrid ViT. Received: "
            f"{job.model.name!r}. Choose format='timm' or format='npz'."
        )
    config = _bit_config(job, a) if job.family == "bit" else _vit_config(job, a)
    # A model without a head is not inside another.
    prefix = config["model_type"] + "." if a["num_classes"] else ""
    arrays = weights.arrays_of(job, "Hugging Face", prefix=prefix)
    processor = _processor(job)
    weights.write_folder(job.path, arrays, config=config, preprocessor_config=processor)


def _vit_config(job, a):
    weights.require(
        job,
        stride=list(a["patch_size"]),
        pooling="token",
        class_token=True,
        register_tokens=0,
        position_embedding="learned",
        embed_prefix=True,
        pooled_norm=False,
        swiglu=False,
        patch_bias=True,
        pre_norm=False,
    )
    weights.require_size(job)
    if a["num_classes"]:
        # Its classifier reads the class token itself.
        weights.require(job, representation_size=(None,))
    pooler = {}
    if a["representation_size"]:
        pooler = {"pooler_output_size": a["representation_size"], "pooler_act": "tanh"}
    return {
        "architectures": _architectures("ViT", a),
        "model_type": "vit",
        "hidden_size": a["hidden_dim"],
        "num_hidden_layers": a["num_layers"],
        "num_attention_heads": a["num_heads"],
        "intermediate_size": a["mlp_dim"],
        "hidden_act": _GELUS[a["gelu"]],
        "layer_norm_eps": a["epsilon"],
        "image_size": weights.one_or_pair(a["image_size"]),
        "patch_size": weights.one_or_pair(a["patch_size"]),
        "num_channels": a["num_channels"],
        "qkv_bias": a["qkv_bias"],
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        **pooler,
        **_labels(job, a),
    }


def _bit_config(job, a):
    weights.require(
        job, pooling="gap", group_norm_epsilon=1e-5, standardization="variance"
    )
    width = int(64 * a["width_factor"])
    return {
        "architectures": _architectures("Bit", a),
        "model_type": "bit",
        "num_channels": a["num_channels"],
        "embedding_size": width,
        "hidden_sizes": stage_widths(
            a["num_blocks"], a["width_factor"], a["stage_widths"]
        ),
        "depths": list(a["num_blocks"]),
        "layer_type": "preactivation",
        "hidden_act": "relu",
        "global_padding": None,
        "num_groups": 32,
        "width_factor": 1,
        **_labels(job, a),
    }


def _architectures(name, a):
    return [f"{name}ForImageClassification" if a["num_classes"] else f"{name}Model"]


def _labels(job, a):
    if not a["num_classes"]:
        return {}
    names = metadata_of(job.model).get("class_names")
    names = names or [f"LABEL_{i}" for i in range(a["num_classes"])]
    return {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def _processor(job):
    """The fields of the processor that prepares images as the model's steps do.

    ViTImageProcessor resizes to a size; BitImageProcessor, which DINOv2 has too, cuts
    the middle out as well.
    """
    preparation, exact = preparation_of(job)
    height, width = preparation.image_size
    size, to = {"height": height, "width": width}, preparation.resize_to
    resized, crop = size, True
    match preparation.resize, to:
        case "squash", None:
            crop = False
        case "squash", (first, second):
            resized = {"height": first, "width": second}
        case "crop", int() | None:
            resized = {"shortest_edge": to or min(height, width)}
        case "none", _:
            resized = None
        case _:
            exact = crop = False
    if not exact:
        said = f"{_KINDS[crop]} of {resized or size}, {preparation.interpolation}"
        job.notes.append(note(job, "transformers", said))
    return {
        "image_processor_type": _KINDS[crop],
        "do_resize": resized is not None,
        "size": resized or size,
        "resample": _RESAMPLES[preparation.interpolation],
        **({"do_center_crop": True, "crop_size": size} if crop else {}),
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(preparation.mean),
        "image_std": list(preparation.deviation),
    }
