"""What a measurement depends on: the machine, its load, the installed versions."""

import importlib.metadata
import os
import pathlib
import platform


def cores():
    """The number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def describe():
    """What the numbers depend on: CPU, cores, memory, system, load."""
    facts = {"cores": cores(), "system": platform.platform(), "cpu": cpu_model()}
    facts["python"] = platform.python_version()
    if hasattr(os, "getloadavg"):
        facts["load_average_at_start"] = os.getloadavg()[0]
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names:
        facts["memory"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return facts


def cpu_model():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    return fields.get("model name", platform.machine())


def versions(*distributions):
    """Installed versions; `None` where a distribution is missing."""
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def busy_seconds():
    """CPU seconds that all processes of the machine have used, or `None`."""
    try:
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    ticks = [int(field) for field in fields[:8]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
