"""Table: the study of transfer, from weights of others to small data sets."""

from keras_vit.studies.ablations import PLAIN, VIT
from keras_vit.studies.parts import LINEAR_PROBE, OUTCOME
from keras_vit.studies.study import Axis, Compare, Study

# A fifth of CIFAR-10, 10,000 and 2,000 images, and 2,532 and 634 X-rays, all of them.
_SETS = {
    "CIFAR-10": dict(data="cifar10:train[:20%]", test_split="test[:20%]"),
    "X-rays": dict(data="./chest_xrays"),
}
_SHARES = {
    "1 %": {"part": "fraction=1%"},
    "10 %": {"part": "fraction=10%"},
    "100 %": {},
}
_LABELS = Axis(
    "data",
    "data set, % of its training images",
    {
        f"{name}, {share}": (4 * place + number, {**fields, **part})
        for place, (name, fields) in enumerate(_SETS.items())
        for number, (share, part) in enumerate(_SHARES.items())
    },
)

# ImageNet's weights of the ResNet of 2015, at 160 pixels where it is only computed
# forwards, at 64 where it is trained: 4.2 and 0.7 billion operations an image.
_R50 = dict(model="ResNet50", batch_size=32, total_steps=100, evaluate_every=100)
_FROZEN = {OUTCOME: LINEAR_PROBE}
_RANDOM = dict(weights=None)
_VIT, _BIT = dict(model="small", **PLAIN), dict(model="small_bit")

# Table 5: fine-tuning at 384 pixels, by the rates of the published recipes.
_SHORT = dict(total_steps=500, evaluate_every=100, warmup_steps=100)
_LONG = dict(total_steps=10_000, warmup_steps=500)
_FIVE = Axis(
    "data",
    "data set",
    {
        "CIFAR-10": (1, dict(data="cifar10", learning_rate=0.01, **_LONG)),
        "CIFAR-100": (2, dict(data="cifar100", learning_rate=0.03, **_LONG)),
        "Pets": (3, dict(data="oxford_iiit_pet", learning_rate=0.003, **_SHORT)),
        "Flowers": (4, dict(data="oxford_flowers102", learning_rate=0.03, **_SHORT)),
        "ImageNet": (
            5,
            dict(
                data="imagenet2012",
                learning_rate=0.03,
                total_steps=20_000,
                warmup_steps=500,
            ),
        ),
    },
)
_TASKS = {
    "CIFAR-10": "cifar10",
    "CIFAR-100": "cifar100",
    "Pets": "oxford_iiit_pet",
    "Flowers": "oxford_flowers102",
    "ImageNet": "imagenet2012",
}
_MODELS = {
    "ViT-B/16": "ViT_B16",
    "ViT-B/32": "ViT_B32",
    "ViT-L/16": "ViT_L16",
    "ViT-L/32": "ViT_L32",
}

# fmt: off
TRANSFER = Study(
    name="transfer",
    question="What are pretrained weights worth on other data, with few labels and "
    "with many?",
    source=f"{VIT}, section 4.2, tables 2 and 5",
    paper="Pre-trained on ImageNet-21k, ViT-L/16 reaches 99.2 % on CIFAR-10, 93.4 % "
    "on CIFAR-100, 94.7 % on Pets, 99.6 % on Flowers and 85.2 % on ImageNet. What the "
    "same networks reach without pretraining, or with fewer labels, it does not say.",
    equal="With and without weights a ResNet-50 has equal updates: 100 of 32 images, "
    "at 64 pixels. The small models have 400 of 64 images: about a seventh of its "
    "computing on CIFAR-10, and half on X-rays. Probes have none; that of ImageNet's "
    "weights sees 160 pixels.",
    base=dict(
        augment="flip", batch_size=64, optimizer="adamw", learning_rate=1e-3,
        decay="cosine", weight_decay=0.1, global_clipnorm=1.0),
    arms={"R50 fine-tuned": _R50},
    presets={
        "laptop": dict(
            base=dict(weights="keras-applications", total_steps=400,
                      evaluate_every=400),
            arms={
                "R50 fine-tuned": dict(
                    _R50, image_size=64, optimizer="sgd", learning_rate=0.01,
                    weight_decay=0.0),
                "R50 scratch": dict(_R50, image_size=64, **_RANDOM),
                "R50 probe": dict(model="ResNet50", image_size=160, **_FROZEN),
                "R50 random probe": dict(
                    model="ResNet50", image_size=64, **_RANDOM, **_FROZEN),
                "ViT scratch": dict(_VIT, **_RANDOM),
                "ViT random probe": dict(_VIT, **_RANDOM, **_FROZEN),
                "BiT scratch": dict(_BIT, **_RANDOM),
                "BiT random probe": dict(_BIT, **_RANDOM, **_FROZEN),
            },
            axis=_LABELS,
            comparisons=(
                Compare("arms", "R50 fine-tuned", "R50 scratch"),
                Compare("arms", "R50 fine-tuned", "R50 probe"),
                Compare("arms", "R50 probe", "R50 random probe"),
                Compare("arms", "R50 probe", "BiT scratch"),
                Compare("arms", "ViT scratch", "BiT scratch")),
        ),
        "paper": dict(
            equal="",
            base=dict(
                weights="imagenet21k", augment="inception", image_size=384,
                weight_decay=0.0, dropout_rate=0.0, batch_size=512,
                accumulation_steps=8, optimizer="sgd", momentum_dtype="bfloat16"),
            arms={arm: dict(model=model) for arm, model in _MODELS.items()},
            axis=_FIVE,
            published={
                (arm, level): f"vit/table5/{model.lower()}_imagenet21k/{task}"
                for arm, model in _MODELS.items() for level, task in _TASKS.items()},
            comparisons=(
                Compare("arms", "ViT-L/16", "ViT-B/16"),
                Compare("arms", "ViT-B/16", "ViT-B/32")),
        ),
    },
)
