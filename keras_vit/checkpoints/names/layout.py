"""`Layout`: how one project writes one family of models."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from keras_vit.checkpoints.names.foreign import ABSENT
from keras_vit.checkpoints.names.rows import rows_of
from keras_vit.checkpoints.names.wrappers import BESIDE
from keras_vit.checkpoints.preparation import Preparation

# Paths of the kernels that read the image, other than a ViT's: of BiT and hybrids, of
# ResNet, VGG, EfficientNet, of AlexNet, and of LeNet.
IMAGE_KERNELS = (
    "root_conv/kernel",
    "conv1_conv/kernel",
    "block1_conv1/kernel",
    "stem_conv/kernel",
    "conv1/kernel",
    "c1/kernel",
)


@dataclass(frozen=True)
class Layout:
    """How one project writes one family of models.

    Attributes:
        name: String, the project and the family.
        family: `"vit"`, `"hybrid"`, `"bit"`, or `None` for any.
        table: Rows of names, as in `names.rows`.
        anchors: Regular expressions of names, each of which must occur.
        facts: Arguments of a model that the project fixes and the arrays do not show;
            `None` where its files differ, so that the user is asked.
        project: `"timm"` or `"hugging_face"`, whose `config.json` such files may have
            beside them; `"keras"`, whose files say in arrays how images are scaled; or
            `None`.
        usual_scaling: Whether every file of the project was trained with images in
            [-1, 1].
        preparation: A `Preparation`, how the project prepares images where neither the
            file nor a table says it, or `None`.
        flattened: Pairs of paths: the kernel of a dense layer whose file flattens a
            feature map with the channels first, and the kernel of the convolution
            before it.
        ignored: `(pattern, what)` of arrays that belong to no model of this package
            and are left unread by design: optimizer slots, decoders, buffers.
        prefixed_positions: Names of position tables that always begin with the
            vectors of class and register tokens; of others the length decides.
        without_positions: What a model has whose file holds no positions; `None`
            where that must be said.
        position_kernel: How the project resizes position embeddings.
        normalised: Whether names go through `spelling.normalised` first.
        absent: Rows as in `foreign.ABSENT`, of kinds of models that are known by what
            they lack, and refused.
        renamed: Function `(names, shapes)` that brings names into the form that the
            table has, or `None`; both are dictionaries, from a name to the one in the
            file, and from that to a shape.
        stacked: Names of arrays whose first axis counts blocks: each of its items is
            an array of its own, with a dot and its number after the name.
        tokens_behind: Whether register tokens, and their positions, stand behind the
            patches.
    """

    name: str
    family: str | None = None
    table: tuple = ()
    anchors: tuple = ()
    facts: dict = field(default_factory=dict)
    project: str | None = None
    usual_scaling: bool = False
    preparation: Preparation | None = None
    flattened: tuple = ()
    ignored: tuple = ()
    prefixed_positions: tuple = ()
    without_positions: str | None = None
    position_kernel: str = "official"
    normalised: bool = False
    absent: tuple = ABSENT
    renamed: Callable | None = None
    stacked: tuple = ()
    tokens_behind: bool = False

    @functools.cached_property
    def rows(self):
        """A `Row` for every array."""
        return rows_of(self.table)

    def ignored_as(self, name):
        """What an array is that is set aside, or `None`."""
        table = self.ignored if self.name == "Keras" else (*self.ignored, *BESIDE)
        return next((w for p, w in table if re.fullmatch(p, name)), None)
