"""`verify`: compares this package's outputs with those of the original code."""

import functools
from dataclasses import dataclass, field
from importlib import resources

import keras
import numpy as np
from keras import ops

from keras_vit.checkpoints import facts_of, open_source, resize_position_embeddings
from keras_vit.checkpoints.files.npz import from_npz
from keras_vit.common.tables import Table
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.variants.identify import family_of_variant
from keras_vit.models.variants.listing import canonical_name
from keras_vit.models.vision_model import arguments_of, look_inside, settings_of

LOGITS_BAR = {"vit": 2e-5, "bit": 2e-5, "hybrid": 5e-5}
POSITIONS_BAR = 1e-5


@dataclass(frozen=True)
class _Case:
    """One golden case: its origin, family, and what its arrays do not tell."""

    name: str
    origin: str
    family: str
    overrides: dict = field(default_factory=dict)


_CASES = (
    _Case("vit/token_nonsquare", "official", "vit", {"image_size": (24, 40)}),
    _Case("big_vision/map", "big_vision", "vit"),
    _Case(
        "hf/vit_cls_interp", "Hugging Face", "vit", {"num_heads": 2, "image_size": 48}
    ),
    _Case("timm/vit_avg_fcnorm", "timm", "vit", {"num_heads": 2}),
    _Case("hybrid/h_r21_p2", "official", "hybrid"),
    _Case("hf/bit_cls", "Hugging Face", "bit", {"image_size": 64}),
)


@dataclass(frozen=True)
class Check:
    """One row of a certificate.

    Attributes:
        case: String, the golden case.
        family: `"vit"`, `"hybrid"`, `"bit"` or `"positions"`.
        origin: String, whose code made the numbers.
        arithmetic: Dictionary of GELU kind, epsilons and standardisation.
        blocks: Dictionary of a layer's name to the largest absolute difference.
        logits: Float, the largest absolute difference of the result.
        bar: Float, how large that may be in float32.
        verdict: `"ok"`, `"FAILED"`, or `"reduced precision"` where the model does
            not compute in float32.
    """

    case: str
    family: str
    origin: str
    arithmetic: dict
    blocks: dict
    logits: float
    bar: float
    verdict: str


class Certificate(Table):
    """A list of `Check` that prints as a table; `passed` sums it up.

    `notes` are sentences about the model that was verified.
    """

    header = ("case", "origin", "arithmetic", "blocks", "logits", "bar", "verdict")

    def __init__(self, checks=(), notes=()):
        super().__init__(checks)
        self.notes = list(notes)

    @property
    def passed(self):
        return all(check.verdict != "FAILED" for check in self)

    def cells(self, check):
        """The texts of one row."""
        blocks = max(check.blocks.values(), default=None)
        return (
            check.case,
            check.origin,
            ", ".join(map(str, check.arithmetic.values())),
            "" if blocks is None else f"{blocks:.1e}",
            f"{check.logits:.1e}",
            f"{check.bar:.0e}",
            check.verdict,
        )

    def __str__(self):
        return "\n".join([super().__str__(), *self.notes])


def verify(model_or_name=None):
    """Runs small golden cases of the original implementations through this package.

    Every case is a small model of a family, with weights and outputs that came out
    of the original code (vision_transformer, big_vision, transformers, timm). It is
    built and filled as any checkpoint is, and its outputs are compared.

    Args:
        model_or_name: A model of this package, to verify its family in its dtype
            policy, and to say with whose arithmetic it computes; the name of a
            published model, to verify its family; or `None` for every family.

    Returns:
        A `Certificate`, which prints as a table: for every case the largest
        difference in any block and in the logits, the bar, and the verdict.

    Raises:
        ValueError: if the name is unknown, the model was not made here, or there are
            no cases of its family.

    Example:

    >>> certificate = keras_vit.verify()
    >>> certificate.passed
    True
    """
    if model_or_name is None:
        return Certificate([*(_check(c) for c in _CASES), _check_positions()])
    if isinstance(model_or_name, str):
        family = family_of_variant(canonical_name(model_or_name))
        return Certificate(_check(case) for case in _cases_of(family))
    family = settings_of(model_or_name).get("family")
    if not family:
        raise ValueError(
            "`model_or_name` must be a model of keras_vit, the name of one, or None. "
            f"Received: {model_or_name!r}.{look_inside(model_or_name)}"
        )
    arguments = arguments_of(model_or_name)
    checks = [_check(case, arguments["dtype"]) for case in _cases_of(family)]
    same = [
        check.origin
        for check in checks
        if all(arguments[name] == value for name, value in check.arithmetic.items())
    ]
    own = ", ".join(f"{n}={arguments[n]!r}" for n in checks[0].arithmetic)
    whose = f"as {' and '.join(same)}" if same else "as none of these projects"
    return Certificate(checks, [f"This model computes with {own}: {whose}."])


def _cases_of(family):
    """The cases of a family; raises where there are none."""
    found = [case for case in _CASES if case.family == family]
    if not found:
        known = ", ".join(sorted({case.family for case in _CASES}))
        raise ValueError(
            f"`verify` has cases of the families {known}, and none of {family}. "
            f"Received: a model of the family {family!r}. Compare a file of its "
            "weights with its project's own outputs."
        )
    return found


def golden_folder():
    """Where the arrays and the photo that ship with the package are."""
    return resources.files("keras_vit.checkpoints") / "golden"


@functools.cache
def _arrays():
    with resources.as_file(golden_folder() / "cases.npz") as path:
        arrays = from_npz(path)
        return {name: arrays.read(name) for name in arrays}


def _part(prefix):
    start = f"{prefix}|"
    return {
        n.removeprefix(start): a for n, a in _arrays().items() if n.startswith(start)
    }


def _check(case, dtype="float32"):
    weights, outputs = _part(f"{case.name}|weights"), _part(f"{case.name}|outputs")
    checkpoint = open_source(weights)
    model = from_checkpoint(checkpoint, dtype=dtype, **case.overrides)
    layers = [name for name in outputs if name not in ("image", "logits")]
    probe = keras.Model(
        model.input, [*(model.get_layer(n).output for n in layers), model.output]
    )
    *found, logits = (ops.convert_to_numpy(y) for y in probe(outputs["image"]))
    blocks = {
        name: float(np.abs(value - outputs[name]).max())
        for name, value in zip(layers, found)
    }
    difference = float(np.abs(logits - outputs["logits"]).max())
    bar = LOGITS_BAR[case.family]
    verdict = _verdict(difference, bar)
    if keras.dtype_policies.get(dtype).compute_dtype not in ("float32", "float64"):
        verdict = "reduced precision"
    arithmetic, about = facts_of(checkpoint), (case.name, case.family, case.origin)
    return Check(*about, arithmetic, blocks, difference, bar, verdict)


def _verdict(difference, bar):
    return "ok" if difference <= bar else "FAILED"


def _check_positions():
    arrays = _part("posemb")
    old, new = arrays["g7_to_g12_token.old"], arrays["g7_to_g12_token.new"]
    found = resize_position_embeddings(old, (12, 12), prefix_tokens=1)
    difference = float(np.abs(found - new).max())
    about = ("posemb/g7_to_g12_token", "positions", "official", {"kernel": "official"})
    verdict = _verdict(difference, POSITIONS_BAR)
    return Check(*about, {}, difference, POSITIONS_BAR, verdict)
