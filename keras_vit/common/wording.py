"""Values as text: names, did-you-mean hints, durations, sizes, percentages."""

import decimal
import difflib
import math
import os
import re
import unicodedata

LIMIT = 4000  # characters of a message

# How Python reads bytes of file names that are no text.
_HALVES = "".join(map(chr, range(0xDC80, 0xDD00)))


def display(name) -> str:
    """A file name that can be printed, also one that isn't valid UTF-8."""
    return printable(os.fsdecode(name) if isinstance(name, bytes) else str(name))


def canonical(name) -> str:
    """A name in the form in which names are compared: Unicode's NFC.

    macOS and some archives write é as two characters, others as one.
    """
    return unicodedata.normalize("NFC", str(name))


def whole_number(text) -> str | None:
    """`"3"` of `"3"`, `"3.0"`, `"3,0"` and `"3e0"`, in which programs write it.

    None of what is no whole number of at most 30 digits.
    """
    match = re.fullmatch(r"([+-]?)([0-9]{1,30})(?:[.,]0*)?", text)
    if match:
        return str(int("".join(match.groups())))
    if re.fullmatch(r"[+-]?[0-9](\.[0-9]{1,25})?[eE]\+?[0-9]{1,2}", text):
        number = decimal.Decimal(text)
        if number == number.to_integral_value() and abs(number) < 10**30:
            return str(int(number))
    return None


def class_key(name) -> str:
    """What names of one class share: 1.0 is the class 1, and TRUE is True."""
    low = str(name).lower()
    return low if low in ("true", "false") else whole_number(name) or canonical(name)


def printable(text, keep="") -> str:
    """Foreign text for people: control characters and the like are escaped.

    Args:
        text: String.
        keep: Characters that stay as they are, such as line breaks of our own.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode()
        for c in text
    )


def shortened(text, limit=LIMIT) -> str:
    """A text of at most `limit` characters: of a longer one, both ends."""
    if len(text) <= limit:
        return text
    half = limit // 2 - 3
    return f"{text[:half]} ... {text[-half:]}"


def file_name(start, end="", most=200) -> str:
    """A name for a file that every file system takes: the start is cut.

    Args:
        start: String, of any length.
        end: String that stays whole: a number, an ending.
        most: Bytes of the name. File systems take 255, of which those that add to the
            name (`-1`, `.part`) need some.
    """
    data = start.encode("utf-8", "surrogateescape")
    room = max(most - len(end.encode("utf-8", "surrogateescape")), 1)
    if len(data) > room:
        start = data[:room].decode("utf-8", "surrogateescape")
        start = start.rstrip(_HALVES)  # of a character of several bytes
    return start + end


def closest(value, choices):
    """The choice whose spelling is closest to a value, or `None`; case is ignored."""
    lowered = {str(choice).lower(): choice for choice in choices}
    found = difflib.get_close_matches(str(value).lower(), lowered, 1, 0.4)
    return lowered[found[0]] if found else None


def hint(value, choices, shown=repr):
    """`" Did you mean 'cifar10'?"` where a choice is close to the value, else `""`."""
    found = closest(value, choices)
    return "" if found is None else f" Did you mean {shown(found)}?"


def as_duration(seconds):
    """`90` as `"1.5 min"`: an estimate, rounded to two digits."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.2g} {name}"
    days = float(f"{seconds / 86_400:.2g}")
    return f"{days:,g} days"


def as_clock(seconds):
    """`3725` as `"1:02:05"`: a measured time."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def as_memory(count):
    """Bytes of memory as text, in powers of two: `"2.5 GiB"`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= 0.9995 * size:  # not 1.02e+03 of the next one
            value = count / size
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:,.0f} {unit}"
    return f"{count:.0f} bytes"


def as_file_size(count):
    """Bytes of files as text, in powers of ten: `"2.5 GB"`."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def percent(share, digits=2):
    """A share in [0, 1] as a percentage; a dash for `None`."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def interval(bounds):
    """`(low, high)` of a share, as it follows the share."""
    low, high = bounds
    return f" (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
