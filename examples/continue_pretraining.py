"""Go on with masked-patch pretraining on your own photos, then learn their classes.

    python examples/continue_pretraining.py

The same by commands, for your photos and a pretraining run or a ViT to start from:

    keras-vit pretrain --data PHOTOS --weights START --run runs/adapted
    keras-vit train --data PHOTOS --weights runs/adapted

Data: Fashion-MNIST inside the package, dark on light in the part that plays your photos
(without labels, then with 10 of each class). Cost: 20 passes over 4,800 and over 1,000
small images, and three trainings of 200 steps.
"""

import dataclasses
import os

import numpy as np
from PIL import Image

import keras_vit
from keras_vit.training import Recipe, train

EPOCHS = int(os.environ.get("EPOCHS", 20))
STEPS = int(os.environ.get("STEPS", 200))
OTHERS = os.environ.get("OTHERS", "fashion_mnist_mini")
PHOTOS = int(os.environ.get("PHOTOS", 100))  # of each class
SMALL = {"num_layers": 4, "hidden_dim": 96, "mlp_dim": 192, "num_heads": 4}
SMALL |= {"image_size": 28, "patch_size": 4, "pooling": "gap"}

# Your photos: folders of classes. Pretraining does not read what they are called.
source = keras_vit.data.load("fashion_mnist_mini:train").take_per_class(PHOTOS)
for images, labels in source.batches(100, image_size=28, num_channels=1):
    for image, label in zip(images.numpy(), labels.numpy()):
        folder = os.path.join("photos", source.class_names[label].replace("/", "-"))
        os.makedirs(folder, exist_ok=True)
        pixels = np.round(127.5 * (1 - image[..., 0])).astype("uint8")
        name = f"{len(os.listdir(folder)):03d}.png"
        Image.fromarray(pixels).save(os.path.join(folder, name))

# What somebody else pretrained, on other images; with a published ViT, leave this out.
general = Recipe(
    OTHERS,
    masked_target="mean_colour",
    epochs=EPOCHS,
    weight_decay=0.05,
    **SMALL,
)
start = train(general, "runs/general").folder.path

# Continued on the photos: encoder, mask token and the prediction of colours go on.
own = dataclasses.replace(general, data="photos", weights=str(start))
adapted = train(own, "runs/adapted").folder.path

few = Recipe("photos", epochs=None, total_steps=STEPS, batch_size=50, **SMALL)
for name, weights in (
    ("from scratch", None),
    ("pretrained on others", str(start)),
    ("continued on the photos", str(adapted)),
):
    recipe = dataclasses.replace(few, weights=weights, test_fraction=0.9)
    result = train(recipe, f"runs/{name.replace(' ', '-')}")
    print(f"{name}: {result.metrics['val_accuracy']:.1%} of the test images right")
