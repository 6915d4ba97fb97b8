"""The same batches from each library, for `pipelines.py`.

Each function prepares a contender and returns `(step, facts)`: the step starts its
pipeline afresh and reads `count` images in batches.
"""

import glob
import os
import resource

import machine

BATCH, IMAGE = 64, 224
AUGMENT = "inception_crop|flip|randaugment(2,10)|mixup(0.2)"


def limit(folder, training, count):
    """What must be done: read, decode, resize; and nothing more."""
    import tensorflow as tf

    files = sorted(glob.glob(os.path.join(folder, "*", "*.jpg")))[:count]
    accurate = dict(dct_method="INTEGER_ACCURATE")

    def whole(file, _):
        image = tf.io.decode_jpeg(tf.io.read_file(file), channels=3, **accurate)
        return tf.image.resize(image, (IMAGE, IMAGE))

    def crop(file, number):
        data = tf.io.read_file(file)
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(data),
            tf.zeros([0, 0, 4]),
            seed=tf.stack([number, 0]),
            area_range=(0.05, 1.0),
            aspect_ratio_range=(0.75, 1.33),
            min_object_covered=0.0,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], 0)
        image = tf.io.decode_and_crop_jpeg(data, window, channels=3, **accurate)
        return tf.image.resize(image, (IMAGE, IMAGE))

    dataset = tf.data.Dataset.from_tensor_slices((files, list(range(len(files)))))
    dataset = dataset.map(crop if training else whole, machine.cores())
    options = tf.data.Options()
    options.autotune.enabled = False  # it keeps many a stream to a single core
    dataset = dataset.with_options(options)
    return _reader(dataset.batch(BATCH, drop_remainder=True).prefetch(2), count)


def keras_vit(folder, training, count):
    import keras_vit.data

    return _reader(_ours(keras_vit.data.load(f"{folder}:all"), training), count)


def _ours(source, training, epochs=1):
    if not training:
        return source.batches(BATCH, image_size=IMAGE)
    wanted = dict(image_size=IMAGE, training=True, augment=AUGMENT)
    return source.batches(BATCH, epochs=epochs, **wanted)


def memory(folder, marks):
    """Facts only: resident bytes after so many images of the training pipeline."""
    import keras_vit.data

    source = keras_vit.data.load(f"{folder}:all")
    facts = {}
    for number, _ in enumerate(_ours(source, True, epochs=None), 1):
        if number * BATCH >= marks[len(facts)]:
            facts[marks[len(facts)]] = _resident()
        if len(facts) == len(marks):
            return lambda: None, facts


def _resident():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:  # elsewhere than on Linux, the most so far
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def keras(folder, training, count):
    """Keras's own loader and layers; its RandAugment draws once per batch."""
    import keras
    import tensorflow as tf

    side = IMAGE * 8 // 7 if training else IMAGE
    dataset = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        batch_size=BATCH,
        image_size=(side, side),
        shuffle=training,
        seed=0,
    )
    layers = [keras.layers.Rescaling(1 / 127.5, -1)]
    if training:
        layers = [
            keras.layers.RandomCrop(IMAGE, IMAGE, seed=0),
            keras.layers.RandomFlip("horizontal", seed=0),
            keras.layers.RandAugment(num_ops=2, factor=0.5, seed=0),
            *layers,
        ]
    mixup = keras.layers.MixUp(alpha=0.2, seed=0)

    def prepare(images, labels):
        for layer in layers:
            images = layer(images, training=training)
        if training:
            mixed = mixup({"images": images, "labels": labels}, training=True)
            images, labels = mixed["images"], mixed["labels"]
        return images, labels

    dataset = dataset.map(prepare, tf.data.AUTOTUNE).take(count // BATCH)
    return _reader(dataset.prefetch(2), count)


def _reader(dataset, count):
    """Reads all of a data set."""
    seen = None

    def step():
        nonlocal seen
        seen = 0
        for element in dataset:
            images = element[0] if isinstance(element, tuple) else element
            seen += images.shape[0]
        if seen != count:
            raise RuntimeError(f"{seen} images came instead of {count}")

    step()  # warm: graphs are traced, files lie in memory
    return step, {}


def torchvision(folder, training, count):
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    size = (IMAGE, IMAGE)
    first = [v2.RandomResizedCrop(size, (0.05, 1), (0.75, 1.33))]
    if training:
        first += [v2.RandomHorizontalFlip(), v2.RandAugment(2, 10)]
    else:
        first = [v2.Resize(size)]
    last = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    last += [v2.Normalize([0.5] * 3, [0.5] * 3)]
    images = ImageFolder(folder, v2.Compose([*first, *last]))
    mixup = v2.MixUp(alpha=0.2, num_classes=2)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.Subset(images, range(count)),
        batch_size=BATCH,
        shuffle=training,
        num_workers=2,
        persistent_workers=True,
    )

    def step():
        seen = 0
        for batch, labels in loader:
            if training:
                batch, labels = mixup(batch, labels)
            seen += len(batch)
        if seen != count:
            raise RuntimeError(f"{seen} images came instead of {count}")

    step()
    return step, {}
