"""The devices that a user asks for, as in `--devices gpu:2`."""

import dataclasses
import re

from keras_vit.common.wording import hint

KINDS = ("cpu", "gpu", "tpu")


@dataclasses.dataclass(frozen=True)
class Request:
    """Devices that were asked for; `None` means whatever is available."""

    kind: str | None = None
    # Devices of this host.
    count: int | None = None

    def check(self, found, backend, why=None):
        """Raises unless a backend has found as many devices of this host."""
        if found >= (self.count or 1):
            return
        if why is None and self.kind == "cpu":
            why = f"{backend} has started with fewer: ask before anything else uses it."
        kind = (self.kind or "").upper()
        raise ValueError(
            f"Devices requested: {self.count or 1} {kind}. "
            f"Found by {backend}: {found}.{f' {why}' if why else ''}"
        )


def parse_devices(text):
    """Reads `"auto"`, `"cpu"`, `"gpu"` or `"tpu"`, and numbers such as `"gpu:2"`.

    Returns:
        A `Request`.

    Raises:
        ValueError: if it is something else.

    Example:

    >>> parse_devices("cpu:8")
    Request(kind='cpu', count=8)
    """
    text = str(text).strip().lower()
    if text == "auto":
        return Request()
    kind, _, number = text.partition(":")
    if kind in KINDS and re.fullmatch(r"[1-9]\d{0,3}", number or "1"):
        if not text.endswith(":"):
            return Request(kind, int(number) if number else None)
    is_kind = kind in ("auto", *KINDS)
    raise ValueError(
        "`devices` must be auto, cpu, gpu or tpu, the last three with a number after "
        "a colon for so many devices of this machine, as in cpu:2. "
        f"Received: {text!r}.{'' if is_kind else hint(kind, ('auto', *KINDS))}"
    )
