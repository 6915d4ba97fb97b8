"""Whatever a file causes is one error that names it, short and printable."""

import golden
import numpy as np
import pytest

import keras_vit
from keras_vit.checkpoints.files.errors import naming, naming_its, reading


@pytest.mark.parametrize(
    "error", [KeyError("a"), RecursionError(), AttributeError("x"), ZeroDivisionError()]
)
def test_errors_of_any_class_become_one(error):
    with pytest.raises(ValueError, match=r"^/data/weights: .*Fetch it again") as found:
        with naming("/data/weights"):
            raise error
    assert type(error).__name__ in str(found.value)


def test_errors_that_name_the_file_stay_as_they_are():
    before = ValueError("/data/weights.npz is empty")
    with pytest.raises(ValueError) as found, naming(b"/data/weights.npz"):
        raise before
    assert found.value is before
    with pytest.raises(FileNotFoundError), naming("/data/weights.npz"):
        raise FileNotFoundError(2, "No such file", "/data/weights.npz")


def test_messages_are_printable_and_short():
    with pytest.raises(OSError) as found, naming("a\x1b[31m"):
        raise OSError("\x1b[2J\u202e" + "x" * 10_000 + "end")
    text = str(found.value)
    assert text.isprintable() and len(text) <= 4000 and text.endswith("end")
    assert r"a\x1b[31m" in text and r"\x1b[2J\u202e" in text
    with pytest.raises(ValueError) as found, reading("a\nb", "npz", "c\td"):
        raise RuntimeError("\r" + "y" * 10_000)
    assert str(found.value).isprintable() and len(str(found.value)) < 1000


def test_other_errors_pass():
    for error in (MemoryError(), ImportError("pip install"), KeyboardInterrupt()):
        with pytest.raises(type(error)), naming("weights"):
            raise error


def test_a_decorated_function_names_its_argument():
    @naming_its("b")
    def inverse(a, b=None):
        return 1 / a

    with pytest.raises(ValueError, match=r"^weights: .*ZeroDivisionError"):
        inverse(0, b="weights")
    assert inverse(2, "weights") == 0.5


def test_names_in_a_file_cannot_reach_the_terminal(tmp_path):
    for name in ("\x1b[2J", "a\nb", "\u202egnp", "x" * 5000):
        path = tmp_path / "weights.npz"
        arrays = golden.arrays("vit/token_norep.ckpt.npz")
        np.savez(path, **{name: np.zeros(3)}, **arrays)
        with pytest.raises(ValueError, match="whose name no program gives") as error:
            keras_vit.from_checkpoint(path)
        assert str(error.value).isprintable() and len(str(error.value)) < 1000
