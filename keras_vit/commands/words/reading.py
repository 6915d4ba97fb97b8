"""Reads the words of a command: other tools' names are translated, mistakes named."""

import difflib
import itertools
import os
import re

from keras_vit.commands.words.options import options_of
from keras_vit.commands.words.other_names import INSTEAD, ONLY, SAME, VALUES, WORDS
from keras_vit.common.interrupts import PROGRAM
from keras_vit.terminal import WrongUsage


def understood(name, kind, words):
    """The words of a command as its own options have them.

    Args:
        name: String, of the command.
        kind: Its dataclass.
        words: List of strings, what was typed after the name.

    Raises:
        WrongUsage: for an option that the command does not have, with the one that was
            meant, as far as it can be told.

    Example:

    >>> understood("train", Train, ["./photos", "--lr", "0.01"])
    ['./photos', '--learning-rate', '0.01']
    """
    reader = _Reader(name, kind)
    before = list(itertools.takewhile(lambda word: not word.startswith("--"), words))
    words, read = [*map(reader.with_dashes, before), *words[len(before) :]], []
    while words:
        word = words.pop(0)
        if word == "--":
            return [*read, word, *words]
        if word.startswith("--") and (value := reader.named_word(word, words)):
            read.insert(0, value)
            continue
        read += reader.option(word, words) if word.startswith("--") else [word]
    return read


class _Reader:
    def __init__(self, name, kind):
        self.name = name
        options = [o for o in options_of(kind) if not o.positional]
        # Fields are named as they are; `recipe` is called otherwise than its field.
        self.options = {o.name: o for o in options}
        self.flags = {flag: o for o in options for flag in o.flags}
        # Words by the name of their option, had they one.
        self.places = {
            o.name.replace("_", "-"): o.place for o in options_of(kind) if o.positional
        }
        self.has = {o.name for o in options_of(kind)}

    def with_dashes(self, word):
        """`--epochs=3` of `epochs=3`, as Ultralytics has it; else the word itself."""
        start = re.match(r"([A-Za-z]\w*)=", word)
        if start is None or os.path.exists(word):
            return word
        name = start[1].replace("_", "-")
        known = f"--{name}" in self.flags or SAME.get(name) in self.options
        known = known or name in self.places or self._is_instead(name)
        return f"--{word}" if known else word

    def named_word(self, word, rest):
        """The value of `--data DATA` where the command takes it as its only word."""
        name, equals, value = word[2:].partition("=")
        if [name] != list(self.places) or not (equals or rest):
            return None
        return value if equals else rest.pop(0)

    def option(self, word, rest):
        """One option, and its value where that is translated, taken from `rest`."""
        written, equals, value = word.partition("=")
        name = written[2:].replace("_", "-")
        if f"--{name}" in self.flags:
            return [f"--{name}{equals}{value}"]
        if name in WORDS and WORDS[name][0] in self.options:
            if not equals and rest and rest[0].lower() in ("true", "1"):
                rest.pop(0)
            field, meant = WORDS[name]
            if value.lower() not in ("", "true", "1"):
                self._refuse(written, f"give --{field} {meant}, or leave it out")
            return [f"--{field}", meant]
        field = SAME.get(name)
        if field not in self.options:
            self._refuse(written)
        flag = self.options[field].flags[0]
        if not self.options[field].place:  # which has no value
            if (value or "true").lower() not in ("true", "1"):
                return [self.options[field].flags[-1]]
            return [flag]
        if not equals and (not rest or rest[0].startswith("--")):
            return [flag]
        value = value if equals else rest.pop(0)
        return [flag, self._value(written, name, field, value)]

    def _value(self, written, name, field, value):
        """A value as this package writes it."""
        low = value.lower()
        value = VALUES.get(field, {}).get(low.replace("_", "-"), value)
        place = self.options[field].place
        if low in place.split("|"):  # names of Ultralytics are SGD and AdamW
            value = low
        if name in ONLY and value not in ONLY[name][0]:
            self._refuse(f"{written} {value}", ONLY[name][1])
        if place == "N" and re.fullmatch(r"\d+\.0*", value):  # as in Hugging Face's
            value = value.partition(".")[0]
        return value

    def _is_instead(self, name):
        return name in INSTEAD and INSTEAD[name][0] in self.has

    def _refuse(self, written, what=None):
        """Raises for an option that there is not, naming what to use."""
        name = written[2:].replace("_", "-")
        if what is None and self._is_instead(name):
            what = INSTEAD[name][1]
        if what is None and name in self.places:
            words = " ".join(self.places.values())
            what = f"give {self.places[name]} as a word: {PROGRAM} {self.name} {words}"
        if what is not None:
            raise WrongUsage(f"{self.name} has no option {written}: {what}.")
        known = {flag: flag for flag in self.flags}
        for other, field in SAME.items():
            if field in self.options and len(other) > 4:  # shorter ones are like all
                known[f"--{other}"] = self.options[field].flags[0]
        likely = difflib.get_close_matches(f"--{name}", known, 1, 0.65)
        meant = f" Did you mean {known[likely[0]]}?" if likely else ""
        raise WrongUsage(
            f"{self.name} has no option {written}.{meant} "
            f"All: {PROGRAM} {self.name} --help-all"
        )
