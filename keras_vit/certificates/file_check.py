"""`verify_file`: checks the checksum, parity and predictions of a published file."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from keras_vit.certificates.certificate import Certificate, golden_folder, verify
from keras_vit.checkpoints import find_source, open_source
from keras_vit.checkpoints.files.download import checksum
from keras_vit.checkpoints.registry import find_row
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.pretrained.imagenet_names import decode_predictions
from keras_vit.models.variants.listing import canonical_name


@dataclass(frozen=True)
class FileCheck:
    """The result of `verify_file`; prints as a report."""

    name: str
    path: str
    sha256: str
    layout: str
    certificate: Certificate
    predictions: list

    def __str__(self):
        lines = [
            f"{self.name}: {self.path}",
            f"SHA-256 {self.sha256}",
            f"layout: {self.layout}",
            str(self.certificate),
        ]
        lines += [f"  {p:7.2%}  {label}" for _, label, p in self.predictions]
        return "\n".join(lines)


def verify_file(name, variant, *, offline=None):
    """Fetches a published file, loads it, and shows what it sees in a photo.

    Args:
        name: String, a registered name such as `"augreg+imagenet2012"`.
        variant: String, the name of a published model, such as `"ViT_B16"`.
        offline: Boolean, see `keras_vit.load_weights`.

    Returns:
        A `FileCheck`: checksum, layout, certificate of the family, and the five
        likeliest classes of a bundled photo (Grace Hopper in naval uniform; the
        published ImageNet-1k classifiers see "military uniform"). There are none
        for files whose head was withheld.
    """
    variant = canonical_name(variant)
    row = find_row(name, variant)
    path = find_source(name, variant, offline=offline)
    checkpoint = open_source(path)
    size = {"image_size": row.image_size} if row.image_size else {}
    model = from_checkpoint(checkpoint, **size)
    certificate = verify(model)
    predictions = []
    if model.output_shape[-1] in (1000, 21843):
        logits = ops.convert_to_numpy(model(_photo(model.input_shape[1:3])))
        if logits.any():
            predictions = decode_predictions(logits, top=5)[0]
    about = (name, str(path), checksum(path), checkpoint.layout.name)
    return FileCheck(*about, certificate, predictions)


def _photo(size):
    """The bundled photo as the official evaluation prepares it."""
    from PIL import Image

    with (golden_folder() / "photo.jpg").open("rb") as file:
        image = Image.open(file).convert("RGB")
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, "float32")[None] / 127.5 - 1
