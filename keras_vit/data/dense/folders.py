"""Folders of images and masks, matched by their names."""

import os

from keras_vit.common.class_colours import is_background
from keras_vit.common.wording import canonical, display
from keras_vit.data.dense.class_lists import BACKGROUND, class_names_in, colours_in
from keras_vit.data.dense.found import (
    Found,
    first_of,
    folders_in,
    some,
    split_folder,
    splits_aside,
)
from keras_vit.data.dense.mask_files import MaskFiles
from keras_vit.data.dense.voc import image_sets
from keras_vit.data.readers.folders import SPLIT_FOLDERS
from keras_vit.data.readers.walking import images_below

# Their names, in small letters.
IMAGES = ("images", "image", "imgs", "img", "jpegimages")
PERHAPS = ("annotations", "labels")  # where other formats have no images
MASKS = ("masks", "mask", "segmentationclass", "segmentations", *PERHAPS)
# What tools put behind the name of an image in that of its mask.
ENDINGS = ("_mask", "_masks", "-mask", "_segmentation", "_seg", "_labels", "_label")
ENDINGS += ("_gt", "_L")
SETS = ("ImageSets", "Segmentation")


def scan_masks(root: str) -> Found | None:
    """The images and masks of a folder, or `None` if it has no such folders.

    Read are `root/images` and `root/masks`, `root/<split>/images` and
    `root/<split>/masks`, and `root/images/<split>` and `root/masks/<split>`; and of
    VOC, JPEGImages, SegmentationClass and ImageSets/Segmentation. The mask of
    `images/a.jpg` is `masks/a.png` or `masks/a_mask.png`; or it is one binary mask for
    each class, `masks/<class>/a.png`.

    Raises:
        ValueError: naming images without a mask, masks without an image, an empty
            folder, and two files, images or masks, that belong to one name.
    """
    parts = _parts(root)
    if not parts:
        return None
    names, colours = class_names_in(root), None
    table = colours_in(root)
    if table is not None:
        names, colours = table
    form, splits = "images and masks", {}
    for split, images, masks in parts:
        pictures, found = _by_stem(root, images), _by_stem(root, masks)
        if not pictures or not found:
            empty = os.path.join(root, masks if pictures else images)
            raise ValueError(f"{display(empty)} holds no images. Put the files in.")
        binary = _binary(pictures, found)
        if binary:
            form = "images and a mask for each class"
            names = _with_background(names, {name for name, _ in binary})
            found = _of_classes(root, binary, names, found)
        if sets := image_sets(
            os.path.join(root, *SETS), pictures.keys() & found.keys()
        ):
            splits = {
                split: {pictures[stem]: found[stem] for stem in stems}
                for split, stems in sets.items()
            }
        else:
            splits[split] = _matched(root, images, masks, pictures, found)
    how = "Name all classes in classes.txt, or write class numbers into the masks."
    reader = MaskFiles(root, names and len(names), colours, how)
    return Found(root, form, names, splits, reader, _left_aside(root, splits))


def _parts(root):
    """(split, folder of images, folder of masks) of each part."""
    inside = folders_in(root)
    images, masks = first_of(inside, IMAGES), first_of(inside, MASKS)
    if images and masks and _are_masks(os.path.join(root, masks)):
        both = [folders_in(os.path.join(root, folder)) for folder in (images, masks)]
        pairs = {
            split: tuple(split_folder(below, split) for below in both)
            for split in SPLIT_FOLDERS
        }
        pairs = {split: pair for split, pair in pairs.items() if all(pair)}
        if "train" in pairs:
            return [
                (split, f"{images}/{first}", f"{masks}/{second}")
                for split, (first, second) in pairs.items()
            ]
        return [("all", images, masks)]
    found = []
    for split in SPLIT_FOLDERS:
        part = split_folder(inside, split)
        if part:
            below = folders_in(os.path.join(root, part))
            images, masks = first_of(below, IMAGES), first_of(below, MASKS)
            if images and masks and _are_masks(os.path.join(root, part, masks)):
                found.append((split, f"{part}/{images}", f"{part}/{masks}"))
    return found


def _are_masks(path):
    """Whether a folder is one of masks: by its name, or by images in it."""
    sure = os.path.basename(path).lower() not in PERHAPS
    return sure or next(images_below(path), None) is not None


def _left_aside(root, splits):
    """Sentences about folders of splits with images and no masks, or the reverse."""
    known = {file for part in splits.values() for file in part}
    for part in splits.values():
        for mask in part.values():
            known |= {mask} if isinstance(mask, str) else {file for _, file in mask}
    return splits_aside(root, known, "masks, or masks without images")


def _matched(root, images, masks, pictures, found):
    """The mask of each image: a dictionary of paths relative to the root."""
    shorter = {}
    for stem in found:
        short = _without_ending(stem, pictures)
        if short in shorter:
            both = (_file_of(found[each]) for each in (shorter[short], stem))
            raise ValueError(
                f"{display(os.path.join(root, masks))} has two masks for "
                f"{display(pictures[short])}: {' and '.join(map(display, both))}. "
                "Rename or remove one."
            )
        shorter[short] = stem
    where = f"in {display(os.path.join(root, images))}"
    alone = sorted(pictures.keys() - shorter.keys())
    if alone:
        raise ValueError(
            f"{some(alone, 'image', 'images')} {where} without a mask of the same "
            f"name in {display(os.path.join(root, masks))}. Add the masks, all 0 where "
            "nothing is to be seen, or remove the images."
        )
    alone = sorted(shorter.keys() - pictures.keys())
    if alone:
        raise ValueError(
            f"{some(alone, 'mask', 'masks')} in {display(os.path.join(root, masks))} "
            f"without an image of the same name {where}. Add the images, or remove the "
            "masks."
        )
    return {pictures[stem]: found[shorter[stem]] for stem in sorted(pictures)}


def _file_of(masks):
    """The name of a mask's file, of several the first one's."""
    return os.path.basename(masks if isinstance(masks, str) else masks[0][1])


def _binary(pictures, masks):
    """(class, name of the image) of masks that lie in a folder for each class."""
    if masks.keys() & pictures.keys() or not all("/" in stem for stem in masks):
        return []
    pairs = [tuple(stem.split("/", 1)) for stem in masks]
    return pairs if {stem for _, stem in pairs} & pictures.keys() else []


def _with_background(names, folders):
    """The names of a list, or of the folders without one, the background first.

    Pixels of no mask are the background, whether the list names it or not.
    """
    if names is not None and is_background(names):
        return names
    names = sorted(folders) if names is None else names
    first = next((n for n in names if n.lower() in BACKGROUND), BACKGROUND[0])
    return [first, *(name for name in names if name != first)]


def _of_classes(root, pairs, names, files):
    """(number of the class, file) of all binary masks of each image, by its name."""
    lower = {name.lower(): number for number, name in enumerate(names)}
    unknown = sorted({name for name, _ in pairs if name.lower() not in lower})
    if unknown:
        raise ValueError(
            f"{display(root)}: {some(unknown, 'folder', 'folders')} of masks that the "
            "list of classes lacks. Add the names, or remove it."
        )
    found = {}
    for name, stem in pairs:
        found.setdefault(stem, []).append(
            (lower[name.lower()], files[f"{name}/{stem}"])
        )
    return {stem: tuple(sorted(each)) for stem, each in found.items()}


def _without_ending(stem, known):
    if stem in known:
        return stem
    for ending in ENDINGS:
        if stem.endswith(ending) and stem.removesuffix(ending) in known:
            return stem.removesuffix(ending)
    return stem


def _by_stem(root, folder):
    found = {}
    for file in images_below(os.path.join(root, folder)):
        # macOS writes é as two characters, others as one.
        stem = canonical(os.path.splitext(file)[0])
        if stem in found:
            raise ValueError(
                f"{display(os.path.join(root, folder))} has two files named {stem}: "
                f"{display(os.path.basename(found[stem]))} and {display(file)}. "
                "Rename or remove one."
            )
        found[stem] = f"{folder}/{file}"
    return found
