"""The layout of a Neocognitron's weights alone, which this package writes."""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import DENSE
from keras_vit.checkpoints.names.transforms import as_is

_SYNAPSES = (
    ("/excitation", "/excitation", as_is),
    ("/inhibition", "/inhibition", as_is),
)

LAYOUTS = (
    Layout(
        "keras_vit Neocognitron",
        "neocognitron",
        (("s{i}", "s{i}", _SYNAPSES), ("head", "head", DENSE)),
        (r"s1/excitation", r"s3/excitation"),
        {"form": None},
        usual_scaling=True,
    ),
)
