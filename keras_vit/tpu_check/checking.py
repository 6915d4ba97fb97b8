"""`tpu_check`: will this training step run on those chips, and how fast at best?"""

import dataclasses
import math
import re

from keras_vit.common.checks import check_choice
from keras_vit.costs.chips import CHIPS
from keras_vit.data.sets.known import num_training_images
from keras_vit.layers.tokens.grids import pair
from keras_vit.models.variants.rows import HYBRID_VARIANTS, VIT_VARIANTS
from keras_vit.tpu_check.children import CompilerError, compile_in_child
from keras_vit.tpu_check.program import read_program
from keras_vit.tpu_check.report import GIB, PAPER_CORE_DAYS, TpuReport
from keras_vit.training.model_arguments import SMALL, family_of, model_arguments

# What the compiler says of a program that is too large.
_TOO_LARGE = re.compile(
    r"(?:required for [\w ]+ \(|Used )([\d.]+)([KMG])\)? (?:exceeds available|of)"
)
_UNITS = {"K": 2**10, "M": 2**20, "G": GIB}
# Images of a chip, of which the largest batch is a multiple.
MULTIPLE = 8
# Full compiles that may correct the batch that the quick mode found, and how many times
# larger it must be expected to get for one more.
CORRECTIONS, WORTH_ANOTHER = 3, 1.05


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
            f"it. Received: batch_size={recipe.batch_size}, {count} devices"
        )
    check_choice(backend, ("jax", "tensorflow"), "backend")
    if backend == "tensorflow" and (count > 1 or recipe.accumulation_steps > 1):
        raise ValueError(
            "TensorFlow's step is compiled for one chip and without accumulation: take "
            "a topology such as 'v5e:1x1', the batch of one chip, or backend='jax'. "
            f"Received: topology={topology!r}, accumulation_steps="
            f"{recipe.accumulation_steps}"
        )

    def compiled(num_layers=None):
        request = step_request(recipe, topology, num_classes, num_layers, backend)
        return facts_of(compile_in_child(request, time_limit, progress))

    facts = extrapolated(recipe, compiled) if quick else compiled()
    memory = chip.memory * GIB
    found = TpuReport(
        model=recipe.model,
        image_size=pair(_arguments_of(recipe)["image_size"], "image_size"),
        batch_size=recipe.batch_size,
        topology=topology,
        num_devices=count,
        dtype=recipe.dtype,
        backend=backend,
        method="extrapolated" if quick else "compiled",
        fits=facts["peak"] <= memory,
        memory=memory,
        paper_core_days=PAPER_CORE_DAYS.get(name),
        **{k: v for k, v in facts.items() if k not in ("program", "cycles")},
    )
    if "program" not in facts:
        return found
    program, cycles_per_second = facts["program"], chip.clock * 1e9
    moved = sum(size for _, size in program.collectives.values())
    bounds = {
        "arithmetic": facts["flops"] / (chip.tflops * 1e12),
        "memory": facts["bytes_moved"] / (chip.bandwidth * 1e9),
        # A ring sends all but the chip's own part, and collects it again.
        "links": 2 * moved * (1 - 1 / count) / (chip.links * 1e9),
    }
    estimated = facts["cycles"] / cycles_per_second or None
    days = {}
    examples = num_training_images(recipe.data)
    if name is not None and (recipe.total_steps or examples):
        steps = recipe.total_steps
        steps = steps or recipe.resolve_steps(examples // recipe.batch_size)
        seconds = estimated or max(bounds.values())
        chip_seconds = steps * seconds * count / chip.devices
        days = {"chip_days": chip_seconds / 86_400, "total_steps": steps}
    return dataclasses.replace(
        found,
        collectives={kind: list(v) for kind, v in program.collectives.items()},
        padding=program.padding,
        padded=tuple(map(str, program.most_padded())),
        copies=tuple(
            f"{buffer.name}: {1e3 * cycles / cycles_per_second:.2g} ms"
            for cycles, buffer in program.largest_copies()
        ),
        leaks=program.leaks,
        bounds=bounds,
        estimated_seconds=estimated,
        **days,
    )


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
    first, per_image = found, found.temporary / MULTIPLE
    share, best = _rounded(MULTIPLE + (found.memory - found.peak) / per_image), None
    for _ in range(CORRECTIONS):
        larger = dataclasses.replace(few, batch_size=share * count)
        found = tpu_check(larger, topology, quick=not confirm, **options)
        if found.fits:
            best = found
            # A few images took more memory each than many do.
            per_image = (found.temporary - first.temporary) / max(1, share - MULTIPLE)
            if per_image <= 0:
                break
            wanted = _rounded(share + (found.memory - found.peak) / per_image)
            if wanted < WORTH_ANOTHER * share:
                break
        else:
            wanted = _rounded(share * found.memory / found.peak)
            wanted = min(share - MULTIPLE, wanted)
            no_better = best is not None and wanted * count <= best.batch_size
            if wanted < MULTIPLE or no_better:
                break
        share = wanted
    return best or found


def _rounded(images):
    return max(MULTIPLE, math.floor(images) // MULTIPLE * MULTIPLE)


# The step that is compiled ------------------------------------------------------------


def find_chip(topology):
    """The facts of a topology's devices, and their number.

    Raises:
        ValueError: if it is not written as `"v5e:2x4"`, or the chip is not known.
    """
    name, _, shape = topology.partition(":")
    if name not in CHIPS or not re.fullmatch(r"\d+(x\d+)*", shape):
        raise ValueError(
            f"`topology` must be a generation ({', '.join(CHIPS)}) and its chips along "
            f"each side, such as 'v5e:2x4'. Received: topology={topology!r}"
        )
    chip = CHIPS[name]
    return chip, chip.devices * math.prod(map(int, shape.split("x")))


def step_request(recipe, topology, num_classes, num_layers=None, backend="jax"):
    """The step as `compiling.compile_step` wants it, perhaps with fewer blocks."""
    constructor, arguments = None, _arguments_of(recipe)
    if num_layers is not None:
        constructor, sizes = _sizes(recipe)
        arguments = {**arguments, **sizes, "num_layers": num_layers}
    return {
        "recipe": dataclasses.replace(recipe, weights=None).to_json(),
        "constructor": constructor,
        "arguments": arguments,
        "num_classes": num_classes,
        "batch_size": recipe.batch_size,
        "total_steps": recipe.total_steps or 1_000_000,
        "topology": topology,
        "backend": backend,
    }


def _arguments_of(recipe):
    recipe = dataclasses.replace(recipe, weights=None)
    arguments = model_arguments(recipe, native_size=None, num_channels=3)
    return {"image_size": 224, **arguments}


def _sizes(recipe):
    """Constructor and sizes of a model with a number of blocks."""
    constructors = {"vit": "ViT", "hybrid": "HybridViT"}
    if recipe.model in SMALL and family_of(recipe.model) in constructors:
        return constructors[family_of(recipe.model)], {}
    for constructor, rows in (("ViT", VIT_VARIANTS), ("HybridViT", HYBRID_VARIANTS)):
        if recipe.model in rows:
            sizes = dataclasses.asdict(rows[recipe.model])
            sizes.pop("params")
            return constructor, sizes
    raise ValueError(
        "The quick mode compiles models of one and two equal blocks, which a ResNet "
        f"does not have. Received: model={recipe.model!r}. Compile it in full."
    )


# What the compiler says of it ---------------------------------------------------------


def facts_of(result):
    """The numbers of one compiled step, as `TpuReport` names them, and its `program`.

    Only the `peak` where it is too large.
    """
    if "error" in result:
        found = _TOO_LARGE.search(result["error"])
        if not found:
            raise CompilerError(f"The TPU compiler refused the step: {result['error']}")
        used, unit = found.group(1, 2)
        return {"peak": float(used) * _UNITS[unit]}
    memory = result["memory"]
    arguments, temporary = memory["argument_size"], memory["temp_size"]
    program = read_program(result["program"], result.get("parts", 1))
    new = memory["output_size"] - memory["alias_size"]
    peak = arguments + temporary + new + memory["generated_code_size"]
    return {
        "peak": max(peak, memory.get("peak_memory", 0)),
        "arguments": arguments,
        "temporary": temporary,
        "flops": result["flops"],
        "bytes_moved": program.traffic,
        "cycles": program.cycles,
        "compile_seconds": result["seconds"],
        "program": program,
    }


def extrapolated(recipe, compiled):
    """The numbers of all blocks from those of one and of two."""
    depth = {**_arguments_of(recipe), **_sizes(recipe)[1]}["num_layers"]
    one, two = compiled(1), compiled(2)
    if "flops" not in one or "flops" not in two:
        return max((one, two), key=lambda facts: facts["peak"])

    def line(first, second):
        return first + (second - first) * (depth - 1)

    facts = {k: line(v, two[k]) for k, v in one.items() if k != "program"}
    facts["compile_seconds"] = one["compile_seconds"] + two["compile_seconds"]
    kinds, more = one["program"].collectives, two["program"].collectives
    both = {
        kind: [line(a, b) for a, b in zip(kinds.get(kind, (0, 0)), more[kind])]
        for kind in more
    }
    facts["program"] = dataclasses.replace(two["program"], collectives=both)
    return facts
