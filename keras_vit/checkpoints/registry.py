"""Finds weight files: published ones by name, others by URL or path."""

import os
import re
import urllib.parse
from dataclasses import astuple, fields

from keras_vit.checkpoints.files.download import fetch, is_offline
from keras_vit.checkpoints.opening import open_source
from keras_vit.checkpoints.published import (
    HOST,
    HUB,
    IMAGENET,
    NEVER_RELEASED,
    NOT_OPENED,
    SOURCES,
    PublishedFile,
)
from keras_vit.common.installed import need
from keras_vit.common.tables import Table, aligned
from keras_vit.common.wording import hint

Source = PublishedFile  # the name of version 0.1

_VARIANTS = sorted({file.variant for file in SOURCES})
_NAMES = sorted({"imagenet", *(file.name for file in SOURCES)})

# The table --------------------------------------------------------------------------


class WeightsTable(Table):
    """A list of `PublishedFile`, printed as a table with what was never released."""

    header = tuple(field.name for field in fields(PublishedFile))
    cells = staticmethod(astuple)

    def __str__(self):
        columns = ("name", "variant", "image_size", "num_classes", "accuracy", "note")
        rows = [[getattr(file, column) for column in columns] for file in self]
        texts = [["" if v is None else str(v) for v in row] for row in rows]
        never = f"Never released: {'; '.join(NEVER_RELEASED)}."
        return "\n".join([aligned([columns, *texts]), "", never, NOT_OPENED])


def list_weights(variant=None, *, name=None, num_classes=None):
    """Every published file that `weights=` knows by a name.

    Args:
        variant: String, such as `"ViT_B16"`, to list the files of one model.
        name: String, such as `"augreg"`, to list the files of one name.
        num_classes: Integer, to list files with such a head: 1000 or 21843.

    Returns:
        A list of `PublishedFile`, which prints as a table and says what was never
        released.

    Example:

    >>> [file.name for file in keras_vit.list_weights("ViT_H14")]
    ['imagenet21k']
    """
    return WeightsTable(
        file
        for file in SOURCES
        if variant in (None, file.variant)
        and name in (None, file.name)
        and num_classes in (None, file.num_classes)
    )


# Looking a name up ------------------------------------------------------------------


def is_registered(name):
    """Whether this is the name of weights and not a path or an address."""
    _, name = _split(name)
    return name in _NAMES or name.startswith("augreg:")


def is_remote(name):
    """Whether `find_source` would fetch what this is the name or the address of."""
    return is_registered(name) or re.match(rf"https?://|{HUB}", name) is not None


def find_row(name, variant, image_size=None):
    """The `PublishedFile` of a name for a model.

    Raises:
        ValueError: if there is none; the message lists what there is.
    """
    if name.startswith("augreg:"):
        file = name.removeprefix("augreg:").removesuffix(".npz")
        return PublishedFile(name, variant, f"vit_models/augreg/{file}.npz", 0, 0)
    if variant is None:
        raise ValueError(
            f"The weights {name!r} exist for several published models. No model is "
            "named, or one that is none of them by its sizes. Name the model: "
            f"'ViT_B16/{name}' or one of {_VARIANTS}."
        )
    there = list_weights(variant)
    names = IMAGENET if name == "imagenet" else (name,)
    rows = [file for n in names for file in there if file.name == n]
    if not rows:
        known = ", ".join(file.name for file in there)
        raise ValueError(
            f"There are no weights {name!r} for {variant}. "
            + (f"There are: {known}." if there else "There are none at all.")
        )
    sides = image_size if isinstance(image_size, (tuple, list)) else (image_size,)
    longer = max((side for side in sides if side), default=224)
    return min(rows, key=lambda row: abs(row.image_size - longer))


def published_preparation(name, variant=None, image_size=None):
    """The `PublishedFile.preparation` of a registered name; as for `find_source`."""
    given, name = _split(name)
    return find_row(name, given or variant, image_size).preparation


def source_url(source):
    """The address of a published file, or of the page of its repository."""
    if source.file.startswith(HUB):
        return "https://huggingface.co/" + source.file.removeprefix(HUB)
    return HOST + urllib.parse.quote(source.file)


def _split(name):
    """`"ViT_B16/augreg"` to its two halves; the first may be missing."""
    variant, _, rest = name.partition("/")
    return (variant, rest) if variant in _VARIANTS else (None, name)


# Finding the file -------------------------------------------------------------------


def find_source(name, variant=None, image_size=None, offline=None):
    """The path of a file or folder for what a user calls it.

    Args:
        name: A registered name, alone or after a variant (`"ViT_B16/augreg"`); a URL;
            `"hf://owner/repo"`; or a path, which is returned.
        variant: String or `None`, the published model that the weights are for.
        image_size: What nearest image size `"imagenet"` means.
        offline: Boolean, see `keras_vit.load_weights`.
    """
    if name.startswith(HUB):
        return _from_hub(name, offline)
    if re.match(r"https?://", name):
        url, mark, sha256 = name.partition("#sha256=")
        if mark and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
            raise ValueError(
                "`#sha256=` must be followed by 64 hexadecimal digits. "
                f"Received: {name!r}"
            )
        return fetch(url, sha256=sha256 or None, check=open_source, offline=offline)
    if is_registered(name):
        given, name = _split(name)
        row = find_row(name, given or variant, image_size)
        if row.file.startswith(HUB):
            return _from_hub(row.file, offline)
        return fetch(source_url(row), check=open_source, offline=offline)
    if os.path.exists(os.path.expanduser(name)):
        return name
    raise ValueError(
        "`weights` must be a registered name, a path, a URL, 'hf://owner/repo', a "
        f"dictionary of arrays or a model. Received: {name!r}, which is neither a "
        f"name nor a file.{hint(name, _NAMES)} Names: {', '.join(_NAMES)}."
    )


def _from_hub(name, offline):
    """Downloads `config.json` and `model.safetensors` of a Hugging Face repository."""
    need("The Hugging Face hub", "hf", "huggingface_hub")
    import huggingface_hub

    repository, _, revision = name.removeprefix(HUB).strip("/").partition("@")
    try:
        return huggingface_hub.snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=["config.json", "model*.safetensors", "model*.json"],
            local_files_only=is_offline(offline),
        )
    except Exception as error:  # the hub has a dozen kinds
        raise OSError(
            f"The repository {repository!r} cannot be fetched: {error}. Fetch its "
            "config.json and model.safetensors by other means and pass their folder."
        ) from error
