"""Tables: the studies of the paper, one row each."""

from keras_vit.studies.study import Axis, Compare, Study

VIT = "Dosovitskiy et al. 2021"

# data-size: fractions of the training images, each part of the next larger one.
_SHARES = "% of the training images"
_FRACTIONS = Axis(
    "fraction",
    _SHARES,
    {
        "1 %": (1, {"part": "fraction=1%"}),
        "10 %": (10, {"part": "fraction=10%"}),
        "30 %": (30, {"part": "fraction=30%"}),
        "100 %": (100, {}),
    },
)

# Figure 4's parts of JFT-300M, of 303 million images.
_JFT = Axis(
    "images",
    "images of JFT-300M",
    {
        "9M": (9e6, {"part": "fraction=0.0297"}),
        "30M": (30e6, {"part": "fraction=0.099"}),
        "90M": (90e6, {"part": "fraction=0.297"}),
        "300M": (303e6, {}),
    },
)
_FIGURE_4 = {
    "ViT-L/16": "vit_l16",
    "ViT-L/32": "vit_l32",
    "ViT-B/32": "vit_b32",
    "R50x1": "bit_r50x1",
    "R152x2": "bit_r152x2",
}

# No arm is regularised more than the other: figure 4 adds nothing at any size. Both
# have AdamW's weight decay, which is the paper's for pre-training.
_PLAIN = {"dropout_rate": 0.0, "drop_path_rate": 0.0}
_PAIR = (
    Compare("arms", "ViT", "BiT"),
    Compare("trend", "ViT", "BiT"),
    Compare("crossing", "ViT", "BiT"),
)

# fmt: off
STUDIES = {
    "data-size": Study(
        name="data-size",
        question="How much data does a Vision Transformer need beside a ResNet?",
        source=f"{VIT}, section 4.3, figure 4",
        paper="BiT is ahead at 9 million images; ViT-B/32 is ahead of R50x1 from "
        "between 9 and 30 million on, ViT-L/16 of R152x2 from between 30 and 90 "
        "million on. A ViT-B/32 of half the width stays behind R50x1 at every size.",
        base=dict(
            augment="flip", batch_size=64, optimizer="adamw", learning_rate=1e-3,
            decay="cosine", weight_decay=0.1, global_clipnorm=1.0),
        arms={"ViT": dict(model="small", **_PLAIN), "BiT": dict(model="small_bit")},
        axis=_FRACTIONS,
        seeds=(0, 1, 2),
        comparisons=_PAIR,
        length_check=True,
        presets={
            # 10.6 and 9.8 million operations an image, forwards.
            "laptop": dict(
                base=dict(data="fashion_mnist_mini", total_steps=1300,
                          evaluate_every=650)),
            "paper": dict(
                base=dict(
                    data="jft_300m", augment="inception", image_size=224, epochs=7,
                    batch_size=4096, loss="sigmoid", head_bias=-10.0, decay="linear",
                    warmup_steps=10_000, global_clipnorm=None),
                arms={
                    "ViT-L/16": dict(model="ViT_L16", representation_size=1024,
                                     learning_rate=4e-4),
                    "ViT-L/32": dict(model="ViT_L32", representation_size=1024,
                                     learning_rate=6e-4),
                    "ViT-B/32": dict(model="ViT_B32", representation_size=768,
                                     learning_rate=8e-4),
                    "R50x1": dict(model="BiT_R50x1", learning_rate=1e-3),
                    "R152x2": dict(model="BiT_R152x2", learning_rate=6e-4),
                },
                axis=_JFT,
                seeds=(0,),
                comparisons=(
                    Compare("arms", "ViT-B/32", "R50x1"),
                    Compare("crossing", "ViT-B/32", "R50x1"),
                    Compare("arms", "ViT-L/16", "R152x2"),
                    Compare("crossing", "ViT-L/16", "R152x2")),
                length_check=False),
        },
    ),
}
