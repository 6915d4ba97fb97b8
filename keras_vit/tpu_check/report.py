"""What a check found, as numbers and as text."""

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
    # Of the peak: weights, optimizer and the batch; and all that comes and goes.
    arguments: float | None
    temporary: float | None
    # Of one training step.
    flops: float | None
    bytes_moved: float | None
    # Kind to [how many, bytes].
    collectives: dict
    # Share of the written bytes that are padding, and the worst arrays as text.
    padding: float | None
    padded: tuple
    # What a TPU program should not hold, to the layers at fault.
    leaks: dict
    # Lower bounds of the step's time, seconds: of arithmetic, memory, links.
    bounds: dict
    # Of the whole recipe: days of all chips at the bound, updates, the paper's figure.
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
        return "\n".join(line for line in self._lines() if line)

    def _lines(self):
        size = "x".join(map(str, self.image_size))
        share = self.batch_size // self.num_devices
        yield (
            f"{self.model}, {size} pixels, {self.dtype}, batch {self.batch_size:,} on "
            f"{self.topology} ({self.num_devices} devices, {share} images each)"
        )
        yield {
            "compiled": "Compiled by the TPU compiler; nothing was run on a TPU.",
            "extrapolated": "Extrapolated from compiled models of one and two blocks; "
            "nothing was run on a TPU.",
        }[self.method]
        if self.backend == "tensorflow":
            yield (
                "TensorFlow's step, as StableHLO lowered for a CPU: its own kernels "
                "for a TPU were not tried."
            )
        verdict = "fits:" if self.fits else "does not fit:"
        if self.flops is None:
            verdict += " at least"
        yield (
            f"memory          {verdict} {self.peak / GIB:.2f} of "
            f"{self.memory / GIB:.2f} GiB per device{self._parts()}"
        )
        if self.flops is None:
            return
        yield f"arithmetic      {self.flops / 1e12:.3g} TFLOP per step and device"
        yield f"memory traffic  {self.bytes_moved / 1e9:.3g} GB per step and device"
        moved = [
            f"{count} {kind} ({size / 1e6:.3g} MB)"
            for kind, (count, size) in self.collectives.items()
        ]
        yield f"between chips   {', '.join(moved) or 'nothing'}"
        if self.padding is not None:
            yield f"padding         {100 * self.padding:.1f} % of the bytes written"
            yield from (f"                {line}" for line in self.padded)
        what = {"host": "calls of the host"}
        leaks = [
            f"{what.get(kind, kind)} in {', '.join(layers) or 'the step'}"
            for kind, layers in self.leaks.items()
        ]
        none = "none: no 64-bit type, no host call"
        yield f"leaks           {'; '.join(leaks) or none}"
        bounds = [f"{name} {1e3 * s:.3g}" for name, s in self.bounds.items()]
        least = 1e3 * self.step_seconds
        yield f"step            at least {least:.3g} ms ({', '.join(bounds)})"
        yield self._days()

    def _parts(self):
        if self.arguments is None:
            return ""
        return (
            f" ({self.arguments / GIB:.2f} weights, optimizer and batch, "
            f"{self.temporary / GIB:.2f} in between)"
        )

    def _days(self):
        if self.chip_days is None:
            return ""
        text = (
            f"whole recipe    {self.total_steps:,} updates: at least "
            f"{self.chip_days:.3g} chip-days"
        )
        if self.paper_core_days:
            text += f"; the paper: {self.paper_core_days:,} TPUv3-core-days"
        return text
