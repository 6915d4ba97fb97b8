"""Search for the learning rate and the augmentation of a small ViT.

    pip install "keras-vision-transformer[tuner]"
    python examples/tune_learning_rate.py

Data: 6,000 small grey images of clothes (Fashion-MNIST), inside the package. A fifth of
the training images is held out, by which trials are compared, so that the test images
stay unseen. Cost: about five minutes of CPU time for twelve trials of six passes.
Short trials favour high rates: what is best for six passes need not be for 24. The
folder then holds a table of all trials, their picture, and best_recipe.json, which
`keras-vit train --recipe` takes. A search that was stopped resumes where it was.
"""

import os
from pathlib import Path

from keras_vit.training import Recipe
from keras_vit.tuner import Between, Budget, Choices, ViTHyperModel, search

TRIALS = int(os.environ.get("TRIALS", 12))
EPOCHS = int(os.environ.get("EPOCHS", 6))
DATA = os.environ.get("DATA", "fashion_mnist_mini")
FOLDER = Path("searches/learning_rate")

space = {
    "learning_rate": Between(3e-4, 1e-2),
    "augment": Choices(("none", "flip", "crop_flip")),
}
hypermodel = ViTHyperModel(
    Recipe(data=DATA),
    space,
    fields=list(space),
    budget=Budget(parameters=500_000),
)
found = search(
    hypermodel,
    FOLDER,
    trials=TRIALS,
    epochs=EPOCHS,
    resume=(FOLDER / "search.json").exists(),
)
for row in found.ranked():
    print(f"{row.score:.1%} of the images held out: {row.values}")
print(f"keras-vit train --recipe {found.best_recipe}")
