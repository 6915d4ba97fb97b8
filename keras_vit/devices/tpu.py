"""Detects a TPU by its hardware, never by the library that drives it.

`libtpu` comes with `pip install jax[tpu]` on any machine, and TensorFlow's list of TPU
systems is not empty where the library is installed: neither shows that there is a chip.
"""

import os
from pathlib import Path

# Google's chips on the PCI bus: v2 and v3, v4, v5p, v5e, v6e, and TPU7x.
_VENDOR = "0x1ae0"
_CHIPS = ("0x0027", "0x005e", "0x0062", "0x0063", "0x006f", "0x0076")

# One of these is set on the machines of a TPU, whose chips are VFIO devices.
_VARIABLES = (
    "TPU_ACCELERATOR_TYPE",
    "TPU_WORKER_HOSTNAMES",
    "TPU_CHIPS_PER_HOST_BOUNDS",
)


def find_tpu(root="/", environment=None):
    """What shows that there is a TPU, or `None`.

    Args:
        root: Path, the folder that holds `dev` and `sys`.
        environment: Dictionary; the process's own environment by default.

    Returns:
        String such as `"/dev/accel0"`.
    """
    root = Path(root)
    environment = os.environ if environment is None else environment
    # Not `accel*`: /dev/accel is the folder of other makers' chips.
    chips = sorted((root / "dev").glob("accel[0-9]*"))
    if chips:
        return f"/dev/{chips[0].name}"
    named = [name for name in _VARIABLES if environment.get(name)]
    groups = sorted((root / "dev/vfio").glob("[0-9]*"))
    if groups and (named or _on_bus(root)):
        return f"/dev/vfio/{groups[0].name}"
    for name in ("TPU_NAME", "COLAB_TPU_ADDR"):  # a TPU on the network
        if environment.get(name):
            return f"{name}={environment[name]}"
    return None


def _on_bus(root):
    for device in (root / "sys/bus/pci/devices").glob("*"):
        try:
            vendor = (device / "vendor").read_text().strip()
            chip = (device / "device").read_text().strip()
        except OSError:
            continue
        if vendor == _VENDOR and chip in _CHIPS:
            return True
    return False
