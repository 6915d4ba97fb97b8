"""The result of a TPU check, as numbers and as text."""

import dataclasses

GIB = 2**30

# Dosovitskiy et al. (2021), table 2: TPUv3-core-days of pre-training.
PAPER_CORE_DAYS = {"vit_h14_jft": 2500, "vit_l16_jft_14ep": 680, "vit_l16_i21k": 230}


@dataclasses.dataclass(frozen=True)
class TpuReport:
    """What `tpu_check` found; prints as text. Bytes and FLOPs are of one device."""

    model: str
    image_size: tuple
    # Images per update, over all chips.
    batch_size: int
    topology: str
    num_devices: int
    dtype: str
    # Of Keras: "jax" or "tensorflow".
    backend: str
    # "compiled", or "extrapolated" from two shallow models.
    method: str
    fits: bool
    # Bytes at the peak, and what a program may use.
    peak: float
    memory: float
    # What follows is not known of a program that is too large.
    # Of the peak: weights, optimizer and the batch; and all that comes and goes.
    arguments: float | None = None
    temporary: float | None = None
    # Of one training step.
    flops: float | None = None
    # To and from main memory; what stays on the chip does not count.
    bytes_moved: float | None = None
    # Kind to [how many, bytes].
    collectives: dict = dataclasses.field(default_factory=dict)
    # Share of the written bytes that are padding, and the worst arrays as text.
    padding: float | None = None
    padded: tuple = ()
    # What takes longest of all that only changes how an array is laid out, as text.
    copies: tuple = ()
    # What a TPU program should not hold, to the layers at fault.
    leaks: dict = dataclasses.field(default_factory=dict)
    # Lower bounds of the step's time, seconds: of arithmetic, memory, links.
    bounds: dict = dataclasses.field(default_factory=dict)
    # Sum of what the compiler expects each instruction of a step to take, seconds.
    estimated_seconds: float | None = None
    # Of the whole recipe: days of all chips by that, updates, the paper's figure.
    chip_days: float | None = None
    total_steps: int | None = None
    paper_core_days: float | None = None
    # Seconds that the compiler took.
    compile_seconds: float | None = None

    @property
    def step_seconds(self):
        """The roofline's lower bound of a step's time; `None` where it is not known."""
        return max(self.bounds.values()) if self.bounds else None

    def to_json(self):
        """The numbers as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "step_seconds": self.step_seconds}

    def __str__(self):
        size = "x".join(map(str, self.image_size))
        share = self.batch_size // self.num_devices
        lines = [
            f"{self.model}, {size} pixels, {self.dtype}, batch {self.batch_size:,} on "
            f"{self.topology} ({self.num_devices} devices, {share} images each)",
            {
                "compiled": "Compiled by the TPU compiler; nothing was run on a TPU.",
                "extrapolated": "Extrapolated from compiled models of one and two "
                "blocks; nothing was run on a TPU.",
            }[self.method],
        ]
        if self.backend == "tensorflow":
            lines.append(
                "TensorFlow's step, as StableHLO lowered for a CPU: its own kernels "
                "for a TPU were not tried."
            )
        lines += [f"{name:<16}{text}" for name, text in self._rows()]
        return "\n".join(lines)

    def _rows(self):
        """Names and texts of what was found."""
        memory = f"{self.peak / GIB:.2f} of {self.memory / GIB:.2f} GiB per device"
        verdict = "fits:" if self.fits else "does not fit:"
        if self.flops is None:
            yield "memory", f"{verdict} at least {memory}"
            return
        parts = (
            f"({self.arguments / GIB:.2f} weights, optimizer and batch, "
            f"{self.temporary / GIB:.2f} temporary)"
        )
        yield "memory", f"{verdict} {memory} {parts}"
        yield "arithmetic", f"{self.flops / 1e12:.3g} TFLOP per step and device"
        traffic = f"{self.bytes_moved / 1e9:.3g} GB per step and device"
        yield "main memory", f"{traffic}, read and written"
        moved = [
            f"{count} {kind} ({size / 1e6:.3g} MB)"
            for kind, (count, size) in self.collectives.items()
        ]
        yield "between chips", ", ".join(moved) or "nothing"
        yield "padding", f"{100 * self.padding:.1f} % of the bytes written"
        yield from (("", line) for line in self.padded)
        for place, line in enumerate(self.copies):
            yield "" if place else "layout copies", line
        leaks = [
            f"{'calls of the host' if kind == 'host' else kind} in "
            f"{', '.join(layers) or 'the step'}"
            for kind, layers in self.leaks.items()
        ]
        yield "leaks", "; ".join(leaks) or "none: no 64-bit type, no host call"
        bounds = [f"{name} {1e3 * s:.3g}" for name, s in self.bounds.items()]
        least = f"at least {1e3 * self.step_seconds:.3g} ms ({', '.join(bounds)})"
        if self.estimated_seconds is None:
            yield "step", least
        else:
            about = f"{1e3 * self.estimated_seconds:.3g} ms by the compiler's estimate"
            yield "step", f"{about}; {least}"
        if self.chip_days is not None:
            paper = ""
            if self.paper_core_days:
                paper = f"; the paper: {self.paper_core_days:,} TPUv3-core-days"
            word = "at least" if self.estimated_seconds is None else "about"
            days = f"{word} {self.chip_days:.3g} chip-days"
            yield "whole recipe", f"{self.total_steps:,} updates: {days}{paper}"
