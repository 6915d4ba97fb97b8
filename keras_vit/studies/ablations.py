"""Tables: the ablations of the paper as studies, and what its studies share."""

from keras_vit.studies.parts import Compare
from keras_vit.studies.study import Study

VIT = "Dosovitskiy et al. 2021"

# A small ViT, and a run of 14 passes, for the ablations and for scaling on a laptop.
SMALL_RUN = dict(
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
JFT_RUN = dict(
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
B16 = dict(model="ViT_B16", representation_size=768, learning_rate=8e-4)

# No arm is regularised more than the other: figure 4 adds nothing at any size. Both
# have AdamW's weight decay, which is the paper's for pre-training.
PLAIN = {"dropout_rate": 0.0, "drop_path_rate": 0.0}

# SGD at the rate of table 7; at BiT's rate for batches of 64, with its schedule.
_SGD = {"optimizer": "sgd", "learning_rate": 0.48, "weight_decay": 1e-3}
_SMALL_SGD = {
    **_SGD,
    "learning_rate": 0.0075,
    "decay": "bit",
    "decay_at": (1 / 3, 2 / 3, 8 / 9),
    "global_clipnorm": None,
}

# fmt: off
ABLATIONS = {
    "ablate-positions": Study(
        name="ablate-positions",
        question="Does it matter how, and where, positions are embedded?",
        source=f"{VIT}, appendix D.4, table 8",
        paper="Without positions the accuracy is 2.8 points lower; between all ways of "
        "having them lie 0.3 points. One run each. The paper's relative form is not "
        "the package's, which has a number for each head and offset.",
        base=dict(SMALL_RUN, model="small", **PLAIN),
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
        presets={
            "laptop": {},
            "paper": dict(
                base=dict(JFT_RUN, **B16),
                seeds=(0,),
                published={
                    ("1-D", ""): "vit/table8/1d_stem",
                    ("none", ""): "vit/table8/none_stem",
                    ("1-D, every layer", ""): "vit/table8/1d_every_layer",
                    ("1-D, shared", ""): "vit/table8/1d_every_layer_shared",
                    ("2-D", ""): "vit/table8/2d_stem",
                    ("2-D, every layer", ""): "vit/table8/2d_every_layer",
                    ("2-D, shared", ""): "vit/table8/2d_every_layer_shared",
                }),
        },
    ),
    "ablate-head": Study(
        name="ablate-head",
        question="Is the class token better than the mean of the patches?",
        source=f"{VIT}, appendix D.3, figure 9",
        paper="The mean of the patches is 5.7 points lower at the class token's rate, "
        "and 0.4 points lower at 3/8 of it. Read from the figure, one run each.",
        base=dict(SMALL_RUN, model="small", **PLAIN),
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
                base=dict(JFT_RUN, **B16),
                arms={
                    "token": {},
                    "mean": dict(pooling="gap"),
                    "mean, 3/8 of the rate": dict(pooling="gap", learning_rate=3e-4),
                },
                comparisons=(
                    Compare("arms", "mean", "token"),
                    Compare("arms", "mean, 3/8 of the rate", "token")),
                published={
                    ("token", ""): "vit/figure9/class_token_lr8e-4",
                    ("mean", ""): "vit/figure9/gap_lr8e-4",
                    ("mean, 3/8 of the rate", ""): "vit/figure9/gap_lr3e-4"},
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
        base=SMALL_RUN,
        arms={
            "R(1,1,1), AdamW": dict(model="small_bit"),
            "R(1,1,1), SGD": dict(model="small_bit", **_SMALL_SGD),
            "R(2,2,2), AdamW": dict(model="small_bit", num_blocks=(2, 2, 2)),
            "R(2,2,2), SGD": dict(
                model="small_bit", num_blocks=(2, 2, 2), **_SMALL_SGD),
        },
        comparisons=(
            Compare("arms", "R(1,1,1), AdamW", "R(1,1,1), SGD"),
            Compare("arms", "R(2,2,2), AdamW", "R(2,2,2), SGD")),
        presets={
            "laptop": {},
            "paper": dict(
                base=JFT_RUN,
                arms={
                    "R50x1, AdamW": dict(model="BiT_R50x1", learning_rate=1e-3),
                    "R50x1, SGD": dict(model="BiT_R50x1", **_SGD),
                    "R152x2, AdamW": dict(model="BiT_R152x2", learning_rate=6e-4),
                    "R152x2, SGD": dict(model="BiT_R152x2", **_SGD),
                },
                comparisons=(
                    Compare("arms", "R50x1, AdamW", "R50x1, SGD"),
                    Compare("arms", "R152x2, AdamW", "R152x2, SGD")),
                published={
                    ("R50x1, AdamW", ""): "vit/table7/bit_r50x1_adam/imagenet2012",
                    ("R50x1, SGD", ""): "vit/table7/bit_r50x1_sgd/imagenet2012",
                    ("R152x2, AdamW", ""): "vit/table7/bit_r152x2_adam/imagenet2012",
                    ("R152x2, SGD", ""): "vit/table7/bit_r152x2_sgd/imagenet2012"},
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
        base=dict(SMALL_RUN, model="small", patch_size=7, **PLAIN),
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
                    JFT_RUN, patch_size=32, num_layers=8, hidden_dim=1024,
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
}
