"""Times COCO's average precision of our own beside that of pycocotools.

    python benchmarks/coco_ap.py    # 5,000 images x 100 detections, 80 classes

Made-up boxes: some objects an image, most of the detections near them.
"""

import argparse
import contextlib
import io
import time

import numpy as np

from keras_vit.boxes import convert_boxes
from keras_vit.evaluation import CocoTally


def drawn(images, detections, classes, seed=0):
    """Records of images: objects and detections, boxes of the form `"coco"`."""
    random, found = np.random.default_rng(seed), []
    for _ in range(images):
        count = random.poisson(7.3)  # as in COCO
        sides = np.exp(random.uniform(np.log(8), np.log(300), (count, 2)))
        boxes = np.concatenate([random.uniform(0, 340, (count, 2)), sides], axis=1)
        names = random.integers(0, classes, count)
        truth = {"boxes": boxes.round(2), "classes": names}
        truth["crowd"] = random.random(count) < 0.01
        near = random.integers(0, max(count, 1), detections)
        free = random.uniform(4, 300, (detections, 4))
        is_near = (random.random(detections) < 0.6) & (count > 0)
        own, given = free, random.integers(0, classes, detections)
        if count:
            moved = (
                boxes[near]
                + random.normal(0, 0.1, free.shape) * sides[near][:, [0, 1, 0, 1]]
            )
            own = np.where(is_near[:, None], moved, free)
            given = np.where(is_near, names[near], given)
        own[:, 2:] = np.maximum(own[:, 2:], 1)
        scores = random.random(detections).round(3)
        said = {"boxes": own.round(2), "classes": given, "scores": scores}
        found.append((truth, said))
    return found


def of_ours(records, classes):
    tally = CocoTally(classes)
    for truth, said in records:
        tally.update(*({**r, "boxes": _corners(r["boxes"])} for r in (truth, said)))
    return list(tally.scores().stats.values())


def _corners(boxes):
    return convert_boxes(boxes, "coco", "corners")


def of_pycocotools(records, classes):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, rows = COCO(), []
    annotations = []
    for image, (objects, said) in enumerate(records):
        for box, name, crowd in zip(*(objects[k].tolist() for k in objects)):
            row = {"image_id": image, "category_id": name, "bbox": box}
            more = {"iscrowd": int(crowd), "area": box[2] * box[3]}
            annotations.append({**row, **more, "id": 1 + len(annotations)})
        for box, name, score in zip(*(said[k].tolist() for k in said)):
            row = {"image_id": image, "category_id": name, "bbox": box, "score": score}
            rows.append(row)
    truth.dataset = {
        "images": [{"id": image} for image in range(len(records))],
        "categories": [{"id": name} for name in range(classes)],
        "annotations": annotations,
    }
    truth.createIndex()
    judge = COCOeval(truth, truth.loadRes(rows), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return judge.stats


def timed(function, *arguments):
    """Wall and CPU seconds of a call, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        found = function(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu, found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=100)
    parser.add_argument("--classes", type=int, default=80)
    options = parser.parse_args()
    records = drawn(options.images, options.detections, options.classes)
    results = {}
    for name, function in (("keras_vit", of_ours), ("pycocotools", of_pycocotools)):
        wall, cpu, results[name] = timed(function, records, options.classes)
        print(f"{name:12s} {wall:6.1f} s, {cpu:6.1f} CPU-seconds", flush=True)
    ours, theirs = (np.nan_to_num(values, nan=-1.0) for values in results.values())
    print(f"AP {ours[0]:.4f}; largest difference {np.abs(ours - theirs).max():.1e}")


if __name__ == "__main__":
    main()
