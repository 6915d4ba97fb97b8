"""The files of masks that `predict` writes."""

from pathlib import Path

from keras_vit.common.files import replacing


class MaskFiles:
    """Writes the masks of images as they are found.

    Args:
        out: Path of a folder for PNGs whose values are the classes, or `None`.
        overlay: Path of a folder for pictures of masks over their images, or `None`.
        coco: Path of a COCO json, or `None`.

    Raises:
        ValueError: if the folder of the COCO json does not exist.
    """

    def __init__(self, out=None, overlay=None, coco=None):
        if coco is not None and not coco.expanduser().parent.is_dir():
            raise ValueError(
                f"The folder of the file does not exist. Received: --coco {coco}. Make "
                f"{coco.parent} first."
            )
        self._out, self._overlay, self._coco = (
            None if path is None else path.expanduser() for path in (out, overlay, coco)
        )
        self._names = set()
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
        name = self._name(found.file)
        if self._out is not None:
            write_mask(self._out / name, found.mask)
        if self._overlay is not None:
            picture = overlay(found.image, found.mask, found.class_names)
            with replacing(self._overlay / name) as temporary:
                picture.save(temporary, "PNG")
        return found

    def _name(self, file):
        """A name of its own for each image; of those of equal names with a number."""
        stem = Path(file).stem
        name, number = f"{stem}.png", 2
        while name.lower() in self._names:
            name, number = f"{stem}-{number}.png", number + 1
        self._names.add(name.lower())
        return name
