"""What cells are expected to take, and what a command may spend on them."""

import contextlib
import dataclasses
import re
import time

# What is priced: seconds of the clock, of processors, and of devices.
WALL, CPU, DEVICE = "budget", "cpu_budget", "device_budget"


def as_seconds(text, name=WALL):
    """Seconds of a number, or of text such as `"90s"`, `"30m"`, `"1.5h"` or `"2d"`.

    Raises:
        ValueError: if it is no such text, or not positive.
    """
    match = re.fullmatch(r"([\d.]+)\s*([smhd]?)\w*", str(text).strip())
    with contextlib.suppress(ValueError, TypeError):
        seconds = float(match[1]) * {"m": 60, "h": 3600, "d": 86_400}.get(match[2], 1)
        if seconds > 0:
            return seconds
    raise ValueError(
        f"`{name}` must be seconds, or text such as '30m' or '2h'. "
        f"Received: {name}={text!r}"
    )


@dataclasses.dataclass(frozen=True)
class _Measured:
    """The last cell of an arm that was done."""

    spent: dict  # of what is priced, to seconds
    expected: dict
    updates: int
    devices: int


class Prices:
    """What each cell is expected to take: estimates, set right by cells that are done.

    Args:
        costs: List of `CellCost`, or an empty one where nothing was estimated.
    """

    def __init__(self, costs=()):
        self.costs = {one.name: one for one in costs}
        self.measured = {}  # by arm

    def learn(self, cell, result, seconds):
        """Takes note of a cell that is done; `seconds` is what this session saw."""
        devices = result.get("devices") or 1
        wall = result.get("seconds") or 0.0
        if cell.trains:  # else this session may have waited for another cell's features
            # Of a cell that went on, this session saw a part only.
            wall = max(seconds, wall)
        spent = {WALL: wall, CPU: result.get("cpu_seconds"), DEVICE: wall * devices}
        expected = self._expected(cell, devices)
        self.measured[cell.arm] = _Measured(spent, expected, result["updates"], devices)

    def spent(self, cell, result, seconds):
        """What this session has spent on a cell, however it ended.

        Args:
            cell: A `Cell`.
            result: Its result; `None` if its process has died.
            seconds: Float, the clock's seconds, which stand for what is not known.

        Returns:
            Dictionary of processor and device seconds.
        """
        found = (result or {}).get("spent") or {}
        last = self.measured.get(cell.arm)
        devices = (result or {}).get("devices") or (last.devices if last else 1)
        wall = found.get("seconds", seconds)
        return {CPU: found.get("cpu_seconds", seconds), DEVICE: wall * devices}

    def of(self, cell):
        """Dictionary of what is priced to seconds, or to `None` where not known."""
        last = self.measured.get(cell.arm)
        expected = self._expected(cell, last.devices if last else 1)
        if last is None:
            return expected
        return {name: _scaled(cell, last, expected, name) for name in expected}

    def room(self, cell):
        """Bytes on the disk that a cell needs while it runs, as far as is known."""
        known = self.costs.get(cell.name)
        return known.room if known else 0

    def _expected(self, cell, devices):
        known = self.costs.get(cell.name)
        wall, cpu = (known.seconds, known.cpu_seconds) if known else (None, None)
        return {WALL: wall, CPU: cpu, DEVICE: None if wall is None else wall * devices}


def _scaled(cell, last, expected, name):
    spent, then, now = last.spent[name], last.expected[name], expected[name]
    if spent is None or (then and now):
        return now if spent is None else now * spent / then
    own = cell.recipe.total_steps
    return spent * own / last.updates if own and last.updates else spent


class Budget:
    """What one command may spend; of what is not limited, anything.

    Args:
        limits: Dictionary of `"budget"`, `"cpu_budget"` or `"device_budget"` to seconds
            or text such as `"30m"`; `None` is no limit.

    Raises:
        ValueError: if a limit is no time.
    """

    def __init__(self, limits):
        given = {name: limit for name, limit in limits.items() if limit is not None}
        self.limits = {name: as_seconds(limit, name) for name, limit in given.items()}
        self.spent = {CPU: 0.0, DEVICE: 0.0}
        self.started = time.monotonic()

    def spend(self, spent):
        """Takes note of what a cell took."""
        for name in self.spent:
            self.spent[name] += spent[name] or 0.0

    def fits(self, price, running):
        """Whether a cell is expected to end within the budget.

        Args:
            price: What `Prices.of` says of it; what is not known counts nothing.
            running: List of the prices of the cells that run.
        """
        for name, limit in self.limits.items():
            if name == WALL:
                taken = time.monotonic() - self.started
            else:
                taken = self.spent[name] + sum(one[name] or 0.0 for one in running)
            if taken + (price[name] or 0.0) > limit:
                return False
        return True
