"""Judges changed weight files: right, well refused, or lost."""

import re
from pathlib import Path

import numpy as np
from changing import DAMAGED, HARMLESS
from layouts_of_files import LAYOUTS, numbers_in, write_sound

LETTERS = 4000
_REMEDY = re.compile(
    r"\b(fetch|save|pass|build|use|copy|put|give|load|pack|unpack|leave|rename|resume|"
    r"convert|set|must)\b",
    re.IGNORECASE,
)


class Judge:
    """Holds a sound model of every layout, and compares."""

    def __init__(self, room):
        self._room, self._sound = Path(room), {}

    def __call__(self, layout, kind, folder):
        """`[held or lost, why]` of a changed file, over all doors to it."""
        import keras_vit
        from keras_vit.inference.loaded import load_model

        model, values, _ = self.sound_model(layout)
        facts = LAYOUTS[layout]
        source = str(folder / (facts.opened or facts.file)).removesuffix("/.")

        def load():
            keras_vit.load_weights(model, source)
            return model

        doors = {
            "load_weights": load,
            "from_checkpoint": lambda: keras_vit.from_checkpoint(
                source, **facts.arguments
            ),
        }
        if layout == "keras":
            doors["load_model"] = lambda: load_model(source)
        found = set()
        for name, door in doors.items():
            try:
                loaded = door()
            except (ValueError, OSError) as error:
                what, why = _judged(error, folder, facts.file)
                if kind == HARMLESS:
                    what, why = "lost", f"refused: {error}"
                if _differs(model, values):
                    what, why = "lost", "the model has changed"
            except Exception as error:
                what, why = "lost", f"{type(error).__name__}: {error}"
            else:
                what, why = self._compared(loaded, layout, kind, folder)
            finally:
                for variable, value in zip(model.variables, values):
                    variable.assign(value)
            if what == "lost":
                return what, f"{name}: {why}"
            found.add(what)
        return "held", " and ".join(sorted(found))

    def sound_model(self, layout):
        if layout not in self._sound:
            import keras_vit

            folder = self._room / f"sound-{layout}"
            folder.mkdir()
            write_sound(layout, folder)
            facts = LAYOUTS[layout]
            source = folder / (facts.opened or facts.file)
            model = keras_vit.from_checkpoint(source, **facts.arguments)
            values = [np.array(v.value) for v in model.variables]
            self._sound[layout] = model, values, _outputs(model)
        return self._sound[layout]

    def _compared(self, loaded, layout, kind, folder):
        _, values, outputs = self.sound_model(layout)
        if loaded.output_shape[1:] == outputs.shape[1:] and not _differs(
            loaded, values
        ):
            if np.allclose(_outputs(loaded), outputs, rtol=0, atol=1e-5):
                return "right", ""
            return "lost", "computes something else with the same weights"
        if kind != DAMAGED:
            return "lost", "loaded with other weights"
        # Nothing protects these bytes: the file holds other numbers now.
        ours = [np.asarray(v.value).ravel() for v in loaded.variables]
        ours = np.sort(np.concatenate(ours))
        theirs = numbers_in(layout, folder)
        if np.isfinite(ours).all() and np.array_equal(ours, theirs):
            return "right", ""
        return "lost", "loaded with numbers that are not in the file"


def _outputs(model):
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (1, *model.input_shape[1:])).astype("float32")
    return np.asarray(model(image))


def _differs(model, values):
    now = [np.asarray(v.value) for v in model.variables]
    return len(now) != len(values) or not all(map(np.array_equal, now, values))


def _judged(error, folder, file):
    """Whether a refusal says what it should."""
    text = str(error)
    if not (folder.name in text or file in text):
        return "lost", f"does not name the file: {text}"
    if len(text) > LETTERS:
        return "lost", f"a message of {len(text)} characters"
    if not text.replace("\n", "").isprintable():
        return "lost", f"control characters: {text!r}"
    if not _REMEDY.search(text):
        return "lost", f"names no remedy: {text}"
    return "refused", text
