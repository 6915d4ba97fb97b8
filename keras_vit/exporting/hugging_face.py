"""A folder that `transformers` loads: weights, config, image processor."""

import json

import numpy as np

from keras_vit.checkpoints.opening import values_of
from keras_vit.checkpoints.writing import arrays_in_layout, write_safetensors
from keras_vit.exporting.reloading import reloaded_runner, require, require_size

_GELUS = {"erf": "gelu", "tanh": "gelu_pytorch_tanh"}


def write(job):
    """Writes the folder of `job.path`."""
    family, a = (job.plain.settings[key] for key in ("family", "arguments"))
    if family == "hybrid":
        raise ValueError(
            "Hugging Face transformers has no hybrid ViT any longer. Received: "
            f"{job.model.name!r}. Choose format='timm' or format='npz'."
        )
    config = _bit_config(job, a) if family == "bit" else _vit_config(job, a)
    layout = "Hugging Face BiT" if family == "bit" else "Hugging Face ViT"
    is_classifier = a["num_classes"] > 0
    arrays = arrays_in_layout(
        layout,
        {p: np.asarray(v) for p, v in values_of(job.plain).items()},
        a,
        # A model without a head is not inside another.
        prefix=config["model_type"] + "." if is_classifier else "",
    )
    job.path.mkdir()
    write_safetensors(job.path / "model.safetensors", arrays)
    write_json(job.path / "config.json", config)
    write_json(job.path / "preprocessor_config.json", _processor(job))


def write_json(path, content):
    """Writes a JSON file for people to read, too."""
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def image_statistics(job):
    """`(mean, std)` per channel that make the model's range of values of `[0, 1]`."""
    low, high = job.value_range
    channels = job.plain.settings["arguments"]["num_channels"]
    return [-low / (high - low)] * channels, [1 / (high - low)] * channels


def _vit_config(job, a):
    require(
        job,
        stride=list(a["patch_size"]),
        pooling="token",
        class_token=True,
        position_embedding="learned",
        embed_prefix=True,
        pooled_norm=False,
    )
    require_size(job)
    classifier = a["num_classes"] > 0
    if classifier:
        # Its classifier reads the class token itself.
        require(job, representation_size=(None,))
    pooler = {}
    if a["representation_size"]:
        pooler = {"pooler_output_size": a["representation_size"], "pooler_act": "tanh"}
    return {
        "architectures": ["ViTForImageClassification" if classifier else "ViTModel"],
        "model_type": "vit",
        "hidden_size": a["hidden_dim"],
        "num_hidden_layers": a["num_layers"],
        "num_attention_heads": a["num_heads"],
        "intermediate_size": a["mlp_dim"],
        "hidden_act": _GELUS[a["gelu"]],
        "layer_norm_eps": a["epsilon"],
        "image_size": one_or_pair(a["image_size"]),
        "patch_size": one_or_pair(a["patch_size"]),
        "num_channels": a["num_channels"],
        "qkv_bias": True,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        **pooler,
        **_labels(job, a),
    }


def _bit_config(job, a):
    require(job, pooling="gap", group_norm_epsilon=1e-5, standardization="variance")
    width = int(64 * a["width_factor"])
    classifier = a["num_classes"] > 0
    return {
        "architectures": ["BitForImageClassification" if classifier else "BitModel"],
        "model_type": "bit",
        "num_channels": a["num_channels"],
        "embedding_size": width,
        "hidden_sizes": [4 * width * 2**i for i in range(len(a["num_blocks"]))],
        "depths": list(a["num_blocks"]),
        "layer_type": "preactivation",
        "hidden_act": "relu",
        "global_padding": None,
        "num_groups": 32,
        "width_factor": 1,
        **_labels(job, a),
    }


def _labels(job, a):
    if not a["num_classes"]:
        return {}
    names = job.model.metadata.get("class_names")
    names = names or [f"LABEL_{i}" for i in range(a["num_classes"])]
    return {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def one_or_pair(size):
    """An integer for a square."""
    return size[0] if size[0] == size[1] else list(size)


def _processor(job):
    mean, std = image_statistics(job)
    height, width = job.plain.settings["arguments"]["image_size"]
    size = {"height": height, "width": width}
    if height is None or width is None:
        size = {"height": 224, "width": 224}
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": size,
        "resample": 2,  # bilinear
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": mean,
        "image_std": std,
    }


def runner(job):
    """A function of images, of the model that the folder makes."""
    return reloaded_runner(job)
