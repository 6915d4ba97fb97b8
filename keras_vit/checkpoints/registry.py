"""From the name of weights to a file."""

import difflib
import os
import re
import urllib.parse
from dataclasses import astuple, dataclass, fields

from keras_vit.checkpoints.files.download import fetch, is_offline
from keras_vit.checkpoints.opening import open_source
from keras_vit.checkpoints.published import (
    GROUPS,
    HOST,
    IMAGENET,
    NEVER_RELEASED,
    NOT_OPENED,
)


@dataclass(frozen=True)
class Source:
    """One published file: what `weights=name` of a variant loads.

    `accuracy` is its published top-1 on ImageNet-1k in per cent, or `None`.
    """

    name: str
    variant: str
    file: str
    image_size: int
    num_classes: int
    accuracy: float | None = None
    note: str = ""
    preprocessing: str = ""
    licence: str = ""


SOURCES = tuple(
    Source(
        group.name,
        variant,
        group.pattern.format(*words),
        group.image_size,
        group.num_classes,
        accuracy,
        group.note,
        group.preprocessing,
        group.licence,
    )
    for group in GROUPS
    for variant, accuracy, *words in group.rows
)

_COLUMNS = ("name", "variant", "image_size", "num_classes", "accuracy", "note")


class WeightsTable(list):
    """A list of `Source` that prints as a table, with what was never released."""

    def __str__(self):
        rows = [
            ["" if v is None else str(v) for v in (getattr(s, c) for c in _COLUMNS)]
            for s in self
        ]
        widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows)]
        lines = [
            "  ".join(text.ljust(w) for text, w in zip(row, widths)).rstrip()
            for row in [_COLUMNS, *rows]
        ]
        never = f"Never released: {'; '.join(NEVER_RELEASED)}."
        return "\n".join([*lines, "", never, NOT_OPENED])

    def _repr_html_(self):
        head = "".join(f"<th>{field.name}</th>" for field in fields(Source))
        body = "".join(
            "<tr>" + "".join(f"<td>{value}</td>" for value in astuple(source)) + "</tr>"
            for source in self
        )
        return f"<table><tr>{head}</tr>{body}</table>"


def list_weights(variant=None, *, name=None, num_classes=None):
    """Every published file that `weights=` knows by a name.

    Args:
        variant: String, such as `"ViT_B16"`, to list the files of one model.
        name: String, such as `"augreg"`, to list the files of one name.
        num_classes: Integer, to list files with such a head: 1000 or 21843.

    Returns:
        A list of `Source`, which prints as a table and says what was never released.

    Example:

    >>> [source.name for source in keras_vit.list_weights("ViT_H14")]
    ['imagenet21k']
    """
    return WeightsTable(
        source
        for source in SOURCES
        if variant in (None, source.variant)
        and name in (None, source.name)
        and num_classes in (None, source.num_classes)
    )


def is_registered(name):
    """Whether this is the name of weights and not a path or an address."""
    *_, name = _split(name)
    known = {source.name for source in SOURCES}
    return name in known or name == "imagenet" or name.startswith("augreg:")


def find_source(name, variant=None, image_size=None, offline=None):
    """The path of a file or folder for what a user calls it.

    Args:
        name: A registered name, alone or after a variant (`"ViT_B16/augreg"`); a URL;
            `"hf://owner/repo"`; or a path, which is returned.
        variant: String or `None`, the published model that the weights are for.
        image_size: What nearest image size `"imagenet"` means.
        offline: Boolean, see `keras_vit.load_weights`.
    """
    if name.startswith("hf://"):
        return _from_hub(name, offline)
    if re.match(r"https?://", name):
        url, mark, sha256 = name.partition("#sha256=")
        if mark and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
            raise ValueError(
                "`#sha256=` must be followed by 64 hexadecimal digits. "
                f"Received: {name!r}"
            )
        return fetch(url, sha256=sha256 or None, check=open_source, offline=offline)
    if not is_registered(name):
        if os.path.exists(os.path.expanduser(name)):
            return name
        raise ValueError(_unknown(name))
    given, name = _split(name)
    url = source_url(find_row(name, given or variant, image_size))
    return fetch(url, check=open_source, offline=offline)


def source_url(source):
    """The address of a published file."""
    return HOST + urllib.parse.quote(source.file)


def find_row(name, variant, image_size=None):
    """The `Source` of a name for a model.

    Raises:
        ValueError: if there is none; the message lists what there is.
    """
    if name.startswith("augreg:"):
        file = name.removeprefix("augreg:").removesuffix(".npz")
        return Source(name, variant, f"vit_models/augreg/{file}.npz", 0, 0)
    if variant is None:
        raise ValueError(
            f"The weights {name!r} exist for several published models, and this model "
            "is none of them by its sizes. Name the model: "
            f"'ViT_B16/{name}' or one of {sorted({s.variant for s in SOURCES})}."
        )
    names = IMAGENET if name == "imagenet" else (name,)
    rows = [s for n in names for s in SOURCES if (s.name, s.variant) == (n, variant)]
    if not rows:
        there = [source.name for source in list_weights(variant)]
        raise ValueError(
            f"There are no weights {name!r} for {variant}. "
            + (f"There are: {', '.join(there)}." if there else "There are none at all.")
        )
    return min(rows, key=lambda row: abs(row.image_size - _side(image_size)))


def _side(image_size):
    """The longer side of an image size, 224 if it is open."""
    if isinstance(image_size, int):
        return image_size
    return max((side for side in image_size or () if side), default=224)


def _split(name):
    """`"ViT_B16/augreg"` to its two halves; the first may be missing."""
    variants = {source.variant for source in SOURCES}
    variant, _, rest = name.partition("/")
    return (variant, rest) if variant in variants else (None, name)


def _unknown(name):
    names = sorted({source.name for source in SOURCES} | {"imagenet"})
    close = difflib.get_close_matches(name, names, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        "`weights` must be a registered name, a path, a URL, 'hf://owner/repo', a "
        f"dictionary of arrays or a model. Received: {name!r}, which is no name and "
        f"no file.{hint} Names: {', '.join(names)}."
    )


def _from_hub(name, offline):
    """Downloads `config.json` and `model.safetensors` of a Hugging Face repository."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            "Weights from the Hugging Face hub need huggingface_hub: "
            "pip install keras-vision-transformer[hf]"
        ) from error
    repository, _, revision = name.removeprefix("hf://").strip("/").partition("@")
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
