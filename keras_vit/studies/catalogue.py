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

# A small ViT, and a run of 14 passes, for the ablations and for scaling on a laptop.
_SMALL_RUN = dict(
    data="fashion_mnist_mini",
    augment="flip",
    batch_size=64,
    total_steps=1300,
    evaluate_every=650,
    optimizer="adamw",
    learning_rate=1e-3,
    decay="cosine",
    weight_decay=0.1,
)

# What the paper's pre-trainings on JFT-300M share (its table 3).
_JFT_RUN = dict(
    data="jft_300m",
    augment="inception",
    image_size=224,
    epochs=7,
    batch_size=4096,
    loss="sigmoid",
    head_bias=-10.0,
    decay="linear",
    warmup_steps=10_000,
    weight_decay=0.1,
    global_clipnorm=None,
)
_B16 = dict(model="ViT_B16", representation_size=768, learning_rate=8e-4)

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
                base=dict(_JFT_RUN, keep="best", validation_fraction=0.01),
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
    "ablate-positions": Study(
        name="ablate-positions",
        question="Does it matter how, and where, positions are embedded?",
        source=f"{VIT}, appendix D.4, table 8",
        paper="Without positions the accuracy is 2.8 points lower; between all ways of "
        "having them lie 0.3 points. One run each. The paper's relative form is not "
        "the package's, which has a number for each head and offset.",
        base=dict(_SMALL_RUN, model="small", **_PLAIN),
        arms={
            "1-D": {},
            "none": dict(position_embedding="none"),
            "1-D, every layer": dict(position_scope="every_layer"),
            "1-D, shared": dict(position_scope="shared"),
            "2-D": dict(position_embedding="learned_2d"),
            "2-D, every layer": dict(position_embedding="learned_2d",
                                     position_scope="every_layer"),
            "2-D, shared": dict(position_embedding="learned_2d",
                                position_scope="shared"),
            "relative": dict(position_embedding="relative"),
        },
        comparisons=(
            Compare("arms", "none", "1-D"),
            Compare("arms", "1-D, every layer", "1-D"),
            Compare("arms", "1-D, shared", "1-D"),
            Compare("arms", "2-D", "1-D"),
            Compare("arms", "2-D, every layer", "1-D"),
            Compare("arms", "2-D, shared", "1-D"),
            Compare("arms", "relative", "1-D")),
        published={
            ("1-D", ""): "vit/table8/1d_stem",
            ("none", ""): "vit/table8/none_stem",
            ("1-D, every layer", ""): "vit/table8/1d_every_layer",
            ("1-D, shared", ""): "vit/table8/1d_every_layer_shared",
            ("2-D", ""): "vit/table8/2d_stem",
            ("2-D, every layer", ""): "vit/table8/2d_every_layer",
            ("2-D, shared", ""): "vit/table8/2d_every_layer_shared",
        },
        presets={"laptop": {}, "paper": dict(base=dict(_JFT_RUN, **_B16), seeds=(0,))},
    ),
    "ablate-head": Study(
        name="ablate-head",
        question="Is the class token better than the mean of the patches?",
        source=f"{VIT}, appendix D.3, figure 9",
        paper="The mean of the patches is 5.7 points lower at the class token's rate, "
        "and 0.4 points lower at 3/8 of it. Read from the figure, one run each.",
        base=dict(_SMALL_RUN, model="small", **_PLAIN),
        arms={
            "token": {},
            "mean": dict(pooling="gap"),
            "mean, 3/8 of the rate": dict(pooling="gap", learning_rate=3.75e-4),
            "token, tanh": dict(representation_size=96),
            "mean, tanh": dict(pooling="gap", representation_size=96),
            "mean, 3/8 of the rate, tanh": dict(
                pooling="gap", representation_size=96, learning_rate=3.75e-4),
        },
        comparisons=(
            Compare("arms", "mean", "token"),
            Compare("arms", "mean, 3/8 of the rate", "token"),
            Compare("arms", "mean, tanh", "token, tanh"),
            Compare("arms", "mean, 3/8 of the rate, tanh", "token, tanh"),
            Compare("arms", "token, tanh", "token")),
        presets={
            "laptop": {},
            "paper": dict(
                base=dict(_JFT_RUN, **_B16),
                arms={
                    "token": {},
                    "mean": dict(pooling="gap"),
                    "mean, 3/8 of the rate": dict(pooling="gap", learning_rate=3e-4),
                },
                comparisons=(
                    Compare("arms", "mean", "token"),
                    Compare("arms", "mean, 3/8 of the rate", "token")),
                seeds=(0,)),
        },
    ),
    "ablate-optimizer": Study(
        name="ablate-optimizer",
        question="Does a ResNet learn better with Adam than with SGD?",
        source=f"{VIT}, appendix D.1, table 7",
        paper="Pre-trained with Adam, both ResNets are 0.3 to 0.5 points higher on the "
        "mean of five data sets. R50x1 on ImageNet and R152x2 on Flowers go the other "
        "way. One run each.",
        # SGD at BiT's rate for batches of 64, with its schedule and decay.
        base=_SMALL_RUN,
        arms={
            "R(1,1,1), AdamW": dict(model="small_bit"),
            "R(1,1,1), SGD": dict(
                model="small_bit", optimizer="sgd", learning_rate=0.0075, decay="bit",
                decay_at=(1 / 3, 2 / 3, 8 / 9), weight_decay=1e-3,
                global_clipnorm=None),
            "R(2,2,2), AdamW": dict(model="small_bit", num_blocks=(2, 2, 2)),
            "R(2,2,2), SGD": dict(
                model="small_bit", num_blocks=(2, 2, 2), optimizer="sgd",
                learning_rate=0.0075, decay="bit", decay_at=(1 / 3, 2 / 3, 8 / 9),
                weight_decay=1e-3, global_clipnorm=None),
        },
        comparisons=(
            Compare("arms", "R(1,1,1), AdamW", "R(1,1,1), SGD"),
            Compare("arms", "R(2,2,2), AdamW", "R(2,2,2), SGD")),
        presets={
            "laptop": {},
            "paper": dict(
                base=_JFT_RUN,
                arms={
                    "R50x1, AdamW": dict(model="BiT_R50x1", learning_rate=1e-3),
                    "R50x1, SGD": dict(
                        model="BiT_R50x1", optimizer="sgd", learning_rate=0.48,
                        weight_decay=1e-3),
                    "R152x2, AdamW": dict(model="BiT_R152x2", learning_rate=6e-4),
                    "R152x2, SGD": dict(
                        model="BiT_R152x2", optimizer="sgd", learning_rate=0.48,
                        weight_decay=1e-3),
                },
                comparisons=(
                    Compare("arms", "R50x1, AdamW", "R50x1, SGD"),
                    Compare("arms", "R152x2, AdamW", "R152x2, SGD")),
                seeds=(0,)),
        },
    ),
    "ablate-shape": Study(
        name="ablate-shape",
        question="Which size of a Vision Transformer is worth most: its depth, its "
        "width, its MLPs or its number of patches?",
        source=f"{VIT}, appendix D.2, figure 8",
        paper="Depth helps most, with less to gain beyond 16 layers; width least; "
        "smaller patches help without a single weight more. One run each.",
        base=dict(_SMALL_RUN, model="small", patch_size=7, **_PLAIN),
        arms={
            "base": {},
            "depth / 2": dict(num_layers=2),
            "depth x 2": dict(num_layers=8),
            "width / 2": dict(hidden_dim=48),
            "width x 2": dict(hidden_dim=192),
            "MLP / 2": dict(mlp_dim=96),
            "MLP x 2": dict(mlp_dim=384),
            "patches / 2": dict(patch_size=14),
            "patches x 7/4": dict(patch_size=4),
            "all three / 2": dict(num_layers=2, hidden_dim=48, mlp_dim=96),
            "all three x 2": dict(num_layers=8, hidden_dim=192, mlp_dim=384),
        },
        comparisons=(
            Compare("arms", "depth / 2", "base"), Compare("arms", "depth x 2", "base"),
            Compare("arms", "width / 2", "base"), Compare("arms", "width x 2", "base"),
            Compare("arms", "MLP / 2", "base"), Compare("arms", "MLP x 2", "base"),
            Compare("arms", "patches / 2", "base"),
            Compare("arms", "patches x 7/4", "base"),
            Compare("arms", "all three / 2", "base"),
            Compare("arms", "all three x 2", "base")),
        presets={
            "laptop": {},
            # The figure's base model is printed; the points carry no labels, so that
            # these are ours.
            "paper": dict(
                base=dict(
                    _JFT_RUN, patch_size=32, num_layers=8, hidden_dim=1024,
                    mlp_dim=2048, num_heads=16, learning_rate=8e-4),
                arms={
                    "base": {},
                    "depth / 2": dict(num_layers=4),
                    "depth x 2": dict(num_layers=16),
                    "width / 2": dict(hidden_dim=512),
                    "width x 2": dict(hidden_dim=2048),
                    "MLP / 2": dict(mlp_dim=1024),
                    "MLP x 2": dict(mlp_dim=4096),
                    "patches x 2": dict(patch_size=16),
                },
                comparisons=(
                    Compare("arms", "depth x 2", "base"),
                    Compare("arms", "width x 2", "base"),
                    Compare("arms", "MLP x 2", "base"),
                    Compare("arms", "patches x 2", "base")),
                seeds=(0,)),
        },
    ),
    "scaling": Study(
        name="scaling",
        question="How much computing do Vision Transformers, ResNets and hybrids need "
        "for the same accuracy?",
        source=f"{VIT}, section 4.4, figure 5, table 6",
        paper="Pre-trained on JFT-300M, ViTs need 2 to 4 times less computing than "
        "ResNets for the same mean of five data sets; hybrids are ahead of ViTs at "
        "small sizes only. One run each.",
        base=_SMALL_RUN,
        arms={
            "ViT 2x64": dict(model="small", num_layers=2, hidden_dim=64, mlp_dim=128,
                             **_PLAIN),
            "ViT 4x96": dict(model="small", **_PLAIN),
            "ViT 6x128": dict(model="small", num_layers=6, hidden_dim=128, mlp_dim=256,
                              **_PLAIN),
            "ViT 8x192": dict(model="small", num_layers=8, hidden_dim=192, mlp_dim=384,
                              **_PLAIN),
            "BiT (1,1) x0.5": dict(model="small_bit", num_blocks=(1, 1)),
            "BiT (1,1,1) x0.5": dict(model="small_bit"),
            "BiT (2,2,2) x0.5": dict(model="small_bit", num_blocks=(2, 2, 2)),
            "BiT (1,1,1) x1": dict(model="small_bit", width_factor=1.0),
            "Hybrid 1x64": dict(model="small_hybrid", num_layers=1, hidden_dim=64,
                                mlp_dim=128, **_PLAIN),
            "Hybrid 2x96": dict(model="small_hybrid", **_PLAIN),
            "Hybrid 4x128": dict(model="small_hybrid", num_layers=4, hidden_dim=128,
                                 mlp_dim=256, **_PLAIN),
        },
        comparisons=(
            Compare("compute", "ViT", "BiT"),
            Compare("compute", "ViT", "Hybrid")),
        presets={
            "laptop": {},
            "paper": dict(
                base=_JFT_RUN,
                arms={
                    "ViT B/32": dict(model="ViT_B32", representation_size=768,
                                     learning_rate=8e-4),
                    "ViT B/16": _B16,
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
                seeds=(0,)),
        },
    ),
}
