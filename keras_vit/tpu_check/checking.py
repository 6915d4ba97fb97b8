"""`tpu_check`: will this training step run on those chips, and how fast at best?"""

import dataclasses
import math
import re

from keras_vit.data.sets.sizes import num_training_examples
from keras_vit.layers.tokens.patches import pair
from keras_vit.tpu_check.children import (
    CompilerError,
    check_installed,
    compile_in_child,
)
from keras_vit.tpu_check.program import read_program
from keras_vit.tpu_check.report import GIB, PAPER_CORE_DAYS, TpuReport
from keras_vit.tpu_check.steps import depth_of, find_chip, step_request

# What the compiler says of a program that is too large.
_TOO_LARGE = re.compile(
    r"(?:required for [\w ]+ \(|Used )([\d.]+)([KMG])\)? (?:exceeds available|of)"
)
_UNITS = {"K": 2**10, "M": 2**20, "G": GIB}
# Images of a chip, of which the largest batch is a multiple.
MULTIPLE = 8
# Full compiles that may correct the batch that the quick mode found.
CORRECTIONS = 3


def tpu_check(
    recipe,
    topology,
    *,
    num_classes=1000,
    backend="jax",
    quick=False,
    name=None,
    time_limit=None,
    progress=None,
):
    """Compiles the training step of a recipe for a TPU, on a machine without one.

    The compiler is the real one, of the package `libtpu`; it runs in a process of its
    own that can reach no device. What it says holds for its version.

    Args:
        recipe: A `keras_vit.training.Recipe`: model, image size, batch size over all
            chips, optimizer, precision. Weights are not read.
        topology: String, generation and chips: `"v5e:2x4"`.
        num_classes: Integer.
        backend: `"jax"`, or `"tensorflow"`, whose step for one chip, without
            accumulation, is handed over as StableHLO. TensorFlow lowers it as for a
            CPU: a kernel of its own that a TPU lacks does not show.
        quick: Boolean, whether to compile models of one and of two blocks only, and to
            extrapolate: minutes become seconds. Defaults to `False`.
        name: Name of the recipe: with it, the report says what the whole of it takes,
            and what the paper's took, where that is known.
        time_limit: Float, seconds for each run of the compiler, or `None`.
        progress: `None`, or a function of (stage, seconds).

    Returns:
        A `TpuReport`, which prints as text.

    Raises:
        ImportError: if JAX or libtpu is missing.
        ValueError: if the batch cannot be divided, the chips are not known, or the
            quick mode does not suit the model.
        TimeoutError: if the compiler takes longer than the limit.
        CompilerError: if it fails.

    Example:

    >>> recipe = Recipe(model="ViT_L16", image_size=384, batch_size=1024)
    >>> print(tpu_check(recipe, "v5e:2x4", quick=True))
    """
    chip, count = find_chip(topology)
    if recipe.batch_size % count:
        raise ValueError(
            "`batch_size` is shared equally by the devices, whose number must divide "
            "it. "
            f"Received: batch_size={recipe.batch_size}, {count} devices"
        )
    if backend not in ("jax", "tensorflow"):
        raise ValueError(
            f"`backend` must be 'jax' or 'tensorflow'. Received: backend={backend!r}"
        )
    if backend == "tensorflow" and (count > 1 or recipe.accumulation_steps > 1):
        raise ValueError(
            "TensorFlow's step is compiled for one chip and without accumulation: take "
            "a topology such as 'v5e:1x1', the batch of one chip, or backend='jax'. "
            f"Received: topology={topology!r}, accumulation_steps="
            f"{recipe.accumulation_steps}"
        )
    check_installed()

    def compiled(num_layers=None):
        request = step_request(recipe, topology, num_classes, num_layers, backend)
        return facts_of(compile_in_child(request, time_limit, progress))

    facts = extrapolated(recipe, compiled) if quick else compiled()
    return report(recipe, topology, chip, count, facts, backend, quick, name)


def largest_batch(recipe, topology, *, confirm=True, **options):
    """The largest batch with which a training step fits.

    Found by `tpu_check(quick=True)`: what comes and goes in memory grows with the
    batch, the rest does not. One full compile then confirms it, or corrects it.

    Args:
        recipe: A `Recipe`, whose `batch_size` does not matter.
        topology: As for `tpu_check`.
        confirm: Boolean, whether to compile the whole model, too.
        **options: Further arguments of `tpu_check`.

    Returns:
        A `TpuReport` of that batch; its `fits` is false if nothing does.
    """
    _, count = find_chip(topology)
    few = dataclasses.replace(recipe, batch_size=MULTIPLE * count, accumulation_steps=1)
    found = tpu_check(few, topology, quick=True, **options)
    if not found.fits:
        return found
    per_image = found.temporary / MULTIPLE
    free = found.memory - (found.peak - found.temporary)
    share = max(MULTIPLE, math.floor(free / per_image) // MULTIPLE * MULTIPLE)
    for _ in range(CORRECTIONS):
        larger = dataclasses.replace(few, batch_size=share * count)
        found = tpu_check(larger, topology, quick=not confirm, **options)
        if found.fits or share == MULTIPLE:
            break
        over = found.peak / found.memory
        smaller = math.floor(share / over) // MULTIPLE * MULTIPLE
        share = max(MULTIPLE, min(share - MULTIPLE, smaller))
    return found


def facts_of(result):
    """The numbers of one compiled step: a flat dictionary, `program` apart."""
    if "error" in result:
        found = _TOO_LARGE.search(result["error"])
        if not found:
            raise CompilerError(f"The TPU compiler refused the step: {result['error']}")
        used, unit = found.group(1, 2)
        return {"peak": float(used) * _UNITS[unit]}
    memory = result["memory"]
    arguments, temporary = memory["argument_size"], memory["temp_size"]
    new = memory["output_size"] - memory["alias_size"]
    peak = arguments + temporary + new + memory["generated_code_size"]
    program = read_program(result["program"], result.get("parts", 1))
    return {
        "peak": max(peak, memory.get("peak_memory", 0)),
        "arguments": arguments,
        "temporary": temporary,
        "flops": result["flops"],
        "bytes_moved": result["bytes"],
        "seconds": result["seconds"],
        "program": program,
    }


def extrapolated(recipe, compiled):
    """The numbers of all blocks from those of one and of two."""
    depth, one, two = depth_of(recipe), compiled(1), compiled(2)
    if "flops" not in one or "flops" not in two:
        return max((one, two), key=lambda facts: facts["peak"])

    def line(first, second):
        return first + (second - first) * (depth - 1)

    facts = {k: line(v, two[k]) for k, v in one.items() if k != "program"}
    facts["seconds"] = one["seconds"] + two["seconds"]
    kinds, more = one["program"].collectives, two["program"].collectives
    both = {
        kind: [line(a, b) for a, b in zip(kinds.get(kind, (0, 0)), more[kind])]
        for kind in more
    }
    facts["program"] = dataclasses.replace(two["program"], collectives=both)
    return facts


def report(recipe, topology, chip, count, facts, backend, quick, name):
    size = step_request(recipe, topology, 1)["arguments"]["image_size"]
    memory = chip.memory * GIB
    names = ("arguments", "temporary", "flops", "bytes_moved", "padding")
    values = {
        **dict.fromkeys(names),
        "collectives": {},
        "padded": (),
        "leaks": {},
        "bounds": {},
    }
    if "flops" in facts:
        program = facts["program"]
        moved = sum(size for _, size in program.collectives.values())
        values |= {k: facts[k] for k in values.keys() & facts.keys()}
        values["collectives"] = {k: list(v) for k, v in program.collectives.items()}
        values["padding"] = program.padding
        values["padded"] = tuple(map(_described, program.most_padded()))
        values["leaks"] = program.leaks
        values["bounds"] = {
            "arithmetic": facts["flops"] / (chip.tflops * 1e12),
            "memory": facts["bytes_moved"] / (chip.bandwidth * 1e9),
            # A ring sends all but the chip's own part, and collects it again.
            "links": 2 * moved * (1 - 1 / count) / (chip.links * 1e9),
        }
        values["compile_seconds"] = facts["seconds"]
        if name is not None:
            values |= _days(recipe, values["bounds"], chip, count)
    return TpuReport(
        model=recipe.model,
        image_size=pair(size, "image_size"),
        batch_size=recipe.batch_size,
        topology=topology,
        num_devices=count,
        dtype=recipe.dtype,
        backend=backend,
        method="extrapolated" if quick else "compiled",
        fits=facts["peak"] <= memory,
        peak=facts["peak"],
        memory=memory,
        paper_core_days=PAPER_CORE_DAYS.get(name),
        **values,
    )


def _days(recipe, bounds, chip, count):
    """Of the whole recipe, where its length is known."""
    examples = num_training_examples(recipe.data)
    if recipe.total_steps is None and examples is None:
        return {}
    steps = recipe.total_steps or recipe.resolve_steps(examples // recipe.batch_size)
    days = steps * max(bounds.values()) * count / chip.devices / 86_400
    return {"chip_days": days, "total_steps": steps}


def _described(buffer):
    shape = ",".join(map(str, buffer.shape))
    where = f" in {buffer.layer}" if buffer.layer else ""
    return (
        f"{buffer.dtype}[{shape}]{where}: {buffer.size / 2**20:.3g} MiB in "
        f"{buffer.padded / 2**20:.3g}"
    )
