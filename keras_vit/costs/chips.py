"""The chips that a check knows: what their maker states. A table only."""

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
    # Devices on a chip.
    devices: int = 1


# https://cloud.google.com/tpu/docs, the page of each generation.
CHIPS = {
    "v4": Chip(15.25, 137.5, 614.0, 150.0, devices=2),
    "v5e": Chip(15.75, 197.0, 819.0, 200.0),
    "v5p": Chip(95.73, 459.0, 2765.0, 600.0),
    "v6e": Chip(31.24, 918.0, 1640.0, 448.0),
}
