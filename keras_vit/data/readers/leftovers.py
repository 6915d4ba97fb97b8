"""What systems, archives, tools and our own runs leave in folders of images."""

import collections
import dataclasses
import re

from keras_vit.common.wording import display

# In small letters. Whatever begins with a dot is left aside too, such as .Trashes,
# .AppleDouble, .ipynb_checkpoints and ._photo.jpg.
NAMES = frozenset(
    (
        # Disks and their checks.
        "lost+found",
        "lost.dir",
        # Windows.
        "$recycle.bin",
        "recycler",
        "system volume information",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        # macOS, also on the disks of others; zip archives made there.
        "__macosx",
        "network trash folder",
        "temporary items",
        "thevolumesettingsfolder",
        "icon\r",
        # Synology and QNAP.
        "@eadir",
        "@tmp",
        "@sharebin",
        "@synoresource",
        "@synoeastream",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
        "@__thumb",
        "@__qini",
        # Programs.
        "__pycache__",
        "_gsdata_",
        "lightning_logs",
        "mlruns",
        "wandb",
    )
)
PATTERNS = re.compile(r"\.|found\.\d{3}$|\$windows\.~")

# A folder with the first of these and one of the others is a run of ours, or a search.
RECORDS = ("run.json", "search.json")
BESIDE = frozenset((".lock", "history.csv", "model.keras", "oracle.json"))
LOCK = ".lock"  # all there is of a run before its first record, hidden files apart
# Where they lie unless the user says otherwise; left behind if one fails.
RUNS, SEARCHES = "runs", "searches"

NAMED = 3  # of each kind, in the line about them


def is_leftover(name: str) -> bool:
    """Whether a file or folder of this name is nothing that a user put there.

    A class that is really called so cannot be told apart: whoever leaves it aside says
    so, with `Aside.sentence`.
    """
    low = name.lower()
    return low in NAMES or PATTERNS.match(low) is not None


def is_run(names) -> bool:
    """Whether a folder that holds these names is a run or a search of this package."""
    names = set(names)
    if any(record in names for record in RECORDS) and names & BESIDE:
        return True
    return LOCK in names and all(name.startswith(".") for name in names)


@dataclasses.dataclass
class Aside:
    """What a walk left aside: paths from where it began, with forward slashes."""

    folders: list[str] = dataclasses.field(default_factory=list)
    # Images by their names.
    files: list[str] = dataclasses.field(default_factory=list)
    runs: list[str] = dataclasses.field(default_factory=list)
    # Links to folders that are gone.
    links: list[str] = dataclasses.field(default_factory=list)
    # Endings of files that are no images by their names, and how many have each.
    others: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def sentence(self, root) -> str | None:
        """One line about all of it, or None where there is nothing to tell."""
        parts = []
        if self.folders or self.files:
            parts.append(
                "what systems, archives and tools leave behind ("
                + ", ".join(filter(None, map(_named, (self.folders, self.files))))
                + "; rename what is a class or an image of yours)"
            )
        if self.runs:
            parts.append(f"folders of runs ({_named(self.runs)})")
        if self.links:
            parts.append(f"links that lead nowhere ({_named(self.links)})")
        if self.others:
            endings = ", ".join(
                f"{count:,} {display(ending) or 'without an ending'}"
                for ending, count in self.others.most_common(NAMED)
            )
            more = ", ..." if len(self.others) > NAMED else ""
            parts.append(f"files that are no images by their names ({endings}{more})")
        return f"{display(root)}: left aside {'; '.join(parts)}." if parts else None


def _named(paths):
    shown = ", ".join(map(display, paths[:NAMED]))
    more = len(paths) - NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
