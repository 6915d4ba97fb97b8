"""Tables: the studies of the paper, one row each."""

from keras_vit.studies.ablations import ABLATIONS, B16, JFT_RUN, PLAIN, SMALL_RUN, VIT
from keras_vit.studies.parts import Axis, Compare
from keras_vit.studies.pretrained import PRETRAINED
from keras_vit.studies.study import Study
from keras_vit.studies.transferring import TRANSFER

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

# The names of its models in the published rows.
_FIGURE_4 = {
    "ViT-L/16": "vit_l16",
    "ViT-L/32": "vit_l32",
    "ViT-B/32": "vit_b32",
    "R50x1": "bit_r50x1",
    "R152x2": "bit_r152x2",
}

_TABLE_6 = {
    "ViT B/32": "vit_b32_7ep",
    "ViT B/16": "vit_b16_7ep",
    "ViT L/32": "vit_l32_7ep",
    "ViT L/16": "vit_l16_7ep",
    "ViT H/14": "vit_h14_14ep",
    "BiT R50x1": "bit_r50x1_7ep",
    "BiT R101x1": "bit_r101x1_7ep",
    "BiT R152x1": "bit_r152x1_7ep",
    "BiT R50x2": "bit_r50x2_7ep",
    "BiT R152x2": "bit_r152x2_7ep",
    "Hybrid R50+B/32": "r50_vit_b32_7ep",
    "Hybrid R50+B/16": "r50_vit_b16_7ep",
    "Hybrid R50+L/32": "r50_vit_l32_7ep",
    "Hybrid R50+L/16": "r50_vit_l16_7ep",
}

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
        arms={"ViT": dict(model="small", **PLAIN), "BiT": dict(model="small_bit")},
        axis=_FRACTIONS,
        seeds=(0, 1, 2),
        comparisons=_PAIR,
        length_check=True,
        presets={
            # 10.6 and 9.8 million operations an image, forwards.
            "laptop": dict(
                base=dict(data="fashion_mnist_mini", total_steps=1300,
                          evaluate_every=650)),
            # 11.1 and 12.4 million operations an image.
            "hour": dict(
                base=dict(data="cifar10", total_steps=3000, evaluate_every=1500)),
            # 16 patches and the ResNet of about as many operations.
            "gpu": dict(
                base=dict(
                    data="imagenet_resized/64x64", image_size=64, batch_size=512,
                    total_steps=30_000, evaluate_every=5_000, warmup_steps=3_000),
                arms={
                    "ViT": dict(model="ViT_S16", dropout_rate=0.0, drop_path_rate=0.0),
                    "BiT": dict(model="BiT_R50x1")}),
            "paper": dict(
                base=dict(JFT_RUN, keep="best", validation_fraction=0.01),
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
                published={
                    (arm, level): f"vit/figure4/{model}/{level.lower()}"
                    for arm, model in _FIGURE_4.items() for level in _JFT.levels},
                seeds=(0,),
                comparisons=(
                    Compare("arms", "ViT-B/32", "R50x1"),
                    Compare("crossing", "ViT-B/32", "R50x1"),
                    Compare("arms", "ViT-L/16", "R152x2"),
                    Compare("crossing", "ViT-L/16", "R152x2")),
                length_check=False),
        },
    ),
    **ABLATIONS,
    "transfer": TRANSFER,
    "scaling": Study(
        name="scaling",
        question="How much computing do Vision Transformers, ResNets and hybrids need "
        "for the same accuracy?",
        source=f"{VIT}, section 4.4, figure 5, table 6",
        paper="Pre-trained on JFT-300M, ViTs need 2 to 4 times less computing than "
        "ResNets for the same mean of five data sets; hybrids are ahead of ViTs at "
        "small sizes only. One run each.",
        base=SMALL_RUN,
        arms={
            "ViT 2x64": dict(model="small", num_layers=2, hidden_dim=64, mlp_dim=128,
                             **PLAIN),
            "ViT 4x96": dict(model="small", **PLAIN),
            "ViT 6x128": dict(model="small", num_layers=6, hidden_dim=128, mlp_dim=256,
                              **PLAIN),
            "ViT 8x192": dict(model="small", num_layers=8, hidden_dim=192, mlp_dim=384,
                              **PLAIN),
            "BiT (1,1) x0.5": dict(model="small_bit", num_blocks=(1, 1)),
            "BiT (1,1,1) x0.5": dict(model="small_bit"),
            "BiT (2,2,2) x0.5": dict(model="small_bit", num_blocks=(2, 2, 2)),
            "BiT (1,1,1) x1": dict(model="small_bit", width_factor=1.0),
            "Hybrid 1x64": dict(model="small_hybrid", num_layers=1, hidden_dim=64,
                                mlp_dim=128, **PLAIN),
            "Hybrid 2x96": dict(model="small_hybrid", **PLAIN),
            "Hybrid 4x128": dict(model="small_hybrid", num_layers=4, hidden_dim=128,
                                 mlp_dim=256, **PLAIN),
        },
        comparisons=(
            Compare("compute", "ViT", "BiT"),
            Compare("compute", "ViT", "Hybrid")),
        presets={
            "laptop": {},
            "paper": dict(
                base=JFT_RUN,
                arms={
                    "ViT B/32": dict(model="ViT_B32", representation_size=768,
                                     learning_rate=8e-4),
                    "ViT B/16": B16,
                    "ViT L/32": dict(model="ViT_L32", representation_size=1024,
                                     learning_rate=6e-4),
                    "ViT L/16": dict(model="ViT_L16", representation_size=1024,
                                     learning_rate=4e-4),
                    "ViT H/14": dict(model="ViT_H14", representation_size=1280,
                                     learning_rate=3e-4, epochs=14),
                    "BiT R50x1": dict(model="BiT_R50x1", learning_rate=1e-3),
                    "BiT R101x1": dict(model="BiT_R101x1", learning_rate=8e-4),
                    "BiT R152x1": dict(model="BiT_R152x1", learning_rate=6e-4),
                    "BiT R50x2": dict(model="BiT_R50x2", learning_rate=1e-3),
                    "BiT R152x2": dict(model="BiT_R152x2", learning_rate=6e-4),
                    "Hybrid R50+B/32": dict(
                        model="R50_ViT_B32", representation_size=768,
                        learning_rate=8e-4),
                    "Hybrid R50+B/16": dict(
                        model="R50_ViT_B16", representation_size=768,
                        learning_rate=8e-4),
                    "Hybrid R50+L/32": dict(
                        model="R50_ViT_L32", representation_size=1024,
                        learning_rate=2e-4),
                    "Hybrid R50+L/16": dict(
                        model="R50_ViT_L16", representation_size=1024,
                        learning_rate=4e-4),
                },
                published={
                    (arm, ""): f"vit/table6/{row}/imagenet2012"
                    for arm, row in _TABLE_6.items()},
                seeds=(0,)),
        },
    ),
    **PRETRAINED,
}
