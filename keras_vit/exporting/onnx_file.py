"""ONNX: converted by tf2onnx, run by ONNX Runtime."""

import logging
import warnings

from keras_vit.common.wording import as_memory
from keras_vit.exporting.describing import KEY, as_json
from keras_vit.exporting.images import noise, sizes_to_try

# Known to ONNX Runtime since 1.13 (2022).
OPSET = 17
# Bytes of the weights: what Protocol Buffers can hold, less a little for the graph.
LARGEST = 2**31 - 2**24
_AXES = ("batch", "height", "width")


def write(job):
    """Writes the file of `job.path`."""
    import onnx

    check_size(job)
    served = job.served()
    size, channels = sizes_to_try(job.plain)[0], served.input_shape[-1]
    pixels = noise(size, channels, 1)
    served(job.inputs(pixels))  # Keras exports no model to ONNX that was never called
    chatter = logging.getLogger("tf2onnx")
    level = chatter.level
    chatter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Keras lends tf2onnx a name that NumPy has given up.
            warnings.simplefilter("ignore", FutureWarning)
            served.export(job.path, format="onnx", opset_version=OPSET, verbose=False)
    finally:
        chatter.setLevel(level)
    proto = onnx.load(job.path)
    _name(proto, "probabilities" if job.postprocess else "output")
    proto.metadata_props.add(key=KEY, value=as_json(job))
    onnx.checker.check_model(proto)
    onnx.save(proto, job.path)


def check_size(job):
    """Raises, before the conversion, if the weights do not fit in one file."""
    count = job.plain.count_params()
    if 4 * count > LARGEST:
        raise ValueError(
            "An ONNX file holds at most 2 GiB, graph and weights together. Received: "
            f"{job.plain.name!r}, whose {count:,} weights are "
            f"{as_memory(4 * count)} in float32. Choose format='saved_model'."
        )


def _name(proto, name):
    """Names for the output and for the axes that are free."""
    graph = proto.graph
    (image,), (output,) = graph.input, graph.output
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [name if n == output.name else n for n in names]
    output.name = name
    for value in (image, output):
        for place, axis in enumerate(value.type.tensor_type.shape.dim):
            if not axis.HasField("dim_value"):
                known = value is image or place == 0
                axis.dim_param = _AXES[place] if known else f"output_{place}"


def runner(job):
    """A function of images, of the file as ONNX Runtime runs it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(job.path), providers=["CPUExecutionProvider"]
    )
    (image,) = session.get_inputs()
    return lambda images: session.run(None, {image.name: images})[0]
