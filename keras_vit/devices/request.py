"""What `--devices` asks for."""

import dataclasses
import difflib
import re

KINDS = ("cpu", "gpu", "tpu")


@dataclasses.dataclass(frozen=True)
class Request:
    """Devices that were asked for; `None` leaves the choice to what is there."""

    kind: str | None = None
    # Devices of this host.
    count: int | None = None


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
    close = difflib.get_close_matches(kind, ("auto", *KINDS), 1, 0.5)
    hint = f" Did you mean {close[0]!r}?" if close and close[0] != kind else ""
    raise ValueError(
        "`devices` must be auto, cpu, gpu or tpu, the last three with a number after "
        "a colon for so many devices of this machine, as in cpu:2. "
        f"Received: {text!r}.{hint}"
    )
