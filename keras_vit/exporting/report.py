"""What an export found, and how it is printed."""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class ExportReport:
    """What `keras_vit.export` wrote, and how it compares; prints as a table.

    Attributes:
        path: String, the file or folder.
        format: String, a key of `keras_vit.exporting.FORMATS`.
        size: Integer, bytes.
        inputs: String, what the file takes.
        outputs: String, what it gives.
        parity: List of `Parity`, a row for each kind of images.
        accuracy: `Accuracy` on the data that was given, or `None`.
        notes: List of sentences.
    """

    path: str
    format: str
    size: int
    inputs: str
    outputs: str
    parity: list
    accuracy: object = None
    notes: list = field(default_factory=list)

    @property
    def passed(self):
        """Whether every comparison that counts is within its bar."""
        return all(row.passed for row in self.parity)

    def to_json(self):
        """The report as a dictionary that JSON can hold."""
        return asdict(self)

    def __str__(self):
        lines = [
            f"{self.path}: {self.format}, {self.size / 1e6:.1f} MB",
            f"takes {self.inputs}",
            f"gives {self.outputs}",
            "",
            f"{'the file beside the Keras model':34s}"
            f" {'largest':>10s} {'relative':>10s} {'bar':>8s} {'top-1':>7s}",
        ]
        for row in self.parity:
            bar = "" if row.bar is None else f"{row.bar:.0e}"
            same = "" if row.agreement is None else f"{row.agreement:.1%}"
            lines.append(
                f"{row.images:34s} {row.difference:10.2e} {row.relative:10.2e}"
                f" {bar:>8s} {same:>7s}  {row.verdict}"
            )
        if self.accuracy is not None:
            lines += ["", *_accuracy_lines(self.accuracy)]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


def _accuracy_lines(accuracy):
    yield f"{accuracy.data}, {accuracy.count} images:"
    yield f"  same first class: {accuracy.agreement:.2%}"
    if accuracy.model is None:
        yield "  accuracy: not measured, the classes are not those of the model"
        return
    loss = 100 * (accuracy.model - accuracy.file)
    yield (
        f"  accuracy: {accuracy.model:.2%} of the Keras model, {accuracy.file:.2%} of "
        f"the file ({loss:.2f} points lost)"
    )
