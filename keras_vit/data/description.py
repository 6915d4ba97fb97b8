"""What is said of a data set."""

import dataclasses

MOST_CLASSES = 10  # printed by name


@dataclasses.dataclass(frozen=True)
class Description:
    """A data set as `keras_vit.data.describe` finds it. Printing it explains it.

    Attributes:
        name: As it was given.
        kind: What it is: "TFDS data set", "folder", ...
        how_to_get: What to do.
        splits: Number of examples by split, or None where not known.
        num_classes: Integer; None where there is no single class label.
        class_names: Tuple of strings, or None where not known yet.
        examples_per_class: Number of images by class, of folders and lists.
        num_channels: 1 or 3.
        image_size: (height, width), or None where sizes vary.
        download: Bytes to download, or to put there by hand; None where not known.
        disk: Bytes it takes when prepared; None where not known.
        licence: As far as known.
        citation: Its BibTeX key.
        homepage: An address.
        prepared: The directory where it lies ready, or None.
        notes: Anything else.
    """

    name: str
    kind: str
    how_to_get: str
    splits: dict[str, int] | None = None
    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None
    examples_per_class: dict[str, int] | None = None
    num_channels: int | None = None
    image_size: tuple[int, int] | None = None
    download: int | None = None
    disk: int | None = None
    licence: str | None = None
    citation: str | None = None
    homepage: str | None = None
    prepared: str | None = None
    notes: str = ""

    def to_json(self) -> dict:
        """A dictionary of JSON values."""
        return dataclasses.asdict(self)

    def __str__(self):
        lines = {
            "kind": self.kind,
            "splits": self._splits() if self.num_channels else None,
            "classes": self._classes(),
            "images": self._images(),
            "download": _size(self.download),
            "on disk": _size(self.disk),
            "licence": self.licence,
            "cite": self.citation,
            "homepage": self.homepage,
            "prepared": self.prepared or "not here",
            "to get it": self.how_to_get,
            "note": self.notes,
        }
        return "\n".join(
            [self.name, *(f"  {key}: {text}" for key, text in lines.items() if text)]
        )

    def _splits(self):
        if self.splits is None:
            return "known when it is prepared"
        return ", ".join(f"{name} {count:,}" for name, count in self.splits.items())

    def _classes(self):
        if self.num_classes is None:
            return "no single class label" if self.num_channels else None
        text = f"{self.num_classes:,}"
        if self.examples_per_class:
            counts = self.examples_per_class
            shown = [f"{name} ({count:,})" for name, count in counts.items()]
        else:
            shown = list(self.class_names or ())
        more = ", ..." if len(shown) > MOST_CLASSES else ""
        return f"{text}: {', '.join(shown[:MOST_CLASSES])}{more}" if shown else text

    def _images(self):
        if self.num_channels is None:
            return None
        size = self.image_size
        shape = f"{size[0]}x{size[1]} pixels" if size else "of varied sizes"
        return f"{shape}, {'grey' if self.num_channels == 1 else 'colour'}"


def _size(count):
    if count is None:
        return None
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
