"""The report of an export, and how it is printed."""

from dataclasses import asdict, dataclass, field

from keras_vit.common.tables import aligned
from keras_vit.exporting.formats import FORMATS
from keras_vit.exporting.job import scores_kind
from keras_vit.exporting.several_outputs import has_several, shape_of
from keras_vit.exporting.usage import usage
from keras_vit.exporting.weight_files import overrides_of
from keras_vit.models.vision_model import image_shape


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
        usage: List of lines of Python that use the file with NumPy and Pillow; empty
            for files of weights, and where no such lines are known.
    """

    path: str
    format: str
    size: int
    inputs: str
    outputs: str
    parity: list
    accuracy: object = None
    notes: list = field(default_factory=list)
    usage: list = field(default_factory=list)

    @classmethod
    def of(cls, job, path, parity, accuracy, notes):
        """The report of a `Job` that was written and is to be kept at `path`."""
        files = [job.path, *job.path.rglob("*")]
        size = sum(file.stat().st_size for file in files if file.is_file())
        known = (str(path), job.format, size, _inputs(job), _outputs(job))
        is_graph = FORMATS[job.format].is_graph
        lines = usage(job.about, path, job.format) if is_graph else []
        return cls(*known, parity, accuracy, notes, lines)

    @property
    def passed(self):
        """Whether every comparison that counts is within its bar."""
        return all(row.passed for row in self.parity)

    def to_json(self):
        """The report as a dictionary that JSON can hold."""
        return asdict(self)

    def __str__(self):
        titles = (
            "the file against the Keras model",
            "largest",
            "relative",
            "bar",
        )
        rows = [(*titles, "top-1", "")]
        for row in self.parity:
            bar = "" if row.bar is None else f"{row.bar:.0e}"
            same = "" if row.agreement is None else f"{row.agreement:.1%}"
            numbers = (f"{row.difference:.2e}", f"{row.relative:.2e}", bar, same)
            rows.append((row.images, *numbers, row.verdict))
        lines = [
            f"{self.path}: {self.format}, {self.size / 1e6:.1f} MB",
            f"takes {self.inputs}",
            f"gives {self.outputs}",
            "",
            aligned(rows, left=(0, len(titles) + 1)),
        ]
        if self.accuracy is not None:
            lines += ["", *_accuracy_lines(self.accuracy)]
        lines += [f"Note: {note}" for note in self.notes]
        if self.usage:
            lines += ["", "The file says how its images are prepared. To use it:", ""]
            lines += [f"    {line}" for line in self.usage]
        return "\n".join(lines)


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


def _inputs(job):
    """What a file takes, in words."""
    if not FORMATS[job.format].is_graph:
        if job.format == "weights_h5":
            return "load_weights(path), of a model that is built alike, to load it"
        # The others say so themselves.
        overrides = overrides_of(job) if job.format == "npz" else {}
        given = "".join(f", {name}={tuple(v)}" for name, v in overrides.items())
        return f"keras_vit.from_checkpoint(path{given}) to load it"
    height, width, channels = (n or "any" for n in image_shape(job.plain))
    low, high = (0, 255) if job.preprocess else job.value_range
    return (
        f"{job.input_dtype} images of (any, {height}, {width}, {channels}) in "
        f"[{low:g}, {high:g}]"
    )


def _outputs(job):
    """What a file gives, in words."""
    shape = ", ".join(str(n or "any") for n in (None, *shape_of(job.plain)[1:]))
    try:
        kind = scores_kind(job.plain)
    except ValueError:
        several = has_several(job.plain)
        return f"{'places' if several else 'features'} of ({shape})"
    logits = kind in ("logits", "binary") and not job.postprocess
    return f"{'logits' if logits else 'probabilities'} of ({shape})"
