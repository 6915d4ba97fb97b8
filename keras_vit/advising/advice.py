"""Advice: lines with their numbers and the command to try."""

import dataclasses
import shlex

from keras_vit.common.interrupts import PROGRAM
from keras_vit.common.pages import escaped
from keras_vit.common.wording import printable


@dataclasses.dataclass(frozen=True)
class Line:
    """One piece of advice."""

    # The name of its rule; see `keras_vit.advising.rules`.
    rule: str
    # A sentence or two, with the numbers that they rest on.
    text: str
    # The command to try, as words; empty where there is nothing to do.
    command: tuple
    # The numbers, by name.
    numbers: dict

    @property
    def typed(self):
        """The command as one types it."""
        return shlex.join([PROGRAM, *self.command])

    def to_json(self):
        """The line as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "command": list(self.command)}


class Advice(list):
    """A list of `Line` that prints as text, and as HTML in a notebook."""

    def __str__(self):
        if not self:
            return "Nothing to remark."
        lines = []
        for line in self:
            lines.append(f"- {printable(line.text)}")
            if line.command:
                lines.append(f"    {printable(line.typed)}")
        return "\n".join(lines)

    def _repr_html_(self):
        if not self:
            return "<p>Nothing to remark.</p>"
        items = []
        for line in self:
            command = ""
            if line.command:
                command = f"<br><code>{escaped(line.typed)}</code>"
            items.append(f"<li>{escaped(line.text)}{command}</li>")
        return f"<ul class='advice'>{''.join(items)}</ul>"

    def to_json(self):
        """The lines as a list that JSON can hold."""
        return [line.to_json() for line in self]
