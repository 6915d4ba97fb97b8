"""TensorFlow's training step for the TPU compiler, which takes StableHLO.

TensorFlow writes the step with its kernels for the CPU's XLA: that the program compiles
says nothing about TensorFlow's own kernels for a TPU, which differ here and there.
JAX's compiler interface has no public way in for such a program.
"""


def lower_tensorflow(model, request):
    """The training step of a compiled model, as StableHLO text."""
    import numpy as np
    import tensorflow as tf

    shape = model.input_shape[1:]
    two = np.zeros((2, *shape), "float32"), np.zeros(2, "int32")
    model.optimizer.build(model.trainable_variables)
    model._symbolic_build(data_batch=two)

    @tf.function(jit_compile=True, autograph=False)
    def step(images, labels):
        return model.train_step((images, labels))

    batch = request["batch_size"]
    specs = tf.TensorSpec((batch, *shape)), tf.TensorSpec((batch,), tf.int32)
    return step.experimental_get_compiler_ir(*specs)(stage="stablehlo")


def compile_text(text, chip):
    """Compiles StableHLO for one chip.

    Args:
        text: String, a module.
        chip: A device of a topology.

    Returns:
        An `Executable`.
    """
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
        return Executable(
            chip.client.compile(
                module,
                executable_devices=_jax.DeviceList((chip,)),
                compile_options=options,
            )
        )


class Executable:
    """What the compiler made, asked as JAX's compiled functions are."""

    def __init__(self, loaded):
        self.memory_analysis = loaded.get_compiled_memory_stats
        self.cost_analysis = loaded.cost_analysis
        self.as_text = loaded.hlo_modules()[0].to_string


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
