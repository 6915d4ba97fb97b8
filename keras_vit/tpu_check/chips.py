"""The chips that a check knows: what their maker states. A table only."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Chip:
    """One generation of TPUs, per chip."""

    # Memory that a program may use, GiB; a little less than what is built in.
    memory: float
    # Peak of the matrix units in bfloat16, 1e12 operations per second.
    tflops: float
    # Bandwidth of that memory, 1e9 bytes per second.
    bandwidth: float
    # Bandwidth between chips, all links together, 1e9 bytes per second.
    links: float
    # What `jax` calls it.
    device_kind: str


# https://cloud.google.com/tpu/docs, the page of each generation. The usable memory of
# v5e and v6e is what the compiler states when a program is too large.
CHIPS = {
    "v4": Chip(32.0, 275.0, 1228.0, 300.0, "TPU v4"),
    "v5e": Chip(15.75, 197.0, 819.0, 200.0, "TPU v5 lite"),
    "v5p": Chip(95.0, 459.0, 2765.0, 600.0, "TPU v5"),
    "v6e": Chip(31.25, 918.0, 1640.0, 448.0, "TPU v6 lite"),
}
