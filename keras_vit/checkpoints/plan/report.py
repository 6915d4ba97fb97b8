"""The report of loading: what happened to every array and every variable."""

from dataclasses import dataclass, field


@dataclass
class LoadReport:
    """The report of `keras_vit.load_weights`.

    Attributes:
        source: String, where the weights came from.
        layout: String, whose layout the names have.
        used: Paths of the variables that were filled with the file's values.
        resized: Paths of those whose values were interpolated first, with how.
        reinitialized: Paths of variables that were reset, with why.
        unused: Names of arrays in the file that were not read.
        unused_by_design: Those of them that no model of this package has, such as an
            optimizer's slots or the decoder of masked pretraining, with what they are.
        unfilled: Paths of variables that kept their values.
        notes: Sentences about anything else worth knowing.
    """

    source: str
    layout: str
    used: list = field(default_factory=list)
    resized: dict = field(default_factory=dict)
    reinitialized: dict = field(default_factory=dict)
    unused: list = field(default_factory=list)
    unused_by_design: dict = field(default_factory=dict)
    unfilled: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def __str__(self):
        lines = [f"Weights of {self.source} ({self.layout} layout):"]
        lines.append(f"  used: {len(self.used)} variables")
        for title in ("resized", "reinitialized"):
            for path, what in getattr(self, title).items():
                lines.append(f"  {title}: {path} ({what})")
        unused = [name for name in self.unused if name not in self.unused_by_design]
        for title, names in (("unused", unused), ("unfilled", self.unfilled)):
            if names:
                lines.append(f"  {title}: {', '.join(names)}")
        for what in dict.fromkeys(self.unused_by_design.values()):
            names = [n for n, other in self.unused_by_design.items() if other == what]
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"  unused by design: {len(names)} {what} ({shown})")
        lines.extend(f"  {note}" for note in self.notes)
        return "\n".join(lines)
