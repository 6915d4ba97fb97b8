"""What is found where a data set with masks or boxes lies."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Found:
    """The images of a set and their annotations, before any of them is decoded.

    Attributes:
        root: Folder that the paths of the images are relative to.
        form: What it is, such as "images and masks".
        class_names: List of strings, or `None` where only the masks can tell.
        splits: By split, the annotation of each image by its path. A set without splits
            has one, "all".
        reader: Makes masks or boxes of annotations; see `AnnotatedStore`.
        notes: Sentences that a user should know.
    """

    root: str
    form: str
    class_names: list[str] | None
    splits: dict[str, dict[str, object]]
    reader: object
    notes: tuple[str, ...] = ()

    @property
    def annotations(self) -> dict[str, object]:
        """Those of all images, by their paths."""
        return {k: v for part in self.splits.values() for k, v in part.items()}
