"""What the command writes: every terminal can show it, and none obeys it.

Names of files and classes, and what libraries say, may hold sequences that move the
cursor, ring or turn text around. Inside `plain_streams` they come out escaped, whoever
writes them. What draws on the terminal on purpose asks for `console` or `unescaped`.
"""

import codecs
import contextlib
import sys

from keras_vit.common.wording import printable

_KEPT = "\n\t"

# How the encoding of a terminal that lacks a character shows it.
_ERRORS = "keras_vit"
_PLAINER = {"–": "-", "…": "...", "±": "+/-", "×": "x"}


class PlainStream:
    """A text stream that escapes what is not printable, but line breaks and tabs."""

    def __init__(self, stream):
        self.unescaped = stream

    def write(self, text):
        self.unescaped.write(printable(text, keep=_KEPT))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self.unescaped, name)


def be_plain():
    """Makes stdout and stderr plain."""
    codecs.register_error(_ERRORS, _escape)
    sys.stdout, sys.stderr = map(_plain, (sys.stdout, sys.stderr))


def _plain(stream):
    stream = unescaped(stream)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=_ERRORS)
    return stream if stream is None else PlainStream(stream)


@contextlib.contextmanager
def plain_streams():
    """Makes stdout and stderr plain for as long as the block lasts."""
    before = sys.stdout, sys.stderr
    be_plain()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unescaped(stream):
    """The stream behind a plain one, for what draws on a terminal by itself."""
    return getattr(stream, "unescaped", stream)


def for_programs():
    """Stdout for what other programs read, where bytes of names stay as they are.

    On a terminal it is plain like everything else.
    """
    return sys.stdout if sys.stdout.isatty() else unescaped(sys.stdout)


def console():
    """A `rich.console.Console` on stderr, whose texts are escaped and mean nothing."""
    from rich.console import Console
    from rich.segment import Segment

    class PlainConsole(Console):
        def render(self, renderable, options=None):
            for part in super().render(renderable, options):
                if not part.control:
                    part = Segment(printable(part.text, keep=_KEPT), part.style)
                yield part

    return PlainConsole(
        file=unescaped(sys.stderr), markup=False, emoji=False, highlight=False
    )


def _escape(error):
    """The error handler of our streams: names of files stay, the rest is escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter, after = error.object[error.start], error.start + 1
    if "\udc80" <= letter <= "\udcff":  # a byte of a name that is no text
        return bytes([ord(letter) - 0xDC00]), after
    escaped = letter.encode("ascii", "backslashreplace").decode("ascii")
    return _PLAINER.get(letter, escaped), after
