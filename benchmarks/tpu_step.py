"""The training step of ViT on a TPU, by the estimate of the TPU's own compiler.

    python benchmarks/tpu_step.py [--models ViT_S16 ViT_B16 ViT_L16] [--images 64 128]
        [--topology v5e:2x2] [--out FILE.json]

No TPU is needed and none is used: libtpu compiles the step for one (Linux on x86-64,
`pip install ".[tpu-check]"`), and its cost model says how many cycles each instruction
takes. The same program always gets the same number, so that the load of this machine
does not matter. It is an estimate, not a measurement.

Beside the step of `keras_vit.training.train` stands a plain one in `jax.numpy`: the
paper's equations as they are, with separate query, key and value, and what big_vision's
step has around them: softmax in bfloat16, gradients clipped by their norm, Adam whose
first moment is bfloat16, decoupled weight decay, and the norms that it logs. Both are
compiled with one and with two blocks and extrapolated, as `tpu-check --quick` does.

big_vision's own step, which needs its source and is not compiled here, takes 14.25 ms
and 4.25 GB for two blocks of ViT-B/16 with 64 images a chip on v5e:2x2 (libtpu 0.0.52,
jax 0.10.2); the plain step 14.17 ms and 4.25 GB.
"""

import argparse
import dataclasses
import functools
import json
import subprocess
import sys

from keras_vit.costs.chips import CHIPS
from keras_vit.models.variants.rows import VIT_VARIANTS
from keras_vit.tpu_check import tpu_check
from keras_vit.tpu_check.children import child_environment
from keras_vit.tpu_check.program import read_program
from keras_vit.training import Recipe

IMAGE_SIZE, NUM_CLASSES = 224, 1000


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What the compiler expects of one step on one device."""

    milliseconds: float
    gigabytes: float  # to and from main memory


def ours(model, images, topology):
    """The step of `keras_vit` in mixed bfloat16."""
    count = num_devices(topology)
    recipe = Recipe(
        model=model,
        image_size=IMAGE_SIZE,
        batch_size=images * count,
        dtype="mixed_bfloat16",
    )
    found = tpu_check(recipe, topology, quick=True, num_classes=NUM_CLASSES)
    return Estimate(1e3 * found.estimated_seconds, found.bytes_moved / 1e9)


def plain(model, images, topology):
    """The step in `jax.numpy`, extrapolated from one block and two."""
    row = VIT_VARIANTS[model]
    one, two = (_compiled(model, images, topology, num_layers) for num_layers in (1, 2))
    clock = CHIPS[topology.partition(":")[0]].clock

    def all_blocks(first, second):
        return first + (second - first) * (row.num_layers - 1)

    return Estimate(
        all_blocks(one.cycles, two.cycles) / clock / 1e6,
        all_blocks(one.traffic, two.traffic) / 1e9,
    )


def num_devices(topology):
    from keras_vit.tpu_check.checking import find_chip

    return find_chip(topology)[1]


def _compiled(*arguments):
    """The program of a plain step, compiled in a process that can reach no device."""
    done = subprocess.run(
        [sys.executable, __file__, "--plain", *map(str, arguments)],
        env=child_environment(),
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libtpu writes about hosts that it does not find
        text=True,
    )
    return read_program(done.stdout)


# The plain step, in a process of its own ----------------------------------------------


def compile_plain(model, images, topology, num_layers):
    """The text of the compiled program."""
    import jax
    import jax.numpy as jnp

    from keras_vit.tpu_check.compiling import find_chips, placements

    chips = find_chips(topology)
    everywhere, shared = placements(chips)
    batch = images * len(chips)
    params = jax.eval_shape(functools.partial(initial, VIT_VARIANTS[model], num_layers))
    first = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, jnp.bfloat16), params)

    def placed(tree, sharding):
        return jax.tree.map(
            lambda p: jax.ShapeDtypeStruct(p.shape, p.dtype, sharding=sharding), tree
        )

    count = jax.ShapeDtypeStruct((), jnp.int32)
    state = placed((params, first, params, count), everywhere)
    pictures = jax.ShapeDtypeStruct((batch, IMAGE_SIZE, IMAGE_SIZE, 3), jnp.float32)
    labels = jax.ShapeDtypeStruct((batch,), jnp.int32)
    step = functools.partial(update, VIT_VARIANTS[model].num_heads)
    jitted = jax.jit(step, donate_argnums=0)
    traced = jitted.trace(state, *placed((pictures, labels), shared))
    return traced.lower(lowering_platforms=("tpu",)).compile().as_text()


def initial(row, num_layers):
    """Parameters of the right shapes; nothing is trained with them."""
    import jax.numpy as jnp

    size, width, mlp = row.patch_size, row.hidden_dim, row.mlp_dim
    heads, depth = row.num_heads, row.hidden_dim // row.num_heads
    zeros = jnp.zeros

    def norm():
        return {"scale": zeros(width), "bias": zeros(width)}

    def block():
        attention = {
            name: {
                "kernel": zeros((width, heads, depth)),
                "bias": zeros((heads, depth)),
            }
            for name in ("query", "key", "value")
        }
        return {
            "norm_1": norm(),
            **attention,
            "out": {"kernel": zeros((heads, depth, width)), "bias": zeros(width)},
            "norm_2": norm(),
            "dense_1": {"kernel": zeros((width, mlp)), "bias": zeros(mlp)},
            "dense_2": {"kernel": zeros((mlp, width)), "bias": zeros(width)},
        }

    return {
        "patches": {"kernel": zeros((size, size, 3, width)), "bias": zeros(width)},
        "token": zeros((1, 1, width)),
        "positions": zeros((1, 1 + (IMAGE_SIZE // size) ** 2, width)),
        "blocks": [block() for _ in range(num_layers)],
        "norm": norm(),
        "head": {"kernel": zeros((width, NUM_CLASSES)), "bias": zeros(NUM_CLASSES)},
    }


def logits_of(params, images, num_heads):
    """Equations 1 to 4 of the paper, and the head."""
    import jax
    import jax.numpy as jnp

    half = functools.partial(jax.tree.map, lambda p: p.astype(jnp.bfloat16))

    def norm(x, p):
        x = x.astype(jnp.float32)
        mean = x.mean(-1, keepdims=True)
        variance = jnp.square(x).mean(-1, keepdims=True) - jnp.square(mean)
        scaled = (x - mean) * (jax.lax.rsqrt(variance + 1e-6) * p["scale"]) + p["bias"]
        return scaled.astype(jnp.bfloat16)

    def dense(x, p, equation="bnd,de->bne"):
        p = half(p)
        return jnp.einsum(equation, x, p["kernel"]) + p["bias"]

    def attention(x, p):
        query, key, value = (
            dense(x, p[name], "bnd,dhk->bnhk") for name in ("query", "key", "value")
        )
        query = query * query.shape[-1] ** -0.5
        scores = jax.nn.softmax(jnp.einsum("bqhk,bmhk->bhqm", query, key))
        mixed = jnp.einsum("bhqm,bmhk->bqhk", scores, value)
        return dense(mixed, p["out"], "bnhk,hkd->bnd")

    p = half(params["patches"])
    size = p["kernel"].shape[0]
    x = jax.lax.conv_general_dilated(
        images.astype(jnp.bfloat16),
        p["kernel"],
        (size, size),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    x = x.reshape(len(x), -1, x.shape[-1]) + p["bias"]
    positions = half(params["positions"])
    token = half(params["token"]) + positions[:, :1]
    token = jnp.broadcast_to(token, (len(x), 1, x.shape[-1]))
    x = jnp.concatenate([token, x + positions[:, 1:]], axis=1)
    for block in params["blocks"]:
        x = x + attention(norm(x, block["norm_1"]), block)
        y = jax.nn.gelu(dense(norm(x, block["norm_2"]), block["dense_1"]))
        x = x + dense(y, block["dense_2"])
    x = norm(x, params["norm"])[:, 0].astype(jnp.float32)
    return x @ params["head"]["kernel"] + params["head"]["bias"]


def update(num_heads, state, images, labels):
    """One step: gradients, clipping, Adam, weight decay, and the norms to log."""
    import jax
    import jax.numpy as jnp

    params, first, second, count = state

    def loss_of(params):
        logs = jax.nn.log_softmax(logits_of(params, images, num_heads))
        return -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()

    def norm_of(tree):
        return jnp.sqrt(sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(tree)))

    loss, gradients = jax.value_and_grad(loss_of)(params)
    length = norm_of(gradients)
    gradients = jax.tree.map(lambda g: g / jnp.maximum(1.0, length), gradients)
    count = count + 1
    first = jax.tree.map(
        lambda m, g: 0.9 * m.astype(jnp.float32) + 0.1 * g, first, gradients
    )
    second = jax.tree.map(
        lambda v, g: 0.95 * v + 0.05 * jnp.square(g), second, gradients
    )
    rates = 1 - 0.9**count, 1 - 0.95**count
    updates = jax.tree.map(
        lambda m, v, p: (
            -1e-3 * (m / rates[0] / (jnp.sqrt(v / rates[1]) + 1e-8) + 1e-4 * p)
        ),
        first,
        second,
        params,
    )
    params = jax.tree.map(jnp.add, params, updates)
    first = jax.tree.map(lambda m: m.astype(jnp.bfloat16), first)
    logged = loss, length, norm_of(params), norm_of(updates)
    return (params, first, second, count), logged


def main():
    if sys.argv[1:2] == ["--plain"]:
        model, images, topology, num_layers = sys.argv[2:]
        print(compile_plain(model, int(images), topology, int(num_layers)))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = ["ViT_S16", "ViT_B16", "ViT_L16"]
    parser.add_argument("--models", nargs="+", default=models)
    parser.add_argument("--images", nargs="+", type=int, default=[64], help="a chip")
    parser.add_argument("--topology", default="v5e:2x2")
    parser.add_argument("--out", help="a JSON file for the numbers")
    options = parser.parse_args()
    rows = []
    print("model     images  ours, ms  plain, ms  ratio  ours, GB  plain, GB  ratio")
    for model in options.models:
        for images in options.images:
            mine = ours(model, images, options.topology)
            other = plain(model, images, options.topology)
            time, moved = (
                mine.milliseconds / other.milliseconds,
                mine.gigabytes / other.gigabytes,
            )
            print(
                f"{model:<9} {images:>6} {mine.milliseconds:>9.1f} "
                f"{other.milliseconds:>10.1f} {time:>6.3f} {mine.gigabytes:>9.2f} "
                f"{other.gigabytes:>10.2f} {moved:>6.3f}",
                flush=True,
            )
            rows.append(
                {
                    "model": model,
                    "images": images,
                    "ours": dataclasses.asdict(mine),
                    "plain": dataclasses.asdict(other),
                }
            )
    if options.out:
        with open(options.out, "w") as file:
            json.dump({**vars(options), "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
