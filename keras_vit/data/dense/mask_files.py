"""Files of masks: palette, grey, coloured and binary images to class numbers."""

import dataclasses
import os

import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.decoding.pillow import opened, read_image_file
from keras_vit.data.dense.found import WrongSize

IGNORED = 255  # the value of a pixel that is not counted
MOST_COLOURS = 5  # named in an error
WHITE = (255, 255, 255)


@dataclasses.dataclass(frozen=True)
class MaskFiles:
    """Reads masks that are one file for each image, or one for each class of it.

    Args:
        root: The folder.
        num_classes: Integer; `None` while it is not known.
        colours: Array `(N, 4)` of red, green, blue and the class that they mean, also
            in a palette; or `None`, where the value of a pixel is the class.
        how: What to do about a value beyond the classes, for messages.
    """

    root: str
    num_classes: int | None = None
    colours: np.ndarray | None = None
    how: str = ""

    def mask(self, file, size=None) -> np.ndarray:
        """The classes of the pixels: `uint8` `(h, w)`.

        Args:
            file: Path relative to the root; or pairs of a class and the path of its
                binary mask, of which a later one lies on top.
            size: (height, width) of the image, or `None` if any will do.

        Raises:
            ValueError: naming the mask, if it cannot be read, is no mask, or has
                another size or values beyond the classes.
        """
        if not isinstance(file, str):
            return self._of_binaries(file, size)
        path = os.path.join(self.root, file)
        name = display(path)
        array, mode = _opened(path, self.colours is not None)
        return self.checked(_classes(array, mode, name, self.colours), name, size)

    def content(self, file) -> bytes:
        """What an annotation says, as bytes: another mask or table has others."""
        if isinstance(file, str):
            table = b"" if self.colours is None else self.colours.tobytes()
            return table + read_image_file(os.path.join(self.root, file))
        plain = dataclasses.replace(self, colours=None)
        return b"".join(str(n).encode() + plain.content(each) for n, each in file)

    def checked(self, mask, name: str, size=None) -> np.ndarray:
        """A mask, unless it has another size than its image or unknown values."""
        if size is not None and mask.shape != tuple(size):
            raise WrongSize(f"the mask {name}", mask.shape, size)
        if self.num_classes is not None:
            self._check_values(mask, name)
        return mask

    def with_classes(self, num_classes: int) -> "MaskFiles":
        """The same files with a known number of classes."""
        return dataclasses.replace(self, num_classes=num_classes)

    def _of_binaries(self, pairs, size):
        whole = None
        for number, file in pairs:
            path = os.path.join(self.root, file)
            mask = _classes(*_opened(path, None), display(path), None, binary=True)
            if size is not None and mask.shape != tuple(size):
                raise WrongSize(f"the mask {display(path)}", mask.shape, size)
            if whole is None:
                whole = np.zeros(mask.shape, np.uint8)
            elif whole.shape != mask.shape:
                raise WrongSize(f"the mask {display(path)}", mask.shape, whole.shape)
            values = np.unique(mask)
            if len(values) > 2 or (len(values) == 2 and values[0]):
                raise ValueError(
                    f"the mask {display(path)} is of one class and must have the value "
                    "0 and one other. Its values: "
                    f"{', '.join(map(str, values[:MOST_COLOURS]))}"
                )
            whole[mask > 0] = number
        return whole

    def _check_values(self, mask, name):
        beyond = (mask >= self.num_classes) & (mask != IGNORED)
        if beyond.any():
            values = ", ".join(map(str, np.unique(mask[beyond])[:MOST_COLOURS]))
            raise ValueError(
                f"the mask {name} has the values {values}, and there are "
                f"{self.num_classes} classes, 0 to {self.num_classes - 1} (255 is not "
                f"counted). {self.how}"
            )


def classes_in(data: bytes, name: str) -> np.ndarray:
    """The classes of the pixels of an encoded mask, `uint8` `(h, w)`."""
    return _classes(*_decoded(data, name), name, None)


def _opened(path, by_colour):
    try:
        data = read_image_file(path)
    except ValueError as error:
        reason = getattr(error, "reason", error)
        raise ValueError(f"the mask {display(path)}: {reason}") from None
    return _decoded(data, display(path), by_colour)


def _decoded(data, name, by_colour=False):
    """(values, mode of Pillow) of an encoded mask, turned as it is shown.

    Of a palette image these are its indices, or its colours: `by_colour`; `None` if the
    colours are just black and white, in whatever order the palette has them.
    """
    from PIL import ImageOps

    try:
        with opened(data) as image:
            lossy = image.format in ("JPEG", "MPO")
            image.load()
            image = ImageOps.exif_transpose(image)
            if image.mode == "P" and by_colour is None:
                colours = {c for _, c in image.convert("RGB").getcolors() or ()}
                by_colour = colours in ({WHITE}, {WHITE, (0, 0, 0)})
            image = image.convert("RGB") if image.mode == "P" and by_colour else image
            array, mode = np.asarray(image), image.mode
    except ValueError as error:
        raise ValueError(f"the mask {name}: {error}") from None
    if lossy:
        raise ValueError(
            f"the mask {name} is a JPEG, which changes class numbers when it "
            "is written. Write masks as PNG."
        )
    return array, mode


def _classes(array, mode, name, colours, binary=False):
    """The classes of pixels, `uint8` `(h, w)`, of the values of an image.

    Of a binary mask, black and white may be RGB.
    """
    if binary and mode == "RGB" and (array == array[..., :1]).all():
        return array[..., 0]
    if mode in ("LA", "La", "PA"):
        raise ValueError(
            f"the mask {name} has an alpha channel beside its values (mode {mode}). "
            "Keep the values only: Image.open(path).getchannel(0).save(path), with "
            "Image of Pillow."
        )
    if mode in ("RGB", "RGBA"):
        return _of_colours(array, name, colours)
    if mode not in ("P", "L", "1") and not mode.startswith("I"):
        raise ValueError(
            f"the mask {name} has the mode {mode}. Masks are palette, grey or RGB "
            "images."
        )
    if array.min() < 0 or array.max() > 255:
        raise ValueError(
            f"the mask {name} has values from {array.min()} to {array.max()}. Class "
            "numbers lie in 0 to 254, and 255 is not counted. If they number objects, "
            "write the class of each instead."
        )
    array = array.astype(np.uint8)
    if colours is not None:
        return _of_colours(np.repeat(array[..., None], 3, -1), name, colours)
    return array


def _of_colours(array, name, colours):
    """Classes of an RGB or RGBA image by a table of colours."""
    if array.shape[-1] == 4:
        if array[..., 3].min() < 255:
            raise ValueError(
                f"the mask {name} is transparent in places, where no class is known. "
                "Write masks without an alpha channel."
            )
        array = array[..., :3]
    codes = _codes(array)
    if colours is None:
        found = [_hex(code) for code in np.unique(codes)[: MOST_COLOURS + 1]]
        more = ", ..." if len(found) > MOST_COLOURS else ""
        raise ValueError(
            f"the mask {name} is in colour, and no table says which class a colour "
            f"means: put colours.json beside the folders, such as "
            '{"background": [0, 0, 0], "cell": [255, 0, 0]}. Its colours: '
            f"{', '.join(found[:MOST_COLOURS])}{more}"
        )
    known = _codes(colours[:, :3])
    order = np.argsort(known)
    places = np.searchsorted(known[order], codes)
    places = order[np.minimum(places, len(known) - 1)]
    unknown = known[places] != codes
    if unknown.any():
        found = [_hex(code) for code in np.unique(codes[unknown])[:MOST_COLOURS]]
        raise ValueError(
            f"the mask {name} has {int(unknown.sum()):,} pixels of colours that the "
            f"table of colours lacks: {', '.join(found)}. Add them; or, if edges are "
            "blurred, write masks without smoothing, as PNG; or, if the values of the "
            "pixels are the classes, name these in classes.txt and remove the table."
        )
    return colours[places, 3].astype(np.uint8)


def _codes(colours):
    red, green, blue = np.moveaxis(np.asarray(colours, np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def _hex(code):
    return f"[{code >> 16}, {code >> 8 & 255}, {code & 255}]"
