"""Requests per second and waiting times of `keras-vit serve` beside ONNX Runtime.

python benchmarks/serving.py [--model ViT_Ti16] [--requests 200] [--clients 8]

Both get the same JPEG files of 640 x 480 pixels. ONNX Runtime runs bare, in this
process: as many threads as there are clients decode with Pillow, and one session with
its own pool computes one image at a time. The server is a process of its own, asked
over HTTP. They take turns, `--rounds` times; the table has the median round of each.
"""

import argparse
import concurrent.futures
import io
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import keras_vit
from keras_vit.serving.checking import post

SIZE = (640, 480)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="ViT_Ti16")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(given, Path(folder))


def measure(given, folder):
    model = keras_vit.build(given.model, 10)
    model.metadata["class_names"] = list("abcdefghij")
    model.save(folder / "model.keras")
    keras_vit.export(model, folder / "model.onnx", preprocess=True)
    photos = [photo(seed) for seed in range(20)]
    bare = bare_onnx(folder / "model.onnx")
    with served(folder / "model.keras") as address:
        both = {
            "bare ONNX Runtime": bare,
            "keras-vit serve": lambda data: post(address, "predict", data)[0] == 200,
        }
        print(f"{given.model}, {given.requests} photos of {SIZE[0]} x {SIZE[1]}")
        print("| | clients | requests/s | median, ms | 99th percentile, ms |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for clients in given.clients:
            rounds = {name: [] for name in both}
            for number in range(given.rounds + 1):
                for name, ask in both.items():
                    found = one_round(ask, photos, given.requests, clients)
                    if number:  # the first one warms up
                        rounds[name].append(found)
            for name, found in rounds.items():
                rate, middle, late = sorted(found)[len(found) // 2]
                numbers = f"{rate:.1f} | {1000 * middle:.0f} | {1000 * late:.0f}"
                print(f"| {name} | {clients} | {numbers} |", flush=True)


def one_round(ask, photos, requests, clients):
    """(requests per second, median and 99th percentile of seconds)."""

    def timed(number):
        start = time.perf_counter()
        if not ask(photos[number % len(photos)]):
            raise RuntimeError("A request failed.")
        return time.perf_counter() - start

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        times = list(pool.map(timed, range(requests)))
    rate = requests / (time.perf_counter() - start)
    return rate, statistics.median(times), float(np.percentile(times, 99))


def photo(seed):
    """The bytes of a JPEG file."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype("uint8")
    data = io.BytesIO()
    Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).save(data, "JPEG")
    return data.getvalue()


def bare_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    size = session.get_inputs()[0].shape[1:3]

    def ask(data):
        image = Image.open(io.BytesIO(data)).convert("RGB").resize(size[::-1])
        outputs = session.run(None, {"image": np.asarray(image, "float32")[None]})[0]
        return np.isfinite(outputs).all()

    return ask


class served:
    """The address of a server in a process of its own."""

    def __init__(self, path):
        words = [sys.executable, "-m", "keras_vit", "serve", str(path), "--port", "0"]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return re.search(r"http\S+", self._process.stdout.readline())[0]

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    main()
