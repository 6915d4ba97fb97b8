"""Tables of chips: memory, peak rates and bandwidths, as their makers state them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Chip:
    """One device of a generation of TPUs: a chip, or on v4 one of its two cores."""

    # Memory that a program may use, GiB: what the compiler says is available.
    memory: float
    # Peak of the matrix units in bfloat16, 1e12 operations per second.
    tflops: float
    # Bandwidth of that memory, 1e9 bytes per second.
    bandwidth: float
    # Bandwidth to other chips, all links together, 1e9 bytes per second.
    links: float
    # Cycles of the matrix units, 1e9 per second: what the peak follows from.
    clock: float
    # Devices on a chip.
    devices: int = 1


# TPUs that can be compiled for without having one.
# https://cloud.google.com/tpu/docs, the page of each generation.
CHIPS = {
    "v4": Chip(15.25, 137.5, 614.0, 150.0, 1.05, devices=2),
    "v5e": Chip(15.75, 197.0, 819.0, 200.0, 1.5),
    "v5p": Chip(95.73, 459.0, 2765.0, 600.0, 1.75),
    "v6e": Chip(31.24, 918.0, 1640.0, 448.0, 1.75),
}

# Chips that an estimate can name, and the peak of their matrix units: 1e12
# floating-point operations per second in bfloat16 (float16 where a chip has no
# bfloat16), dense; of a TPU, one chip. The papers count TPUv3 cores, two to a chip.
PEAK_TFLOPS = {
    "tpu-v2": 45.0,
    "tpu-v3": 123.0,
    "tpu-v3-core": 61.5,
    **{f"tpu-{name}": chip.devices * chip.tflops for name, chip in CHIPS.items()},
    "t4": 65.0,
    "v100": 125.0,
    "a100": 312.0,
    "l4": 121.0,
    "h100": 989.0,
}

# The share of the peak that a well-fed training run is assumed to reach. With it, the
# estimates of ViT-L/16 and ViT-H/14 lie within a quarter of the published core-days.
UTILISATION = 0.4
