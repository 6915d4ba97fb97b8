"""The files of masks that `predict` writes."""

import os
from pathlib import Path

from keras_vit.common.files import replacing
from keras_vit.common.wording import display


class MaskFiles:
    """Writes the masks of images as they are found.

    Args:
        files: List of paths, the images, all of them.
        out: Path of a folder for PNGs whose values are the classes, or `None`.
        overlay: Path of a folder for pictures of masks over their images, or `None`.
        coco: Path of a COCO json, or `None`.
        kept: Paths of further files that must not be written to.

    Raises:
        ValueError: before anything is written, if the folder of the COCO json does not
            exist, or a file would take the place of an image or of another that is
            written.
    """

    def __init__(self, files, out=None, overlay=None, coco=None, kept=()):
        if coco is not None and not coco.expanduser().parent.is_dir():
            raise ValueError(
                f"The folder of the file does not exist. Received: --coco {coco}. Make "
                f"{coco.parent} first."
            )
        self._out, self._overlay, self._coco = (
            None if path is None else path.expanduser() for path in (out, overlay, coco)
        )
        if self._coco is not None and self._coco.is_dir():
            raise ValueError(
                f"The COCO json is a file, not a folder. Received: --coco {coco}. "
                f"Write {coco / 'found.json'}, or another name."
            )
        self._names = picture_names(files)
        self._check_places([*files, *kept])
        for folder in filter(None, (self._out, self._overlay)):
            folder.mkdir(parents=True, exist_ok=True)

    def write(self, found):
        """Writes what is wanted of an iterable of `Segmentation`, until its end."""
        from keras_vit.inference.mask_writing import write_coco_masks

        each = map(self._write, found)
        if self._coco is not None:
            write_coco_masks(self._coco, each)
        for _ in each:
            pass

    def _write(self, found):
        from keras_vit.inference.mask_writing import overlay, write_mask

        if found.error is not None:
            return found
        name = self._names[found.file]
        if self._out is not None:
            write_mask(self._out / name, found.mask)
        if self._overlay is not None:
            picture = overlay(found.image, found.mask, found.class_names)
            with replacing(self._overlay / name) as temporary:
                picture.save(temporary, "PNG")
        return found

    def _picture_folders(self):
        """Folders, or `None`, that get a PNG of each image."""
        return self._out, self._overlay

    def _check_places(self, kept):
        """Raises if what is written has the place of what is kept, or one place."""
        if self._out is not None and self._overlay is not None:
            if _place(self._out) == _place(self._overlay):
                raise ValueError(
                    "--out and --overlay must be different folders. Received: "
                    f"{display(self._out)} for both."
                )
        places = {_place(path) for path in kept}
        for path in self._targets():
            place = _place(path)
            if place in places:
                raise ValueError(
                    f"{display(path)} is one of the files that are read or written "
                    "here, and would be replaced. Write into another folder; if it is "
                    "of an earlier prediction, leave that out of the images."
                )
            places.add(place)

    def _targets(self):
        """The paths of all files that are written."""
        folders = filter(None, self._picture_folders())
        paths = [folder / name for folder in folders for name in self._names.values()]
        return paths if self._coco is None else [*paths, self._coco]


def picture_names(files):
    """The name of the PNG of each image: its own, with a number where that is taken.

    Numbers never take the name of another image: beside `x/a.jpg`, `y/a.jpg` and
    `z/a-2.jpg` the second is `a-3.png`.
    """
    files = list(dict.fromkeys(map(str, files)))
    stems = {file: Path(file).stem for file in files}
    own = {stem.lower() for stem in stems.values()}
    names, taken = {}, set()
    for file, stem in stems.items():
        name, number = stem, 2
        while name.lower() in taken or (name != stem and name.lower() in own):
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.lower())
        names[file] = f"{name}.png"
    return names


def _place(path):
    """What is equal for two paths of one file, also where links lead to it."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.normcase(os.path.realpath(path))
    return status.st_dev, status.st_ino
