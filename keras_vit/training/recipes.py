"""What a training run is made of: one frozen record of every choice."""

import dataclasses
import difflib
import json
from typing import Literal

# The model "small": its training must fit into minutes on a laptop.
SMALL = {
    "num_layers": 4,
    "hidden_dim": 96,
    "mlp_dim": 192,
    "num_heads": 4,
    "dropout_rate": 0.1,
    "drop_path_rate": 0.1,
}

SIZES = ("num_layers", "hidden_dim", "mlp_dim", "num_heads")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a training run.

    Two runs of equal recipes on equal data, versions and thread counts give equal
    weights. `None` means "what the data set or the model says".

    Raises:
        ValueError: if a value is out of its range, or two values contradict each
            other.

    Example:

    >>> Recipe(data="cifar10", epochs=50).learning_rate == Recipe().learning_rate
    True
    """

    # The images: the name of a TFDS data set, a folder of class folders, perhaps in
    # folders train and test, or a prepared TFDS directory.
    data: str = "fashion_mnist_mini"
    # Where TFDS keeps its data sets; its own default where not given.
    data_dir: str | None = None
    # Share of the images held out for the test where the data has no test set.
    test_fraction: float = 0.2
    # Decides which images those are.
    split_seed: int = 0
    # What to do with an image that cannot be read: stop, or leave it out.
    corrupt: Literal["error", "skip"] = "error"

    # The model: "small", whose sizes the next fields may change, or a published
    # variant such as ViT_B16 (`keras-vit models` lists them).
    model: str = "small"
    # Number of Transformer blocks (model "small" only).
    num_layers: int | None = None
    # Width of the tokens (model "small" only).
    hidden_dim: int | None = None
    # Inner width of the MLPs (model "small" only).
    mlp_dim: int | None = None
    # Number of attention heads (model "small" only).
    num_heads: int | None = None
    # Height and width of the images, pixels: one number, or two.
    image_size: int | tuple[int, int] | None = None
    # Height and width of a patch, pixels. "small" takes about 7, and at most about
    # eight patches per side.
    patch_size: int | None = None
    # 1 for grey, 3 for colour.
    num_channels: Literal[1, 3] | None = None
    # What the classifier reads.
    pooling: Literal["token", "gap", "map"] = "token"
    # Share of activations dropped after each dense layer; "small" drops 0.1.
    dropout_rate: float | None = None
    # Share of attention scores dropped.
    attention_dropout_rate: float = 0.0
    # Share of the last block's residual branches dropped, growing linearly from 0 at
    # the first; "small" drops 0.1.
    drop_path_rate: float | None = None
    # Precision: float32, mixed_bfloat16, mixed_float16 or float64.
    dtype: Literal["float32", "mixed_bfloat16", "mixed_float16", "float64"] = "float32"

    # Passes over the training images.
    epochs: int = 24
    # Images per update, over all devices together.
    batch_size: int = 64
    # Highest learning rate of AdamW; never rescaled with the batch.
    learning_rate: float = 1e-3
    # Shape of the decay after the warm-up.
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    # Updates of linear warm-up; a tenth of all updates where not given.
    warmup_steps: int | None = None
    # Decoupled weight decay of kernels, multiplied by the learning rate.
    weight_decay: float = 0.1
    # Gradients are scaled down to this global norm.
    global_clipnorm: float = 1.0
    # Share of the target's probability spread over all classes.
    label_smoothing: float = 0.0
    # Random changes of the training images.
    augment: Literal["auto", "none", "flip", "crop", "crop_flip", "inception"] = "flip"

    # Decides initial weights, data order, augmentation and dropout.
    seed: int = 0
    # Compile the training step with XLA. auto: small models on the CPU only, and
    # what Keras chooses elsewhere.
    jit_compile: Literal["auto", "yes", "no"] = "auto"

    def __post_init__(self):
        if isinstance(self.image_size, list):  # from JSON
            object.__setattr__(self, "image_size", tuple(self.image_size))
        for name in ("epochs", "batch_size"):
            _check(self, name, getattr(self, name) >= 1, "must be at least 1")
        for name in ("image_size", "patch_size", *SIZES):
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                _check(self, name, number is None or number >= 1, "must be positive")
        for name in (
            "dropout_rate",
            "attention_dropout_rate",
            "drop_path_rate",
            "label_smoothing",
        ):
            rate = getattr(self, name)
            _check(self, name, rate is None or 0 <= rate < 1, "must be in [0, 1)")
        _check(self, "test_fraction", 0 < self.test_fraction < 1, "must be in (0, 1)")
        _check(self, "learning_rate", self.learning_rate > 0, "must be positive")
        _check(self, "weight_decay", self.weight_decay >= 0, "must not be negative")
        _check(self, "global_clipnorm", self.global_clipnorm > 0, "must be positive")
        for name in ("seed", "split_seed"):
            seed = getattr(self, name)
            _check(self, name, 0 <= seed < 2**31, "must be in [0, 2**31)")
        if self.warmup_steps is not None:
            _check(self, "warmup_steps", self.warmup_steps >= 0, "must not be negative")
        for field in dataclasses.fields(self):
            choices = CHOICES.get(field.name)
            if choices:
                _check_choice(field.name, getattr(self, field.name), choices)
        sizes = [name for name in SIZES if getattr(self, name) is not None]
        if sizes and self.model != "small":
            raise ValueError(
                f"The sizes of {self.model} are fixed; {', '.join(sizes)} can be "
                "chosen for the model 'small' only. "
                f"Received: model={self.model!r}, "
                + ", ".join(f"{name}={getattr(self, name)}" for name in sizes)
            )

    def resolve_warmup(self, total_steps):
        """The number of warm-up updates in a run of `total_steps` updates."""
        if self.warmup_steps is None:
            return total_steps // 10
        if self.warmup_steps >= total_steps:
            raise ValueError(
                "`warmup_steps` must be less than the number of updates of the whole "
                f"run. Received: warmup_steps={self.warmup_steps}, while the run has "
                f"{total_steps} updates. Train for more epochs or warm up for less."
            )
        return self.warmup_steps

    def to_json(self):
        """The recipe as a dictionary that JSON can hold."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, values):
        """The recipe of a dictionary made by `to_json`.

        Raises:
            ValueError: if the dictionary holds a name that no field has.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                raise ValueError(
                    f"A recipe has no field {name!r}{closest(name, names)}. The file "
                    "may come from another version of keras_vit."
                )
        return cls(**values)

    def diff(self, other):
        """The fields that differ: name to `(own value, the other's value)`."""
        mine, others = self.to_json(), other.to_json()
        return {k: (mine[k], others[k]) for k in mine if mine[k] != others[k]}


def closest(value, choices):
    """`"; did you mean ...?"` where one of the choices is close, else nothing."""
    lowered = {str(choice).lower(): str(choice) for choice in choices}
    matches = difflib.get_close_matches(str(value).lower(), lowered, n=1, cutoff=0.5)
    return f"; did you mean {lowered[matches[0]]!r}?" if matches else ""


def _choices():
    found = {}
    for field in dataclasses.fields(Recipe):
        parts = (field.type, *getattr(field.type, "__args__", ()))
        literal = [p for p in parts if getattr(p, "__origin__", None) is Literal]
        if literal:
            optional = (None,) if type(None) in parts else ()
            found[field.name] = literal[0].__args__ + optional
    return found


def _check(recipe, name, holds, rule):
    if not holds:
        raise ValueError(f"`{name}` {rule}. Received: {name}={getattr(recipe, name)}")


def _check_choice(name, value, choices):
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {listed}. "
            f"Received: {name}={value!r}{closest(value, choices)}"
        )


# The allowed values of every field that has a list of them.
CHOICES = _choices()
