"""Exported files: our ONNX beside timm's own export, and our int8 beside our float.

    python benchmarks/compare_export.py [--model ViT_S16] [--batch-size 8] [--rounds 7]

The same architecture with random weights at 224 pixels: exported by
`keras_vit.export(format="onnx")`, and by timm with `torch.onnx.export`, both run by
ONNX Runtime; and our LiteRT files, float and int8, both run by LiteRT. Each file has a
process of its own; they take turns, and a ratio is the median over the rounds of CPU
time over CPU time. timm's part is left out where timm is not installed.
"""

import argparse
import json
import pathlib
import tempfile
from importlib.util import find_spec

import harness
import machine

TIMM = {"ViT_Ti16": "vit_tiny_patch16_224", "ViT_S16": "vit_small_patch16_224"}
TIMM |= {"ViT_B16": "vit_base_patch16_224"}
PAIRS = (("keras_vit onnx", "timm onnx"), ("keras_vit int8", "keras_vit float"))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--model", default="ViT_S16", choices=sorted(TIMM))
    add("--batch-size", type=int, default=8)
    add("--rounds", type=int, default=7)
    add("--threads", type=int, default=machine.cores())
    add("--out", type=pathlib.Path, help="JSON file")
    return parser.parse_args()


# In processes of their own -----------------------------------------------------------


def export_ours(model, folder):
    import numpy as np

    import keras_vit

    network = keras_vit.build(model)
    head = network.get_layer("head").kernel  # of zeros, which check nothing
    head.assign(0.1 * np.random.default_rng(0).normal(size=head.shape))
    for name, format in (("m.onnx", "onnx"), ("f.tflite", "litert")):
        keras_vit.export(network, f"{folder}/{name}", format)
    keras_vit.export(network, f"{folder}/i.tflite", "litert_int8")
    return (lambda: None), {}


def export_timm(model, folder):
    import timm
    import torch

    network = timm.create_model(TIMM[model]).eval()
    torch.onnx.export(
        network,
        torch.zeros(2, 3, 224, 224),
        f"{folder}/timm.onnx",
        input_names=["image"],
        dynamic_axes={"image": {0: "batch"}},
        dynamo=False,
    )
    return (lambda: None), {}


def onnx(path, shape, threads):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    images = np.random.default_rng(0).normal(size=shape).astype("float32")
    return lambda: session.run(None, {name: images}), size_of(path)


def litert(path, shape, threads):
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=threads)
    [image] = interpreter.get_input_details()
    interpreter.resize_tensor_input(image["index"], shape)
    interpreter.allocate_tensors()
    images = np.random.default_rng(0).normal(size=shape).astype("float32")

    def step():
        interpreter.set_tensor(image["index"], images)
        interpreter.invoke()

    return step, size_of(path)


def size_of(path):
    return {"megabytes": pathlib.Path(path).stat().st_size / 1e6}


# -------------------------------------------------------------------------------------


def main():
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        export("export_ours", options.model, folder)
        last, first = (
            (options.batch_size, 224, 224, 3),
            (options.batch_size, 3, 224, 224),
        )
        files = {"keras_vit onnx": ("onnx", "m.onnx", last)}
        if find_spec("timm"):
            export("export_timm", options.model, folder)
            files["timm onnx"] = ("onnx", "timm.onnx", first)
        files["keras_vit float"] = ("litert", "f.tflite", last)
        files["keras_vit int8"] = ("litert", "i.tflite", last)
        workers = {}
        for name, (kind, file, shape) in files.items():
            arguments = {"path": f"{folder}/{file}", "shape": shape}
            arguments["threads"] = options.threads
            workers[name] = harness.Worker(
                name, f"compare_export:{kind}", arguments, options.threads
            )
            workers[name].ready()
        results = harness.interleave(workers, rounds=options.rounds, iterations=1)
        report(options, workers, results)


def export(function, model, folder):
    arguments = {"model": model, "folder": folder}
    worker = harness.Worker(function, f"compare_export:{function}", arguments)
    worker.ready()
    worker.close()


def report(options, workers, results):
    found = {"model": options.model, "batch_size": options.batch_size, "ratios": {}}
    print(f"{options.model}, batches of {options.batch_size}, {machine.cpu_model()}")
    for name, worker in workers.items():
        if "error" in results[name]:
            print(f"{name:<18} failed: {results[name]['error']}")
            continue
        best = min(results[name]["cpu"])
        size = worker.facts["megabytes"]
        print(
            f"{name:<18}{1e3 * best / options.batch_size:8.1f} CPU-ms an image", end=""
        )
        print(f"{size:9.1f} MB")
        worker.close()
    for ours, theirs in PAIRS:
        if ours in results and theirs in results:
            ratio = harness.paired_ratio(results[ours], results[theirs], "cpu")
            found["ratios"][f"{ours} / {theirs}"] = ratio
            print(f"{ours} / {theirs}: " + (f"{ratio:.2f}" if ratio else "-"))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
