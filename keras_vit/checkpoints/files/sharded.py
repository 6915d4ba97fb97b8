"""Named arrays from several safetensors files, which an index lists."""

from pathlib import Path

from keras_vit.checkpoints.files.arrays import merge
from keras_vit.checkpoints.files.errors import Refused
from keras_vit.checkpoints.files.plain_files import check_plain, read_json
from keras_vit.checkpoints.files.safetensors import from_safetensors
from keras_vit.common.wording import display

INDEX = "model.safetensors.index.json"


def from_index(path):
    """`Arrays` of the files that an index lists, all of them in its folder."""
    path = Path(path)
    origin, listed = display(path), read_json(path).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise Refused(
            f"{origin} is no index of weights: `weight_map` must map names of arrays "
            "to names of files. Fetch it again."
        )
    for file in listed.values():
        if not isinstance(file, str) or not _is_plain_name(file):
            raise Refused(
                f"{origin} lists a file that is not in its folder, which is not read. "
                f"Received: {file!r}. Put all files into one folder, and list them by "
                "their names."
            )
    files = sorted(set(listed.values()))
    missing = [file for file in files if not (path.parent / file).exists()]
    if missing:
        raise Refused(
            f"{origin} lists {len(files)} files, of which {len(missing)} are missing. "
            f"Fetch {missing[0]!r} too, into the same folder."
        )
    parts = []
    for file in files:
        check_plain(path.parent / file)
        parts.append(from_safetensors(path.parent / file))
    found = {name: file for file, part in zip(files, parts) for name in part}
    for name, file in listed.items():
        if found.get(name) != file:
            raise Refused(
                f"{origin} and its files contradict each other: the array {name!r} "
                f"should be in {file!r}. Fetch all of them again."
            )
    return merge(parts, origin)


def _is_plain_name(file):
    return file not in ("", ".", "..") and not set(file) & set("/\\:\0")
