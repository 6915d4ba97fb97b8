"""What the configuration beside a file says of its model and its images."""

from keras_vit.checkpoints.configs import hugging_face, keras, timm
from keras_vit.checkpoints.configs.reading import Description, Values

__all__ = ["Description", "described"]

_PROJECTS = {"timm": timm, "hugging_face": hugging_face, "keras": keras}


def described(config, layout, checkpoint):
    """A `Description` of what a configuration says.

    Args:
        config: Dictionary, the content of `config.json`; that of
            `preprocessor_config.json` under this very name.
        layout: A `Layout`, that of the names in the file.
        checkpoint: A `Checkpoint`, whose variables are known.

    Raises:
        ValueError: if a value has the wrong type, the configuration is that of another
            project or kind of model, or it asks for what this package does not have.
    """
    if layout.name == "Keras":
        return Description()
    values = Values(config, checkpoint.origin)
    project = "timm" if _is_of_timm(config) else "hugging_face"
    foreign = "model_type" in config or _is_of_timm(config)
    if foreign and project != layout.project:
        key = "architecture" if project == "timm" else "model_type"
        raise values.error(
            key,
            "is of another project's model than the arrays, which have the names of "
            f"{layout.name}",
        )
    if layout.project is None:
        return Description()
    return _PROJECTS[layout.project].described(values, layout, checkpoint)


def _is_of_timm(config):
    return bool({"architecture", "pretrained_cfg"} & config.keys())
