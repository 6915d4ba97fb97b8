"""Compiles one training step for a TPU on a machine without one.

Run as `python -m keras_vit.tpu_check.compiling`, in an environment that `children`
makes: the backend and two variables must be set before JAX is imported anywhere.
Reads a step as JSON from stdin, writes what was learned as JSON to stdout; the stages
go to stderr, a line each.

TensorFlow's step is handed over as StableHLO text, written with TensorFlow's kernels
for the CPU's XLA: that the program compiles says nothing about TensorFlow's own kernels
for a TPU, which differ here and there. JAX's compiler interface has no public way in
for such a program.
"""

import json
import sys
import time
from types import SimpleNamespace

from keras_vit.tpu_check.children import STAGE


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
    lower = lower_tensorflow if request["backend"] == "tensorflow" else lower_jax
    lowered = lower(model, request["batch_size"], chips)
    say("compiling")
    start = time.perf_counter()
    facts = {"num_params": num_params, "device_kind": chips[0].device_kind}
    try:
        compiled = lowered.compile()
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
    parts = getattr(model, "micro_batches", 1)
    if parts > 1:
        # The compiler counts what a loop does as if it were done once.
        update = costs_of(lower_update(model, chips).compile())
        for name, once in update.items():
            facts[name] = once + parts * max(0.0, facts[name] - once)
    facts["parts"] = parts
    facts["program"] = compiled.as_text()
    return facts


def say(stage):
    sys.stderr.write(f"{STAGE}{stage}\n")
    sys.stderr.flush()


def find_chips(topology):
    """The devices of a topology such as `"v5e:2x4"`."""
    from jax.experimental import topologies

    return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices


def build(request):
    """The model to fit, compiled and built, and the number of its parameters."""
    import keras
    import numpy as np

    import keras_vit.models
    from keras_vit.training.optimizers.layer_groups import limit_training
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
        limit_training(model, recipe)
    trainer = prepare_model(model, recipe)
    compile_model(trainer, recipe, total_steps=request["total_steps"])
    two = np.zeros((2, *model.input_shape[1:]), "float32"), np.zeros(2, "int32")
    trainer._symbolic_build(data_batch=two)  # as `fit` does, which has no public way
    return trainer, model.count_params()


def costs_of(compiled):
    """What the compiler counted in a program."""
    costs = compiled.cost_analysis()
    costs = costs[0] if isinstance(costs, list) else costs
    return {"flops": float(costs["flops"])}


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


def lower_jax(model, batch_size, chips):
    """The training step for these chips, each with its share of the batch."""
    import jax

    everywhere, shared = placements(chips)
    images = (batch_size, *model.input_shape[1:]), "float32"
    labels = (batch_size,), "int32"
    batch = [jax.ShapeDtypeStruct(*s, sharding=shared) for s in (images, labels)]
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple(specs_of(group, everywhere) for group in variables)
    step = jax.jit(model.train_step, donate_argnums=0)
    return step.trace(state, tuple(batch)).lower(lowering_platforms=("tpu",))


def lower_tensorflow(model, batch_size, chips):
    """The training step as StableHLO, with the `compile` of what JAX lowers."""
    import tensorflow as tf

    @tf.function(jit_compile=True, autograph=False)
    def step(images, labels):
        return model.train_step((images, labels))

    images = tf.TensorSpec((batch_size, *model.input_shape[1:]))
    labels = tf.TensorSpec((batch_size,), tf.int32)
    text = step.experimental_get_compiler_ir(images, labels)(stage="stablehlo")
    return SimpleNamespace(compile=lambda: compile_text(text, chips[0]))


def compile_text(text, chip):
    """StableHLO compiled for one chip, to be asked as JAX's compiled functions are."""
    import numpy as np
    from jax._src import compiler
    from jax._src.interpreters import mlir
    from jax._src.lib import _jax
    from jax._src.lib.mlir import ir

    with mlir.make_ir_context():
        module = ir.Module.parse(text)
        _drop_copies(module, ir)
        options = compiler.get_compile_options(
            num_replicas=1,
            num_partitions=1,
            device_assignment=np.array([[chip.id]]),
            backend=chip.client,
        )
        loaded = chip.client.compile(
            module, executable_devices=_jax.DeviceList((chip,)), compile_options=options
        )
    return SimpleNamespace(
        memory_analysis=loaded.get_compiled_memory_stats,
        cost_analysis=loaded.cost_analysis,
        as_text=loaded.hlo_modules()[0].to_string,
    )


def _drop_copies(module, ir):
    """Removes `mhlo.copy`, which the TPU compiler does not know and does not need."""
    copies = []

    def find(operation):
        if operation.name == "mhlo.copy":
            copies.append(operation)
        return ir.WalkResult.ADVANCE

    module.operation.walk(find)
    for copy in copies:
        copy.results[0].replace_all_uses_with(copy.operands[0])
        copy.erase()


if __name__ == "__main__":
    main()
