"""The parts of a folder or a list: its own splits, and those that are drawn here."""

import dataclasses
import re

import numpy as np

from keras_vit.data.readers import folders
from keras_vit.data.readers.grouping import apportion, groups_of
from keras_vit.data.readers.strata import strata


@dataclasses.dataclass(frozen=True)
class Drawing:
    """How the parts of a folder or list are drawn; see `load`."""

    fraction: float
    seed: int
    group_by: str | None
    columns: dict | None

    def parts(self, place, files, labels):
        """The places of training and test images."""
        if self.group_by is None:
            return folders.stratified(files, labels, self.fraction, self.seed)
        groups = groups_of(place, self.group_by, files, self.columns)
        shares = (1 - self.fraction, self.fraction)
        part = apportion(strata(labels), groups, shares, self.seed)
        return np.flatnonzero(part == 0), np.flatnonzero(part == 1)


def part_of(place, found, drawn):
    """(name, files, labels) of the part that is wanted of the splits `found`."""
    split = place.split
    match = re.fullmatch(r"(\w+)\s*(\[.*\])?", split or "train")
    base, brackets = match.groups() if match else (split, None)
    made = not {"test", "validation"} & set(found)  # the test part, by ourselves
    if base in ("train", "test") and made:
        files, labels = found.get("train", found.get("all"))
        keep = drawn.parts(place, files, labels)[base == "test"]
        files, labels = files[keep], labels[keep]
    elif base in found:
        files, labels = found[base]
    elif base == "all":
        files, labels = (np.concatenate(part) for part in zip(*found.values()))
    else:
        known = [*found, *(("train", "test") if made else ()), "all"]
        raise ValueError(
            f"{place} has the splits {', '.join(dict.fromkeys(known))}. "
            f"Received: split={split!r}"
        )
    if brackets:
        # In the order of a hash, or a part would hold the first classes only.
        order = folders.hash_order(files, drawn.seed, np.arange(len(files)))
        keep = np.sort(order[folders.slice_of(len(files), brackets)])
        files, labels = files[keep], labels[keep]
    if not len(files):
        raise ValueError(f"{place}: the split {split!r} holds no images.")
    return split or base, files, labels
