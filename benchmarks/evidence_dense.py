"""Segmentation from scratch: heads side by side at equal CPU time.

    python benchmarks/evidence_dense.py runs --regions REGIONS --scenes scenes.npz
    python benchmarks/evidence_dense.py runs --table      # results/evidence_dense.*

REGIONS is a folder of `train` and `test`, each with `images` and `masks`. The npz holds
{train,test}_{images,masks} and `class_names` (without the background). Each cell (set,
head, seed) trains with TransUNet's loss for `--budget` CPU-seconds of all threads,
counted from the end of its first update, and writes `runs/SET-HEAD-SEED.json`. What is
there is not run again, so that a stopped call goes on. `--budget` and `--seeds` make it
larger: use another folder for another budget.
"""

import argparse
import functools
import json
import math
import pathlib
import time

import keras
import numpy as np

import keras_vit
from keras_vit.data.steps import Pad, RandomCrop, Resize, ValueRange
from keras_vit.evaluation import evaluate_segmentation

BATCH, WARMUP = 8, 0.05
SHOWN = 4  # test images in the picture
RESULTS = pathlib.Path(__file__).parent / "results"


def vit(source, **options):
    return keras_vit.ViT(
        num_classes=0,
        patch_size=8,
        num_layers=4,
        hidden_dim=128,
        mlp_dim=512,
        num_heads=4,
        image_size=source.image_size,
        num_channels=source.num_channels,
        **options,
    )


def on_vit(source, **options):
    return keras_vit.Segmenter(vit(source), source.num_classes, **options)


def hybrid(source):
    """TransUNet in small: a ResNet, a ViT on its map, and their maps joined."""
    backbone = keras_vit.HybridViT(
        num_classes=0,
        num_blocks=(1, 1),
        width_factor=0.25,
        patch_size=1,
        num_layers=3,
        hidden_dim=128,
        mlp_dim=512,
        num_heads=4,
        image_size=source.image_size,
        num_channels=source.num_channels,
    )
    options = {"head": "upsampler", "decoder_widths": (64, 32, 16)}
    return keras_vit.Segmenter(backbone, source.num_classes, **options)


def unet(source):
    return keras_vit.UNet(
        source.num_classes,
        widths=(16, 32, 64, 128),
        padding="same",
        batch_norm=True,
        image_size=source.image_size,
        num_channels=source.num_channels,
    )


HEADS = {
    "linear": functools.partial(on_vit, head="linear"),
    "mask": functools.partial(on_vit, head="mask"),
    "upsampler": functools.partial(
        on_vit, head="upsampler", decoder_widths=(64, 32, 16)
    ),
    "unet": unet,
    "hybrid-upsampler": hybrid,
}
# Transformers want lower rates than networks of convolutions with batch norm.
RATES = {"linear": 1e-3, "mask": 1e-3, "upsampler": 2e-3}
RATES |= {"unet": 5e-3, "hybrid-upsampler": 2e-3}
PLAN = {"regions": ("linear", "upsampler", "unet"), "scenes": tuple(HEADS)}


class Budget(keras.callbacks.Callback):
    """Warm-up and cosine over a budget of CPU time, at whose end training stops."""

    def __init__(self, seconds, rate):
        super().__init__()
        self.seconds, self.rate = seconds, rate
        self.start, self.updates = None, 0

    @property
    def used(self):
        return 0.0 if self.start is None else time.process_time() - self.start

    def on_train_batch_begin(self, batch, logs=None):
        share = min(1.0, self.used / self.seconds)
        rate = self.rate * min(1.0, (share + 0.002) / WARMUP)
        rate *= 0.5 * (1 + math.cos(math.pi * share))
        self.model.optimizer.learning_rate.assign(rate)

    def on_train_batch_end(self, batch, logs=None):
        self.updates += 1
        if self.start is None:  # the first one compiles
            self.start = time.process_time()
        if self.used >= self.seconds:
            self.model.stop_training = True


def train(head, train_set, seed, seconds):
    """A trained model, and what its training took."""
    keras.utils.set_random_seed(seed)
    model = HEADS[head](train_set)
    size, channels = train_set.image_size, train_set.num_channels
    steps = (Resize(*size), ValueRange(-1.0, 1.0))
    moved = (Resize(*size), Pad(6), RandomCrop(*size), ValueRange(-1.0, 1.0))
    model.metadata["class_names"] = list(train_set.class_names)
    given = keras_vit.data.Preprocessing(steps, channels)
    model.metadata["preprocessing"] = given.to_json()
    batches = train_set.batches(
        BATCH,
        training=True,
        seed=seed,
        preprocessing=keras_vit.data.Preprocessing(moved, channels),
    )
    model.compile(
        keras.optimizers.AdamW(RATES[head], weight_decay=0.05, global_clipnorm=1.0),
        keras_vit.losses.CrossentropyDice(),
        jit_compile=False,
    )
    budget = Budget(seconds, RATES[head])
    model.fit(batches, steps_per_epoch=10**6, callbacks=[budget], verbose=0)
    return model, {"updates": budget.updates, "cpu_seconds": round(budget.used, 1)}


def run(name, head, seed, sets, options, path):
    """Trains and scores one cell, and writes its file."""
    train_set, test_set = sets
    model, facts = train(head, train_set, seed, options.budget)
    found = evaluate_segmentation(model, test_set, batch_size=BATCH, seed=seed)
    numbers, confusion = found.to_json(), found.confusion
    objects = confusion.sum() - confusion[0, 0]
    row = {
        "set": name,
        "head": head,
        "seed": seed,
        "budget": options.budget,
        **facts,
        "images_seen": BATCH * facts["updates"],
        "parameters": model.count_params(),
        "object_iou": float(confusion[1:, 1:].sum() / objects),
        **{k: v for k, v in numbers.items() if k != "data" and not _is_long(v)},
        "dice_by_class": {r["class"]: r["dice"] for r in numbers["classes"]},
    }
    shown = [pair for _, pair in zip(range(10**6), test_set.pairs())]
    places = np.linspace(0, len(shown) - 1, SHOWN + 2).astype(int)[1:-1]
    shown = [shown[place] for place in places]
    masks = keras_vit.segment(model, [image for image, _, _ in shown])
    np.savez_compressed(
        path.with_suffix(".npz"),
        image=np.stack([image for image, _, _ in shown]),
        truth=np.stack([truth for _, truth, _ in shown]),
        said=np.stack([found.mask for found in masks]),
    )
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(row, indent=1) + "\n")
    temporary.rename(path)
    print(
        f"{name:8} {head:17} seed {seed}: {facts['updates']:,} updates in "
        f"{facts['cpu_seconds']} CPU-seconds, Dice without background "
        f"{row['foreground_dice']:.3f}, mean IoU {row['mean_iou']:.3f}",
        flush=True,
    )


def _is_long(value):
    return (isinstance(value, list) and len(value) > 2) or isinstance(value, dict)


def as_folder(npz, folder):
    """Scenes of an npz as images and masks that `keras_vit.data.load` reads."""
    if folder.exists():
        return folder
    from PIL import Image

    new = folder.with_name(folder.name + ".part")
    with np.load(npz) as file:
        names = ["background", *map(str, file["class_names"])]
        for part in ("train", "test"):
            for kind in ("images", "masks"):
                (new / part / kind).mkdir(parents=True, exist_ok=True)
                for place, pixels in enumerate(file[f"{part}_{kind}"]):
                    path = new / part / kind / f"{place:05}.png"
                    if kind == "images":
                        Image.fromarray(pixels).save(path)
                    else:
                        keras_vit.write_mask(path, pixels)
    (new / "classes.txt").write_text("\n".join(names) + "\n")
    new.rename(folder)
    return folder


def write_tables(folder):
    """The cells as one JSON file, a table, and a picture for each set."""
    rows = [json.loads(path.read_text()) for path in sorted(folder.glob("*-*.json"))]
    with keras_vit.common.files.replacing(RESULTS / "evidence_dense.json") as new:
        new.write_text(json.dumps(rows, indent=1) + "\n")
    header = "set | head | parameters | updates | IoU of objects | mean IoU"
    print(f"| {header} | Dice without background (95 % over images) |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        low, high = row["foreground_dice_interval"]
        print(
            f"| {row['set']} | {row['head']} | {row['parameters']:,} | "
            f"{row['updates']:,} | {row['object_iou']:.3f} | {row['mean_iou']:.3f} | "
            f"{row['foreground_dice']:.3f} ({low:.3f} – {high:.3f}) |"
        )
    for name in PLAN:
        draw(folder, name, RESULTS / f"evidence_dense_{name}.png")


def draw(folder, name, path):
    """Test images, their truth, and what each head with the first seed says."""
    from keras_vit.common.class_colours import class_colours
    from keras_vit.common.figures import new_figure, save_figure

    heads = [h for h in PLAN[name] if (folder / f"{name}-{h}-0.npz").exists()]
    if not heads:
        return
    found = {h: dict(np.load(folder / f"{name}-{h}-0.npz")) for h in heads}
    first, colours = found[heads[0]], np.full((256, 3), 255, "uint8")
    colours[:24] = class_colours(24)
    columns = {"image": first["image"], "truth": colours[first["truth"]]}
    columns |= {head: colours[found[head]["said"]] for head in heads}
    height, width = first["truth"].shape[1:]
    side = 1.3 * height / width
    figure = new_figure(1.3 * len(columns), side * SHOWN + 0.3)
    for row, line in enumerate(figure.subplots(SHOWN, len(columns))):
        for axes, (title, pictures) in zip(line, columns.items()):
            picture = pictures[row]
            picture = picture[..., 0] if picture.shape[-1] == 1 else picture
            axes.imshow(picture, cmap="gray", interpolation="nearest")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(title, fontsize=8)
    save_figure(figure, path, dpi=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="where cells are kept")
    parser.add_argument("--regions", help="folder with train and test")
    parser.add_argument("--scenes", help="npz, whose arrays the head names")
    parser.add_argument("--budget", type=float, default=100, help="CPU-seconds a cell")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="only write results")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    places = {"regions": options.regions, "scenes": options.scenes}
    if places["scenes"]:
        places["scenes"] = as_folder(options.scenes, options.folder / "scenes")
    for seed in range(options.seeds):
        for name, heads in PLAN.items():
            if not places[name] or options.table:
                continue
            sets = keras_vit.data.load_splits(str(places[name]), task="segmentation")
            for head in heads:
                path = options.folder / f"{name}-{head}-{seed}.json"
                if not path.exists():
                    run(name, head, seed, sets, options, path)
    write_tables(options.folder)


if __name__ == "__main__":
    main()
