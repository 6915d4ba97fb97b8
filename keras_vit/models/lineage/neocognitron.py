"""Neocognitron: S- and C-cells in turn, which learn without a teacher."""

import keras

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.layers import CLayer, SLayer
from keras_vit.layers.classic.s_layer import FORMS
from keras_vit.models.building import arguments
from keras_vit.models.building.constructor import constructor
from keras_vit.models.building.ends import add_head, float_policy

# The simulation of 1980. Stride and padding of the C-layers, which the paper does not
# give, are those that make planes of its sizes.
MODULES = (
    dict(
        s=dict(padding=2, selectivity=4.0, reinforcement=1.0, column=5),
        c=dict(area=5, strides=2, padding=(3, 4)),
    ),
    dict(
        s=dict(padding=1, selectivity=1.5, reinforcement=16.0, column=5),
        c=dict(area=5, strides=2, padding=(3, 4)),
    ),
    dict(
        s=dict(padding=0, selectivity=1.5, reinforcement=16.0, column=2),
        c=dict(area=2),
    ),
)

# The smallest image of which the last C-layer has a cell in each plane.
LEAST = 16

DIGITS = arguments.Unset(10)

# The saturation of C-cells in each form.
SATURATION = {"1980": 0.5, "1988": 1.0}


def _build(x, a):
    """The architecture, from images to logits or features.

    Args:
        x: Symbolic tensor `(B, H, W, C)`, the images.
        a: Namespace of the model's checked arguments.
    """
    dtype = {"dtype": float_policy(a.dtype)}  # synapses grow beyond half precision
    # From [-1, 1] to the [0, 1] of photoreceptors, which excite or are silent.
    x = keras.layers.Rescaling(0.5, 0.5, name="photoreceptors", **dtype)(x)
    for number, module in enumerate(MODULES, start=1):
        x = SLayer(a.planes, **module["s"], form=a.form, name=f"s{number}", **dtype)(x)
        x = CLayer(
            **module["c"], saturation=SATURATION[a.form], name=f"c{number}", **dtype
        )(x)
    # At 16 pixels: (B, 16, 16, P), (B, 10, 10, P); 8, 6; 2, 1. Larger images leave
    # more than one cell in each of the last planes, of which the strongest counts.
    x = keras.layers.GlobalMaxPooling2D(name="pooling", **dtype)(x)  # (B, P)
    x = keras.layers.UnitNormalization(name="answer", **dtype)(x)
    return add_head(x, a)  # (B, K)


def _check(a):
    """Checks the arguments of a Neocognitron, and makes plain numbers of them."""
    check_choice(a.form, tuple(FORMS), "form")
    check_positive(planes=a.planes)
    arguments.refuse_remat(a)
    if any(side is not None and side < LEAST for side in a.image_size):
        raise ValueError(
            f"`image_size` must be at least {LEAST}: the last planes would have no "
            f"cell. Received: image_size={tuple(a.image_size)}. Enlarge the images to "
            f"{LEAST} pixels."
        )


@constructor("neocognitron", _build, _check, image_size=16, num_channels=1)
def Neocognitron(num_classes=DIGITS, *, planes=24, form="1980"):
    """Neocognitron: three modules of S- and C-cells, which learn without a teacher.

    `keras-vit train --model Neocognitron` and `keras_vit.training.train` train it by
    its own rule: see `keras_vit.layers.SLayer`. The paper's network has no classifier:
    each cell of the last C-layer comes to answer one pattern. Here a head beside them
    has the usual answer to each class, and its logits are the cosines between that and
    the answer to an image. The rule keeps it, too, and gradients may train it: it is
    all that they reach.

    The paper's 29,400 synapses and 72 inhibitions are in three S-layers of 24 planes.

    Args:
        planes: Integer, the planes of each layer.
        form: `"1980"`, or `"1988"` for the inhibition, reinforcement and saturation of
            that year.
        image_size: Integer or `(height, width)`, pixels, at least 16; `None` for every
            size. Defaults to 16, as in the paper.
        num_channels: Integer, of the images. Defaults to 1.
        remat: `False`.

    Input shape: `(batch, height, width, num_channels)`, floats in `[-1, 1]`. Strokes
        are 1 and the ground is -1: invert images of ink on paper.

    Output shape: `(batch, num_classes)`, or features `(batch, planes)`, of length one
        or, where no cell answers, zero.

    Returns:
        A functional `keras.Model`. Its layers are `photoreceptors`, `s1`, `c1`, `s2`,
        `c2`, `s3`, `c3`, `pooling`, `answer` and `head`.

    Raises:
        ValueError: if images are smaller than 16 pixels, or the form is unknown.

    Example:

    >>> model = keras_vit.Neocognitron(5)
    >>> model.get_layer("s2").excitation.shape
    (5, 5, 24, 24)

    Reference: [Fukushima, 1980](https://doi.org/10.1007/BF00344251).
    """
