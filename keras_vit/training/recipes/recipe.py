"""`Recipe`: one frozen record of every choice that makes up a training run."""

import dataclasses
import json
from typing import Literal

from keras_vit.common.wording import hint, shortened
from keras_vit.models.variants.aliases import alias_of
from keras_vit.training.recipes.checks import (
    FOLD,
    NAMES,
    RATES,
    SHARES,
    SIZE,
    UNITS,
    WIDTH,
    check,
)
from keras_vit.training.recipes.look_up import RecipeTable, find_run
from keras_vit.training.recipes.scaling import scaled
from keras_vit.training.recipes.text import Difference, as_text

EPOCHS = 24
# Fields that JSON and command lines hold as lists.
TUPLES = ("image_size", "num_blocks", "freeze", "decay_at", "decay_to")


def field(default, group, rule=None, *, rare=False):
    """A field of a recipe: its default and its metadata.

    Args:
        default: Its default value.
        group: String, the group of lines that it is printed in.
        rule: String, what a value must be: a key of `checks.RULES`.
        rare: Boolean, whether it is printed only where it was changed.
    """
    metadata = {"group": group, "rule": rule, "rare": rare}
    return dataclasses.field(default=default, metadata=metadata)


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

    # The images: a folder of class folders (which may lie in folders train and test), a
    # list of files (.csv), the name of a TFDS data set or VTAB task, a prepared TFDS
    # directory, or a part of one of these, as in photos:train[80%:].
    data: str = field("fashion_mnist_mini", "data")
    # Where TFDS keeps its data sets; TFDS's default if not given.
    data_dir: str | None = field(None, "data")
    # The split to test on, such as train[80%:]; the data set's own test split if not
    # given.
    test_split: str | None = field(None, "data")
    # Share of the images to hold out for testing if the data set has no test split.
    test_fraction: float = field(0.2, "data", "in (0, 1)", rare=True)
    # Share of the training images to set apart for validation; 0 for none. Where it is
    # needed and not given, the data's own validation split, else 0.1.
    validation_fraction: float | None = field(None, "data", "in [0, 1)")
    # The split for validation, such as validation, instead of such a share.
    validation_split: str | None = field(None, "data", rare=True)
    # Seed that decides which images are held out.
    split_seed: int = field(0, "data", "in [0, 2**31)", rare=True)
    # What keeps images of one patient or video in one part: a column of the list, or a
    # regular expression on file names with one group, such as "(patient[0-9]+)_".
    group_by: str | None = field(None, "data", rare=True)
    # Test on one of several equal parts of the images, such as 2/5, the second of five:
    # one fold of a cross-validation. Images of a given test part are in none.
    fold: str | None = field(None, "data", FOLD, rare=True)
    # What to do with an image that cannot be read: stop (error), or leave it out
    # (skip).
    corrupt: Literal["error", "skip"] = field("error", "data", rare=True)

    # Which images an epoch draws: each once (shuffled), or all classes equally often
    # (balanced), in as many draws.
    sampling: Literal["shuffled", "balanced"] = field("shuffled", "data", rare=True)

    # What is learned: a class for every image, any number of labels for every image
    # (multilabel), a class for every pixel (segmentation), or classes and boxes of
    # objects (detection).
    task: Literal["classification", "multilabel", "segmentation", "detection"] = field(
        "classification", "model", rare=True
    )
    # The model: small (a ViT), small_bit, small_hybrid or small_unet (of segmentation),
    # whose sizes the fields below may change, or a published variant such as ViT_B16
    # (`keras-vit models` lists them); names of timm and Hugging Face mean the same
    # models, at the image size in the name.
    model: str = field("small", "model")
    # The variant of a network that has several: 1998 or modern of LeNet5, 2012 or
    # one_tower of AlexNet; by default the first.
    variant: str | None = field(None, "model")
    # Number of Transformer blocks (small and small_hybrid only).
    num_layers: int | None = field(None, "model", "positive")
    # Width of the tokens (small and small_hybrid only).
    hidden_dim: int | None = field(None, "model", "positive")
    # Hidden width of the MLPs (small and small_hybrid only).
    mlp_dim: int | None = field(None, "model", "positive")
    # Number of attention heads (small and small_hybrid only).
    num_heads: int | None = field(None, "model", "positive")
    # Number of residual units in each stage of the ResNet, such as 1 1 1 (small_bit and
    # small_hybrid only); every stage but the first halves the resolution.
    num_blocks: tuple[int, ...] | None = field(None, "model", UNITS)
    # Width of the ResNet in multiples of ResNet-50's: 0.5, 1, 1.5 and so on (small_bit
    # and small_hybrid only); of small_unet, of 32 channels in the first level.
    width_factor: float | None = field(None, "model", WIDTH)
    # Head of segmentation on the model: a linear classifier of each patch, the mask
    # transformer of Segmenter, or the upsampler of TransUNet; linear if not given.
    head: Literal["linear", "mask", "upsampler"] | None = field(None, "model")
    # Height and width of the images in pixels: one number, or two.
    image_size: int | tuple[int, int] | None = field(None, "model", SIZE)
    # Height and width of a patch in pixels; by default about 7 in the model small,
    # with at most eight patches per side. Of a hybrid: positions of its feature map.
    patch_size: int | None = field(None, "model", "positive")
    # 1 for grey, 3 for colour.
    num_channels: Literal[1, 3] | None = field(None, "model")
    # Where the initial weights come from: a published name such as imagenet21k, a file,
    # a run folder or a URL; random if not given.
    weights: str | None = field(None, "weights")
    # Layers to freeze: names (* matches anything), backbone for all but the head, or
    # blocks:6 for the first six blocks, with patches and positions or the stem.
    freeze: tuple[str, ...] = field((), "weights", NAMES)
    # LoRA: train adapters of this rank on the projections of Transformer blocks, and
    # the head, on weights that stay as they are.
    lora_rank: int | None = field(None, "weights", "at least 1", rare=True)
    # What to predict for hidden patches, in pretraining without labels; if not given,
    # the model learns classes.
    masked_target: Literal["mean_colour", "colours_4x4", "pixels"] | None = field(
        None, "pretraining"
    )
    # Share of the patches to corrupt in pretraining.
    corruption_rate: float = field(0.5, "pretraining", "in (0, 1)")
    # What the classifier reads: the class token, the mean of the patches (gap) or
    # attention pooling (map).
    pooling: Literal["token", "gap", "map"] = field("token", "model")
    # Kind of position embedding.
    position_embedding: Literal[
        "learned", "learned_2d", "sincos2d", "relative", "none"
    ] = field("learned", "model", rare=True)
    # Where positions are added: at the input of the first block, at every layer with
    # vectors of its own, or at every layer with the same ones (shared).
    position_scope: Literal["input", "every_layer", "shared"] = field(
        "input", "model", rare=True
    )
    # Width of a tanh layer before the classifier; by default there is no such layer.
    representation_size: int | None = field(None, "model", "positive")
    # Initial value of the classifier's biases; -10 or -6.9 with the sigmoid loss.
    head_bias: float = field(0.0, "model", rare=True)
    # Dropout rate after each dense layer; small and small_hybrid use 0.1
    # by default.
    dropout_rate: float | None = field(None, "regularisation", "in [0, 1)")
    # Dropout rate of the attention scores.
    attention_dropout_rate: float = field(0.0, "regularisation", "in [0, 1)", rare=True)
    # Stochastic depth: drop rate of the last block, growing linearly from 0 at the
    # first; small and small_hybrid use 0.1 by default.
    drop_path_rate: float | None = field(None, "regularisation", "in [0, 1)")
    # Precision of the computation. auto: mixed_bfloat16 on a TPU, float32 elsewhere.
    dtype: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16", "float64"] = (
        field("auto", "memory")
    )

    # Passes over the training images; 24 if the number of updates is not given either.
    epochs: int | None = field(None, "length", "at least 1")
    # Number of updates in the whole run, instead of passes over the training images.
    total_steps: int | None = field(None, "length", "at least 1")
    # The most minutes for training: a run that would take longer is made shorter, and
    # its schedule with it, by the pace that a first minute of trial measures.
    max_minutes: float | None = field(None, "length", "positive", rare=True)
    # Updates between two tests of the model; by default one pass over the images.
    evaluate_every: int | None = field(None, "length", "at least 1")
    # Which weights to save as model.keras: those of the last test of the model, or of
    # the best one, as monitor says. With a validation part, the others are kept too.
    keep: Literal["last", "best"] = field("last", "length", rare=True)
    # Patience: end the training after so many tests of the model in a row that were not
    # better than the best before them.
    early_stopping: int | None = field(None, "length", "at least 1", rare=True)
    # The number that says which test is the best, as history.csv names it; by default
    # val_accuracy, of several labels val_mean_ap, of segmentation val_mean_iou, of
    # detection val_loss.
    monitor: str | None = field(None, "length", rare=True)
    # Whether less (min) or more (max) of it is better. auto: less of a loss.
    mode: Literal["auto", "min", "max"] = field("auto", "length", rare=True)
    # Images per update, over all devices together.
    batch_size: int = field(64, "length", "at least 1")
    # Gradient accumulation: number of equal parts in which a batch is computed, one
    # after another, to save memory.
    accumulation_steps: int = field(1, "memory", "at least 1", rare=True)
    # Updates per call of the compiled program: same result, faster on a TPU.
    steps_per_execution: int = field(1, "machine", "at least 1", rare=True)
    # Recompute each block in the backward pass instead of storing its activations.
    remat: bool = field(False, "memory", rare=True)
    # The optimizer: AdamW, SGD with momentum, or RMSProp as TensorFlow's EfficientNet
    # has it.
    optimizer: Literal["adamw", "sgd", "rmsprop"] = field("adamw", "optimizer")
    # Momentum of SGD and RMSProp; beta_1 of AdamW.
    momentum: float = field(0.9, "optimizer", "in [0, 1)")
    # Data type of the stored momentum; bfloat16 takes half the memory.
    momentum_dtype: Literal["float32", "bfloat16"] = field(
        "float32", "memory", rare=True
    )
    # Peak learning rate; never rescaled silently when the batch size changes.
    learning_rate: float = field(1e-3, "schedule", "positive")
    # How the recipe's source adapts to another batch size (`Recipe.scaled_to`).
    batch_scaling: Literal["none", "rate", "rate_and_steps"] = field("none", "schedule")
    # Factor of the learning rate from each block to the one before (layer-wise decay).
    layer_decay: float | None = field(None, "schedule", "in (0, 1]")
    # Shape of the learning-rate schedule after the warm-up.
    decay: Literal["cosine", "linear", "rsqrt", "bit", "exponential", "constant"] = (
        field("cosine", "schedule")
    )
    # Final learning rate of the decay "linear".
    decay_end: float = field(1e-5, "schedule", "zero or more")
    # Updates after which the decay "rsqrt" has fallen to 0.71 of the peak rate.
    decay_timescale: int = field(10_000, "schedule", "at least 1")
    # Shares of the run after which the decay "bit" divides the rate by ten, as BiT and
    # the networks before it do, or takes the next of decay_to.
    decay_at: tuple[float, ...] = field((0.3, 0.6, 0.9), "schedule", SHARES)
    # Shares of the peak rate that the decay "bit" goes on with, one for each of
    # decay_at; a tenth, a hundredth and so on if not given.
    decay_to: tuple[float, ...] = field((), "schedule", RATES, rare=True)
    # Share of the run after which the decay "exponential" multiplies the rate by
    # decay_factor, again and again; by default 2.4 of 350 passes, as EfficientNet.
    decay_every: float = field(2.4 / 350, "schedule", "in (0, 1)")
    # Factor of each step of the decay "exponential".
    decay_factor: float = field(0.97, "schedule", "in (0, 1)")
    # Number of linear warm-up updates; a tenth of all updates if not given.
    warmup_steps: int | None = field(None, "schedule", "zero or more")
    # Number of final updates over which the learning rate falls linearly to zero.
    cooldown_steps: int = field(0, "schedule", "zero or more", rare=True)
    # Weight decay of kernels; decoupled and multiplied by the learning rate, unless
    # weight_decay_form says otherwise.
    weight_decay: float = field(0.1, "regularisation", "zero or more")
    # How weights decay: decoupled, times the learning rate, or l2, added to the clipped
    # gradient.
    weight_decay_form: Literal["decoupled", "l2"] = field(
        "decoupled", "regularisation", rare=True
    )
    # Which weights decay: kernels, all but those of norms, or all.
    weight_decay_on: Literal["kernels", "all_but_norms", "all"] = field(
        "kernels", "regularisation", rare=True
    )
    # Clip gradients to this global norm, if one is given.
    global_clipnorm: float | None = field(1.0, "optimizer", "positive")
    # Momentum of averaged weights, such as 0.9999; if given, the averages are tested
    # and saved.
    ema_momentum: float | None = field(None, "optimizer", "in [0, 1)")
    # Training loss: softmax for one class per image, sigmoid for a yes or no for each
    # class, focal for a softmax that counts images less which are easy already; of
    # several labels an image binary, the sigmoid's averaged over classes.
    loss: Literal["softmax", "sigmoid", "focal", "binary"] = field(
        "softmax", "optimizer"
    )
    # How much less the focal losses count what is easy: 0 is the cross-entropy.
    focal_gamma: float = field(2.0, "optimizer", "zero or more", rare=True)
    # Factors of the losses of each class: balanced (images / classes / images of the
    # class; of segmentation, pixels), or a file: JSON {"name": 2.5}, or CSV lines
    # name,2.5. Classes that are not named count 1.
    class_weights: str | None = field(None, "optimizer")
    # Training loss of segmentation; dice is that of each image, crossentropy_dice half
    # of each, with Dice over the batch as in TransUNet.
    pixel_loss: Literal["crossentropy", "dice", "crossentropy_dice", "focal"] = field(
        "crossentropy", "optimizer", rare=True
    )
    # Share of the target's probability that is spread over all classes; of several
    # labels, how far each answer moves towards a half.
    label_smoothing: float = field(0.0, "regularisation", "in [0, 1)", rare=True)
    # Augmentation of the training images: auto, none, flip, crop, crop_flip, inception,
    # an AugReg level such as augreg_light1, or steps separated by |.
    augment: str = field("flip", "data")

    # Random seed of initial weights, data order, augmentation and dropout.
    seed: int = field(0, "length", "in [0, 2**31)")
    # Compile the training step with XLA. auto: on the CPU only small models, elsewhere
    # as Keras chooses.
    jit_compile: Literal["auto", "yes", "no"] = field("auto", "machine", rare=True)

    def __post_init__(self):
        for name in TUPLES:
            if isinstance(getattr(self, name), list):  # from JSON
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if isinstance(self.class_weights, dict):  # the same as JSON, which stays equal
            object.__setattr__(self, "class_weights", json.dumps(self.class_weights))
        if named := alias_of(self.model):
            object.__setattr__(self, "model", named[0])
            if self.image_size is None:
                object.__setattr__(self, "image_size", named[1])
        if self.epochs is None and self.total_steps is None:
            object.__setattr__(self, "epochs", EPOCHS)
        if self.task == "multilabel" and self.loss == "softmax":
            object.__setattr__(self, "loss", "binary")  # softmax is for one label
        check(self)

    __str__ = as_text

    def resolve_steps(self, steps_per_epoch):
        """The number of updates of the whole run."""
        return self.total_steps or self.epochs * steps_per_epoch

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

        Raises a `ValueError` if it is no dictionary, or holds a name that no field has.
        """
        if not isinstance(values, dict):
            raise ValueError(
                "A recipe is an object of fields and values. "
                f"Received: {shortened(json.dumps(values, default=str), 80)}"
            )
        names = cls.__dataclass_fields__
        for name in values:
            if name not in names:
                raise ValueError(
                    f"A recipe has no field {name!r}.{hint(name, names)} The file may "
                    "come from another version of keras_vit."
                )
        return cls(**values)

    def diff(self, other):
        """The fields that differ: name to `(own value, the other's value)`.

        Args:
            other: A `Recipe`, or the name of a published one.

        Returns:
            A dictionary, which prints as a table.
        """
        other = recipe(other) if isinstance(other, str) else other
        mine, others = self.to_json(), other.to_json()
        return Difference(
            {k: (mine[k], others[k]) for k in mine if mine[k] != others[k]}
        )

    def cost(self, num_examples=None, **options):
        """What a run costs; see `keras_vit.training.estimate_cost`."""
        from keras_vit.training.recipes.cost import estimate_cost

        return estimate_cost(self, num_examples, **options)

    def scaled_to(self, batch_size):
        """The same run with batches of another size, as its source scales it.

        `batch_scaling` says how: `"none"` keeps rate and length (ViT), `"rate"` keeps
        rate over batch size, `"rate_and_steps"` also the number of images seen
        (BiT-HyperRule). What was done is logged. Returns a new recipe.

        Args:
            batch_size: Integer, images per update.
        """
        return scaled(self, batch_size)


def recipe(name):
    """A published recipe by its name.

    Args:
        name: String, a name from `list_recipes()`.

    Returns a `Recipe`. Raises a `ValueError` that names the closest one.

    Example:

    >>> recipe("vit_finetune_cifar10").total_steps
    10000
    """
    return Recipe(**find_run(name).values)


def list_recipes():
    """Every published run, with its source; prints as a table."""
    return RecipeTable.of(Recipe)
