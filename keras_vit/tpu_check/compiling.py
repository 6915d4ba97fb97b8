"""Compiles one training step for a TPU on a machine without one.

Run as `python -m keras_vit.tpu_check.compiling`, in an environment that `children`
makes: the backend and two variables must be set before JAX is imported anywhere.
Reads a step as JSON from stdin, writes what was learned as JSON to stdout; the stages
go to stderr, a line each.
"""

import json
import sys
import time
from functools import partial

from keras_vit.tpu_check.stablehlo import compile_text, lower_tensorflow


def main():
    request = json.load(sys.stdin)
    stdout = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints
    json.dump(compile_step(request), stdout)
    stdout.flush()


def compile_step(request):
    """What the compiler says about one step.

    Args:
        request: Dictionary: `recipe`, `num_classes`, `arguments` of the constructor,
            `batch_size` of all chips together, `total_steps`, `topology`, `backend`,
            which is the one that Keras runs on here.

    Returns:
        Dictionary of JSON values; `error` in place of the numbers where the program
        does not fit, or the compiler refuses it.
    """
    say("loading the TPU compiler")
    chips = find_chips(request["topology"])
    say("building the model")
    model, num_params = build(request)
    say("tracing the training step")
    if request["backend"] == "tensorflow":
        text = lower_tensorflow(model, request)
        compiling = partial(compile_text, text, chips[0])
    else:
        compiling = lower(model, request, chips).compile
    say("compiling")
    start = time.perf_counter()
    facts = {"num_params": num_params, "device_kind": chips[0].device_kind}
    try:
        compiled = compiling()
    except Exception as error:  # whatever class the compiler's errors are of
        return {**facts, "error": str(error)}
    facts["seconds"] = time.perf_counter() - start
    memory = compiled.memory_analysis()
    facts["memory"] = {
        name: int(getattr(memory, f"{name}_in_bytes"))
        for name in (
            "argument_size",
            "output_size",
            "alias_size",
            "temp_size",
            "generated_code_size",
            "peak_memory",
        )
        if hasattr(memory, f"{name}_in_bytes")
    }
    facts |= costs_of(compiled)
    parts = model.parts if hasattr(model, "parts") else 1
    if parts > 1:
        # The compiler counts what a loop does as if it were done once.
        update = costs_of(lower_update(model, chips).compile())
        for name, once in update.items():
            facts[name] = once + parts * max(0.0, facts[name] - once)
    facts["parts"] = parts
    facts["program"] = compiled.as_text()
    return facts


def say(stage):
    sys.stderr.write(f"stage: {stage}\n")
    sys.stderr.flush()


def find_chips(topology):
    """The devices of a topology such as `"v5e:2x4"`."""
    from jax.experimental import topologies

    return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices


def build(request):
    """The model to fit, compiled, and the number of its parameters."""
    import keras

    import keras_vit.models
    from keras_vit.training.optimizers.layer_groups import freeze_layers
    from keras_vit.training.recipes.recipe import Recipe
    from keras_vit.training.replicas import prepare_model
    from keras_vit.training.run.build import build_model, compile_model

    recipe = Recipe.from_json(request["recipe"])
    if request["constructor"] is None:
        model = build_model(recipe, request["num_classes"], request["arguments"])
    else:
        keras.config.set_dtype_policy(recipe.dtype)
        constructor = getattr(keras_vit.models, request["constructor"])
        model = constructor(request["num_classes"], **request["arguments"])
        freeze_layers(model, recipe.freeze)
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=request["total_steps"])
    return trainer, model.count_params()


def costs_of(compiled):
    """What the compiler counted in a program."""
    costs = compiled.cost_analysis()
    costs = costs[0] if isinstance(costs, list) else costs
    return {"flops": float(costs["flops"]), "bytes": float(costs["bytes accessed"])}


def placements(chips):
    """Two shardings: the whole on every chip, and a share of the batch on each."""
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.array(chips), ("batch",))
    names = PartitionSpec(), PartitionSpec("batch")
    return [NamedSharding(mesh, name) for name in names]


def specs_of(variables, sharding):
    """Shapes in the place of values."""
    import jax

    return [
        jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=sharding) for v in variables
    ]


def lower_update(model, chips):
    """The part of the training step that follows on the gradients."""
    import jax

    everywhere, _ = placements(chips)
    weights = specs_of(model.trainable_variables, everywhere)
    state = specs_of(model.optimizer.variables, everywhere)
    update = jax.jit(model.optimizer.stateless_apply, donate_argnums=(0, 2))
    return update.trace(state, weights, weights).lower(lowering_platforms=("tpu",))


def lower(model, request, chips):
    """The training step for these chips, each with its share of the batch."""
    import jax
    import numpy as np

    everywhere, shared = placements(chips)
    batch = request["batch_size"]
    images = jax.ShapeDtypeStruct(
        (batch, *model.input_shape[1:]), np.float32, sharding=shared
    )
    labels = jax.ShapeDtypeStruct((batch,), np.int32, sharding=shared)
    model._symbolic_build(
        data_batch=(
            np.zeros((2, *model.input_shape[1:]), "float32"),
            np.zeros(2, "int32"),
        )
    )
    state = tuple(
        specs_of(variables, everywhere)
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )
    step = jax.jit(model.train_step, donate_argnums=0)
    return step.trace(state, (images, labels)).lower(lowering_platforms=("tpu",))


if __name__ == "__main__":
    main()
