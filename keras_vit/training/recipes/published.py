"""The published training runs, one row each: where it is from, and its recipe.

Weight decay is that of `Recipe`: decoupled and multiplied by the learning rate, as the
papers' numbers are. big_vision writes 1e-4 for the same 0.1, because its decay is not
multiplied by the rate of 1e-3.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class PublishedRun:
    """One run of a paper or of a configuration file."""

    # The table, section or file that says so.
    source: str
    # Fields of a `Recipe`; what is not named has its default.
    values: dict
    # What was tried before the best was chosen, field to values.
    sweep: dict = dataclasses.field(default_factory=dict)
    # What the row cannot say.
    note: str = ""


# Training images, as the papers count them.
NUM_EXAMPLES = {
    "cifar10": 50_000,
    "cifar100": 50_000,
    "fashion_mnist_mini": 6_000,
    "imagenet2012": 1_281_167,
    "imagenet21k": 14_000_000,
    "jft_300m": 303_000_000,
    "oxford_flowers102": 1_020,
    "oxford_iiit_pet": 3_680,
}

# Height, width and channels of all images, where they are of one size.
IMAGE_SHAPES = {
    "cifar10": (32, 32, 3),
    "cifar100": (32, 32, 3),
    "fashion_mnist_mini": (28, 28, 1),
}

_VIT = "Dosovitskiy et al. 2021, "
_T3 = _VIT + "table 3"
_T4 = _VIT + "table 4"
_AUGREG = "Steiner et al. 2022; vit_jax/configs/augreg.py"
_PLAIN = "Beyer et al. 2022; big_vision/configs/vit_s16_i1k.py"
_BIT = "Kolesnikov et al. 2020, upstream training"
_PRIVATE = "The data set is not public: give your own with data."

# Pre-training of ViT: Adam, batch 4096, 224 pixels, a tanh layer as wide as the tokens.
# JFT and ImageNet-21k with a sigmoid loss (issues 2 and 34 of the official code).
_PRE = {"batch_size": 4096, "warmup_steps": 10_000, "image_size": 224}
_PRE |= {"augment": "inception", "dropout_rate": 0.0}
_MANY = {"loss": "sigmoid", "head_bias": -10.0, "decay": "linear"}
_JFT = {**_PRE, **_MANY, "data": "jft_300m", "epochs": 7, "global_clipnorm": None}
_I21K = {**_PRE, **_MANY, "data": "imagenet21k", "epochs": 90, "global_clipnorm": None}
_I21K |= {"learning_rate": 1e-3, "weight_decay": 0.03, "dropout_rate": 0.1}
_I1K = {**_PRE, "data": "imagenet2012", "epochs": 300, "learning_rate": 3e-3}
_I1K |= {"weight_decay": 0.3, "dropout_rate": 0.1}
_MASKED = {**_PRE, "masked_target": "mean_colour", "total_steps": 1_000_000}
_MASKED |= {"learning_rate": 2e-4, "weight_decay": 0.1, "global_clipnorm": None}
_UNSAID = f"Weight decay and dropout, not said, are those of table 3. {_PRIVATE}"
_B, _L, _H = ({"representation_size": width} for width in (768, 1024, 1280))

# Fine-tuning of ViT: SGD, batch 512, cosine, no decay, 384 pixels.
_FINE = {"model": "ViT_B16", "weights": "imagenet21k", "image_size": 384}
_FINE |= {"optimizer": "sgd", "momentum_dtype": "bfloat16", "weight_decay": 0.0}
_FINE |= {"batch_size": 512, "accumulation_steps": 8, "learning_rate": 0.03}
_FINE |= {"warmup_steps": 500, "augment": "inception", "dropout_rate": 0.0}
_CIFAR10 = {"data": "cifar10", "total_steps": 10_000, "learning_rate": 0.01}
_CIFAR100 = {"data": "cifar100", "total_steps": 10_000, "learning_rate": 0.03}
_PETS = {"data": "oxford_iiit_pet", "total_steps": 500, "warmup_steps": 100}
_PETS |= {"evaluate_every": 100, "learning_rate": 0.003}
_FLOWERS = {**_PETS, "data": "oxford_flowers102", "learning_rate": 0.03}
_VTAB = {"data": "vtab", "total_steps": 2_500, "learning_rate": 0.01}
_VTAB |= {"evaluate_every": 500}
_IMAGENET = {"data": "imagenet2012", "total_steps": 20_000}
_LARGE = {"learning_rate": (0.003, 0.01, 0.03, 0.06)}
_SMALL = {"learning_rate": (0.001, 0.003, 0.01, 0.03)}
_LOW = {"learning_rate": (0.001, 0.003, 0.01)}

_AUG = {**_FINE, "weights": "augreg"}
_SHORT = {"total_steps": 500, "warmup_steps": 100, "evaluate_every": 100}
_MIDDLE = {"total_steps": 2_500, "warmup_steps": 200, "evaluate_every": 500}

_S16 = {"model": "ViT_S16", "data": "imagenet2012", "image_size": 224}
_S16 |= {"batch_size": 1024, "warmup_steps": 10_000, "momentum_dtype": "bfloat16"}
_S16 |= {"position_embedding": "sincos2d", "pooling": "gap", "dropout_rate": 0.0}
_S16 |= {"augment": "inception_crop|flip|randaugment(2,10)|mixup(0.2)"}
_S16 |= {"representation_size": 384}

# SGD with 1e-4 added to the gradient; momentum 0.9 makes that ten times stronger, so
# that the decoupled decay which does the same is 1e-3.
_UP = {"optimizer": "sgd", "batch_size": 4096, "learning_rate": 0.03 * 16}
_UP |= {"batch_scaling": "rate", "weight_decay": 1e-3, "warmup_steps": 5_000}
_UP |= {"image_size": 224, "augment": "inception", "decay": "bit"}
_UP |= {"global_clipnorm": None, "epochs": 90, "decay_at": (1 / 3, 2 / 3, 8 / 9)}
_UP_L = {"epochs": 40, "decay_at": (0.25, 0.575, 0.75, 0.925)}
_ANY = "data names one of its tasks, or your own images."
_SPLIT = (
    "The paper holds out the last hundredth of the training images, and evaluates with "
    "--steps 'resize_small(256)|central_crop(224)'."
)
_LABELS = "The paper does not say which loss several labels of one image went through."
_PROBE = "keras_vit; the closed-form probe of the papers is keras_vit.evaluation's"
_CONFIG = "vit_jax/configs/common.py and vit.py"
_BEST = _VIT + "section 4.1"
_RESNET = {"dropout_rate": None}  # has none
_POLYAK = {"ema_momentum": 0.9999}
_HEAD = {"data": "cifar10", "epochs": 10, "image_size": 224, "accumulation_steps": 1}
_HEAD |= {"augment": "none", "warmup_steps": None, "learning_rate": 0.1}

RUNS = {
    # Our own.
    "small": PublishedRun("keras_vit, the default run", {}),
    # Pre-training on JFT-300M; hybrids as their ViT.
    "vit_b16_jft": PublishedRun(
        _T3, {**_JFT, **_B, "model": "ViT_B16", "learning_rate": 8e-4}, note=_PRIVATE
    ),
    "vit_b32_jft": PublishedRun(
        _T3, {**_JFT, **_B, "model": "ViT_B32", "learning_rate": 8e-4}, note=_PRIVATE
    ),
    "vit_l32_jft": PublishedRun(
        _T3, {**_JFT, **_L, "model": "ViT_L32", "learning_rate": 6e-4}, note=_PRIVATE
    ),
    "vit_l16_jft": PublishedRun(
        _T3, {**_JFT, **_L, "model": "ViT_L16", "learning_rate": 4e-4}, note=_PRIVATE
    ),
    "vit_l16_jft_14ep": PublishedRun(
        _T3,
        {**_JFT, **_L, "model": "ViT_L16", "learning_rate": 4e-4, "epochs": 14},
        note=_PRIVATE,
    ),
    "vit_h14_jft": PublishedRun(
        _T3,
        {**_JFT, **_H, "model": "ViT_H14", "learning_rate": 3e-4, "epochs": 14},
        note=_PRIVATE,
    ),
    "r50x1_jft": PublishedRun(
        _T3,
        {**_JFT, **_RESNET, "model": "BiT_R50x1", "learning_rate": 1e-3},
        note=_PRIVATE,
    ),
    "r50x2_jft": PublishedRun(
        _T3,
        {**_JFT, **_RESNET, "model": "BiT_R50x2", "learning_rate": 1e-3},
        note=_PRIVATE,
    ),
    "r101x1_jft": PublishedRun(
        _T3,
        {**_JFT, **_RESNET, "model": "BiT_R101x1", "learning_rate": 8e-4},
        note=_PRIVATE,
    ),
    "r152x1_jft": PublishedRun(
        _T3,
        {**_JFT, **_RESNET, "model": "BiT_R152x1", "learning_rate": 6e-4},
        note=_PRIVATE,
    ),
    "r152x2_jft": PublishedRun(
        _T3,
        {**_JFT, **_RESNET, "model": "BiT_R152x2", "learning_rate": 6e-4},
        note=_PRIVATE,
    ),
    "r50_vit_b32_jft": PublishedRun(
        _T3,
        {**_JFT, **_B, "model": "R50_ViT_B32", "learning_rate": 8e-4},
        note=_PRIVATE,
    ),
    "r50_vit_b16_jft": PublishedRun(
        _T3,
        {**_JFT, **_B, "model": "R50_ViT_B16", "learning_rate": 8e-4},
        note=_PRIVATE,
    ),
    "r50_vit_l32_jft": PublishedRun(
        _T3,
        {**_JFT, **_L, "model": "R50_ViT_L32", "learning_rate": 2e-4},
        note=_PRIVATE,
    ),
    "r50_vit_l16_jft": PublishedRun(
        _T3,
        {**_JFT, **_L, "model": "R50_ViT_L16", "learning_rate": 4e-4},
        note=_PRIVATE,
    ),
    "r50_vit_l16_jft_14ep": PublishedRun(
        _T3,
        {**_JFT, **_L, "model": "R50_ViT_L16", "learning_rate": 4e-4, "epochs": 14},
        note=_PRIVATE,
    ),
    # Without labels, as in appendix B.1.2.
    "vit_b16_masked_jft": PublishedRun(
        _VIT + "appendix B.1.2",
        {**_MASKED, "model": "ViT_B16", "data": "jft_300m"},
        note=_UNSAID,
    ),
    # Pre-training on ImageNet-21k; the released files were trained for 90 epochs.
    "vit_b16_i21k": PublishedRun(_T3, {**_I21K, **_B, "model": "ViT_B16"}),
    "vit_b32_i21k": PublishedRun(_T3, {**_I21K, **_B, "model": "ViT_B32"}),
    "vit_l16_i21k": PublishedRun(_T3, {**_I21K, **_L, "model": "ViT_L16"}),
    "vit_l32_i21k": PublishedRun(_T3, {**_I21K, **_L, "model": "ViT_L32"}),
    "vit_l16_i21k_30ep": PublishedRun(
        _T3, {**_I21K, **_L, "model": "ViT_L16", "epochs": 30}
    ),
    "vit_l32_i21k_30ep": PublishedRun(
        _T3, {**_I21K, **_L, "model": "ViT_L32", "epochs": 30}
    ),
    # Pre-training on ImageNet.
    "vit_b16_i1k": PublishedRun(_T3, {**_I1K, **_B, "model": "ViT_B16"}),
    "vit_b32_i1k": PublishedRun(_T3, {**_I1K, **_B, "model": "ViT_B32"}),
    "vit_l16_i1k": PublishedRun(_T3, {**_I1K, **_L, "model": "ViT_L16"}),
    "vit_l32_i1k": PublishedRun(_T3, {**_I1K, **_L, "model": "ViT_L32"}),
    # Fine-tuning; the rate of the official code where it names one.
    "vit_finetune": PublishedRun(_CONFIG, {**_FINE, **_IMAGENET}, _LARGE),
    "vit_finetune_imagenet": PublishedRun(_T4, {**_FINE, **_IMAGENET}, _LARGE),
    "vit_finetune_cifar10": PublishedRun(_T4, {**_FINE, **_CIFAR10}, _SMALL),
    "vit_finetune_cifar100": PublishedRun(_T4, {**_FINE, **_CIFAR100}, _SMALL),
    "vit_finetune_pets": PublishedRun(_T4, {**_FINE, **_PETS}, _SMALL),
    "vit_finetune_flowers": PublishedRun(_T4, {**_FINE, **_FLOWERS}, _SMALL),
    "vit_finetune_vtab": PublishedRun(_T4, {**_FINE, **_VTAB}, note=_ANY),
    "vit_finetune_l16_512": PublishedRun(
        _BEST, {**_FINE, **_IMAGENET, **_POLYAK, "model": "ViT_L16", "image_size": 512}
    ),
    "vit_finetune_h14_518": PublishedRun(
        _BEST, {**_FINE, **_IMAGENET, **_POLYAK, "model": "ViT_H14", "image_size": 518}
    ),
    # Fine-tuning of AugReg; Kitti as Pets, Resisc45 as CIFAR-100.
    "augreg_finetune_imagenet": PublishedRun(
        _AUGREG, {**_AUG, **_IMAGENET}, {"learning_rate": (0.01, 0.03)}
    ),
    "augreg_finetune_pets": PublishedRun(_AUGREG, {**_AUG, **_PETS}, _LOW),
    "augreg_finetune_pets_long": PublishedRun(
        _AUGREG, {**_AUG, **_PETS, **_MIDDLE}, _LOW
    ),
    "augreg_finetune_cifar100": PublishedRun(
        _AUGREG, {**_AUG, **_CIFAR100, "learning_rate": 0.01}, _LOW
    ),
    "augreg_finetune_cifar100_short": PublishedRun(
        _AUGREG, {**_AUG, **_CIFAR100, **_MIDDLE, "learning_rate": 0.01}, _LOW
    ),
    "augreg_finetune_vtab": PublishedRun(
        _AUGREG, {**_AUG, **_VTAB}, {"total_steps": (500, 2_500), **_SMALL}, note=_ANY
    ),
    # Plain ViT-S/16 on 99 % of ImageNet.
    "plain_vit_s16_90ep": PublishedRun(_PLAIN, {**_S16, "epochs": 90}, note=_SPLIT),
    "plain_vit_s16_150ep": PublishedRun(_PLAIN, {**_S16, "epochs": 150}, note=_SPLIT),
    "plain_vit_s16_300ep": PublishedRun(_PLAIN, {**_S16, "epochs": 300}, note=_SPLIT),
    # Pre-training of BiT: S on ImageNet, M on ImageNet-21k, L on JFT-300M.
    "bit_s": PublishedRun(_BIT, {**_UP, "model": "BiT_R50x1", "data": "imagenet2012"}),
    "bit_m": PublishedRun(
        _BIT, {**_UP, "model": "BiT_R50x1", "data": "imagenet21k"}, note=_LABELS
    ),
    "bit_l": PublishedRun(
        _BIT, {**_UP, **_UP_L, "model": "BiT_R152x4", "data": "jft_300m"}, note=_LABELS
    ),
    # Ours: the head alone on frozen features, as quick to train as it is to read.
    "linear_probe": PublishedRun(
        _PROBE, {**_FINE, "freeze": ("backbone",), **_HEAD}, note=_ANY
    ),
}
