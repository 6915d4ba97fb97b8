"""Small models, runs and images to write pages about."""

import json

import cases
import numpy as np
from PIL import Image

HISTORY = """epoch,loss,accuracy,val_loss,val_accuracy
1,2.0,0.25,1.5,0.5
2,1.0,0.75,1.25,0.625
"""


def photo(path, size=(20, 30), mode="RGB", seed=0):
    """Writes an image of any kind and returns its path."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (*size, *channels)).astype("uint8")
    Image.fromarray(values).save(path)
    return path


def run_folder(path, name="token", class_names=tuple("abcde"), **recipe):
    """A run folder with a model of `cases`, as training leaves it."""
    path.mkdir()
    model = cases.randomize(cases.MODELS[name].make())
    model.metadata["class_names"] = list(class_names)
    model.save(path / "model.keras")
    recipe = {"data": "my <data>", "model": "small", "seed": 3, **recipe}
    record = {"recipe": recipe, "status": "finished"}
    (path / "run.json").write_text(json.dumps(record))
    (path / "history.csv").write_text(HISTORY)
    return path
