"""Loading a ViT-L/16-sized .npz, against reading its arrays with NumPy.

    python benchmarks/load_weights.py [--variant ViT_L16] [--rounds 3]

The file holds random values in the official layout. Each measurement runs in a process
of its own, the kinds in turn, after a tiny model was built (libraries import much at
their first use) and after as much memory was touched as it needs (a virtual machine
hands pages out slowly the first time). Printed are medians and ratios of processor
time and of wall time, and the peak memory above what was there before. Building
ViT-H/14 is compared with keras-hub's backbone of that size where keras-hub is
installed.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

BUILDS = ("build ViT-H/14", "keras-hub H/14")
KINDS = ("numpy", "constructor", "live model", *BUILDS)


def make_file(path, variant):
    """Writes random arrays in the official layout of vision_transformer."""
    import numpy as np

    from keras_vit.models.variants.rows import VIT_VARIANTS

    row = VIT_VARIANTS[variant]
    d, m, h, p = row.hidden_dim, row.mlp_dim, row.num_heads, row.patch_size
    shapes = {
        "embedding/kernel": (p, p, 3, d),
        "embedding/bias": (d,),
        "cls": (1, 1, d),
        "Transformer/posembed_input/pos_embedding": (1, (224 // p) ** 2 + 1, d),
        "Transformer/encoder_norm/scale": (d,),
        "Transformer/encoder_norm/bias": (d,),
        "head/kernel": (d, 1000),
        "head/bias": (1000,),
    }
    for i in range(row.num_layers):
        block = f"Transformer/encoderblock_{i}"
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            shapes[f"{block}/{norm}/scale"] = shapes[f"{block}/{norm}/bias"] = (d,)
        attention = f"{block}/MultiHeadDotProductAttention_1"
        for part in ("query", "key", "value"):
            shapes[f"{attention}/{part}/kernel"] = (d, h, d // h)
            shapes[f"{attention}/{part}/bias"] = (h, d // h)
        shapes[f"{attention}/out/kernel"] = (h, d // h, d)
        shapes[f"{attention}/out/bias"] = (d,)
        for dense, shape in (("Dense_0", (d, m)), ("Dense_1", (m, d))):
            shapes[f"{block}/MlpBlock_3/{dense}/kernel"] = shape
            shapes[f"{block}/MlpBlock_3/{dense}/bias"] = shape[1:]
    random = np.random.default_rng(0)
    arrays = {k: random.standard_normal(s, "float32") for k, s in shapes.items()}
    np.savez(path, **arrays)


def measure(kind, path, variant):
    """One measurement in this process: seconds and bytes, as JSON on stdout."""
    import numpy as np

    model = None
    if kind == "keras-hub H/14":
        import keras_hub

        keras_hub_vit(keras_hub, 1, 16, 16)
    elif kind != "numpy":
        import keras_vit

        keras_vit.ViT_Ti16(image_size=32)
    if kind == "live model":
        model = keras_vit.build(variant)
    touch(2_600_000_000 if kind in BUILDS else 2 * os.path.getsize(path))
    before = peak()
    wall, cpu = time.perf_counter(), time.process_time()
    if kind == "numpy":
        with np.load(path) as file:
            model = [file[name] for name in file.files]
    elif kind == "constructor":
        model = keras_vit.build(variant, weights=path)
    elif kind == "live model":
        keras_vit.load_weights(model, path)
    elif kind == "build ViT-H/14":
        model = keras_vit.ViT_H14()
    else:
        model = keras_hub_vit(keras_hub, 32, 1280, 5120)
    result = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": peak() - before,
    }
    del model
    print(json.dumps(result))


def peak():
    """The largest resident size of this process so far, in bytes."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # `getrusage` of Linux begins with the parent's peak
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def keras_hub_vit(keras_hub, num_layers, hidden_dim, mlp_dim):
    return keras_hub.models.ViTBackbone(
        image_shape=(224, 224, 3),
        patch_size=(14, 14),
        num_layers=num_layers,
        num_heads=16,
        hidden_dim=hidden_dim,
        mlp_dim=mlp_dim,
    )


def touch(size):
    """Has a process of its own write to so many bytes of memory, and give them back."""
    code = "import sys, numpy; numpy.ones(int(sys.argv[1]), 'u1')"
    subprocess.run([sys.executable, "-c", code, str(size)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="ViT_L16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure, options.variant)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "weights.npz")
        make_file(path, options.variant)
        size = os.path.getsize(path)
        print(f"{options.variant}: {size / 1e6:.0f} MB, {options.rounds} rounds")
        results = {kind: [] for kind in KINDS}
        for _ in range(options.rounds):
            for kind in KINDS:
                command = [sys.executable, __file__, "--variant", options.variant]
                done = subprocess.run(
                    [*command, "--measure", kind, path], capture_output=True, text=True
                )
                if done.returncode:
                    last = done.stderr.strip().splitlines()[-1]
                    print(f"{kind}: not measured ({last})")
                    continue
                results[kind].append(json.loads(done.stdout.splitlines()[-1]))
    medians = {
        kind: {n: statistics.median(r[n] for r in rows) for n in rows[0]}
        for kind, rows in results.items()
        if rows
    }
    base = medians["numpy"]
    for kind, row in medians.items():
        text = f"{kind:16s} wall {row['wall']:6.2f} s  cpu {row['cpu']:6.2f} s"
        if kind in ("constructor", "live model"):
            text += f"  / numpy: wall {row['wall'] / base['wall']:.2f}"
            text += f", cpu {row['cpu'] / base['cpu']:.2f}"
            text += f"  peak above / file: {row['peak'] / size:.2f}"
        print(text)
    if "keras-hub H/14" in medians:
        ours, theirs = medians["build ViT-H/14"], medians["keras-hub H/14"]
        text = ", ".join(f"{n} {ours[n] / theirs[n]:.2f}" for n in ("wall", "cpu"))
        print(f"ViT-H/14 / keras-hub: {text}")


if __name__ == "__main__":
    main()
