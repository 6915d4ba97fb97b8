"""The files of boxes that `predict` writes."""

from pathlib import Path

from keras_vit.commands.judging.mask_files import MaskFiles
from keras_vit.common.files import replacing


class BoxFiles(MaskFiles):
    """Writes the boxes of images as they are found.

    Args:
        files: List of paths, the images, all of them.
        out: Path of a new folder for YOLO's txt files, or `None`.
        overlay: Path of a folder for pictures of images with their boxes, or `None`.
        coco: Path of a COCO json, or `None`.
        kept: Paths of further files that must not be written to.
        like: Path of a COCO json whose ids that of `coco` gets, or `None`.

    Raises:
        ValueError: as for `MaskFiles`; and if `like` cannot be read.
    """

    def __init__(self, files, out=None, overlay=None, coco=None, kept=(), like=None):
        self._like = None if like is None else like.expanduser()
        if like is not None:
            from keras_vit.data.dense.coco import coco_ids

            coco_ids(self._like)  # before anything is computed
            kept = (*kept, self._like)
        super().__init__(files, out, overlay, coco, kept)

    def write(self, found):
        """Writes what is wanted of an iterable of `Detections`, until its end."""
        from keras_vit.inference.box_writing import as_yolo_boxes, write_coco_boxes

        each = map(self._draw, found)
        if self._out is not None:
            stems = {file: Path(name).stem for file, name in self._names.items()}
            each = as_yolo_boxes(self._out, each, stems)
        if self._coco is not None:
            write_coco_boxes(self._coco, each, like=self._like)
        for _ in each:
            pass

    def _picture_folders(self):
        return (self._overlay,)

    def _draw(self, found):
        if found.error is None and self._overlay is not None:
            with replacing(self._overlay / self._names[found.file]) as temporary:
                found.picture().save(temporary, "PNG")
        return found
