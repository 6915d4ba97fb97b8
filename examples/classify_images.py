"""Train a small Vision Transformer and name the classes of a few images.

    python examples/classify_images.py

Data: 6,000 small grey images of clothes (Fashion-MNIST), inside the package.
Cost: about 100 seconds of CPU time. Expected: about 82 % of the test images right.
"""

import os

import keras

import keras_vit

EPOCHS = int(os.environ.get("EPOCHS", 12))
BATCH_SIZE = 64
IMAGE_SIZE = 28

keras.utils.set_random_seed(0)

# Data: batches of images in [-1, 1], with integer labels.
train = keras_vit.data.load("fashion_mnist_mini:train")
test = keras_vit.data.load("fashion_mnist_mini:test")
options = {"image_size": IMAGE_SIZE, "num_channels": 1}
train_batches = train.batches(BATCH_SIZE, training=True, augment="flip", **options)
test_batches = test.batches(BATCH_SIZE, **options)
steps_per_epoch = train.steps_per_epoch(BATCH_SIZE)

# Model: 16 patches of 7 x 7 pixels, 4 blocks.
model = keras_vit.ViT(
    num_classes=train.num_classes,
    patch_size=7,
    num_layers=4,
    hidden_dim=96,
    mlp_dim=192,
    num_heads=4,
    image_size=IMAGE_SIZE,
    num_channels=1,
)

# Training: AdamW with warm-up and cosine decay.
total_steps = EPOCHS * steps_per_epoch
schedule = keras.optimizers.schedules.CosineDecay(
    0.0, total_steps, warmup_target=1e-3, warmup_steps=total_steps // 10
)
model.compile(
    keras.optimizers.AdamW(schedule, weight_decay=0.05, global_clipnorm=1.0),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(
    train_batches,
    steps_per_epoch=steps_per_epoch,
    epochs=EPOCHS,
    validation_data=test_batches,
    shuffle=False,  # the batches already come in random order
    verbose=2,
)

# Prediction: the first test images.
images, labels = next(iter(test_batches))
predictions = keras_vit.decode_predictions(
    model.predict(images[:5], verbose=0), top=2, class_names=train.class_names
)
for label, best in zip(labels.numpy(), predictions):
    guesses = ", ".join(f"{name} {probability:.0%}" for _, name, probability in best)
    print(f"true: {train.class_names[label]:12s} predicted: {guesses}")
