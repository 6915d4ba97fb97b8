"""Train a small ViT, then write it as ONNX and as int8 for a phone, both checked.

    python examples/export_model.py          # pip install ".[export]"

Data: 6,000 small grey images of clothes (Fashion-MNIST), inside the package. Cost: a
few minutes. Expected: the same classes from all three, and a third of the size in int8.
"""

import os

import numpy as np

import keras_vit
from keras_vit.training import Recipe, train

EPOCHS = int(os.environ.get("EPOCHS", 12))
DATA = "fashion_mnist_mini"

model = train(Recipe(data=DATA, epochs=EPOCHS), "runs/exported").load_model()

# Pixels in, probabilities out: whoever runs the file needs nothing of this package.
ready = {"preprocess": True, "postprocess": True, "overwrite": True}
print(keras_vit.export(model, "clothes.onnx", **ready))
print(keras_vit.export(model, "clothes.tflite", "litert_int8", data=DATA, **ready))

import onnxruntime

session = onnxruntime.InferenceSession("clothes.onnx")
test = keras_vit.data.load("fashion_mnist_mini:test")
images, _ = next(iter(test.batches(1, image_size=28, num_channels=1)))
pixels = 127.5 * (images.numpy() + 1)
[[probabilities]] = session.run(None, {"image": pixels})
best = int(np.argmax(probabilities))
print(f"ONNX Runtime: {test.class_names[best]}, {probabilities[best]:.0%}")
