"""Table of the published training runs: each row's source and recipe.

Weight decay is that of `Recipe`: decoupled and multiplied by the learning rate, as the
papers' numbers are. big_vision writes 1e-4 for the same 0.1, because its decay is not
multiplied by the rate of 1e-3.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class PublishedRun:
    """One run of a paper or of a configuration file."""

    # Fields of a `Recipe`; what is not named has its default.
    values: dict
    # The table, section or file that says so; that of the other row where not given.
    source: str | None = None
    # What the row cannot say; that of the other row where not given.
    note: str | None = None
    # What was tried before the best was chosen, field to values.
    sweep: dict = dataclasses.field(default_factory=dict)
    # Another row, whose values hold where this one has none of its own. That row is
    # based on no third one.
    based_on: str | None = None


TABLE_3 = "Dosovitskiy et al. 2021, table 3"
TABLE_4 = "Dosovitskiy et al. 2021, table 4"
TABLE_6 = "Dosovitskiy et al. 2021, table 6"
SECTION_4_1 = "Dosovitskiy et al. 2021, section 4.1"
AUGREG = "Steiner et al. 2022; vit_jax/configs/augreg.py"
PLAIN = "Beyer et al. 2022; big_vision/configs/vit_s16_i1k.py"
BIT = "Kolesnikov et al. 2020, upstream training"

PLATEAUS = (
    "The paper divides the rate when the validation error stops falling; the shares of "
    "the run are ours."
)
PRIVATE = "The data set is not public: give your own with data."
ANY_DATA = "data names one of its tasks, or your own images."
LABELS = "The paper does not say which loss several labels of one image went through."

# The learning rates that were tried for small data sets, large ones, and by AugReg.
SMALL = {"learning_rate": (0.001, 0.003, 0.01, 0.03)}
LARGE = {"learning_rate": (0.003, 0.01, 0.03, 0.06)}
LOW = {"learning_rate": (0.001, 0.003, 0.01)}

# One line for each of: data, model, regularisation, loss, length, schedule, optimizer.
# fmt: off
RUNS = {
    # Our own.
    "small": PublishedRun({}, "keras_vit, the default run"),

    # Pre-training on JFT-300M, with a tanh layer as wide as the tokens. The sigmoid
    # loss of this and of ImageNet-21k is from issues 2 and 34 of the official code.
    "vit_b16_jft": PublishedRun(
        source=TABLE_3, note=PRIVATE, values=dict(
            data="jft_300m", augment="inception", image_size=224,
            model="ViT_B16", representation_size=768,
            weight_decay=0.1, dropout_rate=0.0,
            loss="sigmoid", head_bias=-10.0,
            epochs=7, batch_size=4096,
            learning_rate=8e-4, decay="linear", warmup_steps=10_000,
            optimizer="adamw", global_clipnorm=None)),
    "vit_b32_jft": PublishedRun(dict(model="ViT_B32"), based_on="vit_b16_jft"),
    "vit_l32_jft": PublishedRun(
        dict(model="ViT_L32", representation_size=1024, learning_rate=6e-4),
        based_on="vit_b16_jft"),
    "vit_l16_jft": PublishedRun(
        dict(model="ViT_L16", representation_size=1024, learning_rate=4e-4),
        based_on="vit_b16_jft"),
    "vit_l16_jft_14ep": PublishedRun(
        dict(model="ViT_L16", representation_size=1024, learning_rate=4e-4, epochs=14),
        based_on="vit_b16_jft"),
    "vit_h14_jft": PublishedRun(
        dict(model="ViT_H14", representation_size=1280, learning_rate=3e-4, epochs=14),
        based_on="vit_b16_jft"),
    # ResNets and hybrids; a ResNet has neither the tanh layer nor dropout.
    "r50x1_jft": PublishedRun(
        source=TABLE_3, note=PRIVATE, values=dict(
            data="jft_300m", augment="inception", image_size=224,
            model="BiT_R50x1", weight_decay=0.1,
            loss="sigmoid", head_bias=-10.0,
            epochs=7, batch_size=4096,
            learning_rate=1e-3, decay="linear", warmup_steps=10_000,
            optimizer="adamw", global_clipnorm=None)),
    "r50x2_jft": PublishedRun(dict(model="BiT_R50x2"), based_on="r50x1_jft"),
    "r101x1_jft": PublishedRun(
        dict(model="BiT_R101x1", learning_rate=8e-4), based_on="r50x1_jft"),
    "r152x1_jft": PublishedRun(
        dict(model="BiT_R152x1", learning_rate=6e-4), based_on="r50x1_jft"),
    "r152x2_jft": PublishedRun(
        dict(model="BiT_R152x2", learning_rate=6e-4), based_on="r50x1_jft"),
    "r152x2_jft_14ep": PublishedRun(
        dict(model="BiT_R152x2", learning_rate=6e-4, epochs=14), based_on="r50x1_jft"),
    "r200x3_jft": PublishedRun(
        dict(model="BiT_R200x3", learning_rate=6e-4, epochs=14), TABLE_6,
        f"No table gives its rate: this is that of R152x2. {PRIVATE}",
        based_on="r50x1_jft"),
    "r50_vit_b32_jft": PublishedRun(dict(model="R50_ViT_B32"), based_on="vit_b16_jft"),
    "r50_vit_b16_jft": PublishedRun(dict(model="R50_ViT_B16"), based_on="vit_b16_jft"),
    "r50_vit_l32_jft": PublishedRun(
        dict(model="R50_ViT_L32", representation_size=1024, learning_rate=2e-4),
        based_on="vit_b16_jft"),
    "r50_vit_l16_jft": PublishedRun(
        dict(model="R50_ViT_L16", representation_size=1024, learning_rate=4e-4),
        based_on="vit_b16_jft"),
    "r50_vit_l16_jft_14ep": PublishedRun(
        dict(model="R50_ViT_L16", representation_size=1024, learning_rate=4e-4,
             epochs=14),
        based_on="vit_b16_jft"),

    # Pre-training without labels.
    "vit_b16_masked_jft": PublishedRun(
        source="Dosovitskiy et al. 2021, appendix B.1.2",
        note=f"Weight decay and dropout, not stated, are those of table 3. {PRIVATE}",
        values=dict(
            data="jft_300m", augment="inception", image_size=224,
            model="ViT_B16", masked_target="mean_colour",
            weight_decay=0.1, dropout_rate=0.0,
            total_steps=1_000_000, batch_size=4096,
            learning_rate=2e-4, decay="cosine", warmup_steps=10_000,
            optimizer="adamw", global_clipnorm=None)),

    # Pre-training on ImageNet-21k; the released files were trained for 90 epochs.
    "vit_b16_i21k": PublishedRun(
        source=TABLE_3, values=dict(
            data="imagenet21k", augment="inception", image_size=224,
            model="ViT_B16", representation_size=768,
            weight_decay=0.03, dropout_rate=0.1,
            loss="sigmoid", head_bias=-10.0,
            epochs=90, batch_size=4096,
            learning_rate=1e-3, decay="linear", warmup_steps=10_000,
            optimizer="adamw", global_clipnorm=None)),
    "vit_b32_i21k": PublishedRun(dict(model="ViT_B32"), based_on="vit_b16_i21k"),
    "vit_l16_i21k": PublishedRun(
        dict(model="ViT_L16", representation_size=1024), based_on="vit_b16_i21k"),
    "vit_l32_i21k": PublishedRun(
        dict(model="ViT_L32", representation_size=1024), based_on="vit_b16_i21k"),
    "vit_l16_i21k_30ep": PublishedRun(
        dict(model="ViT_L16", representation_size=1024, epochs=30),
        based_on="vit_b16_i21k"),
    "vit_l32_i21k_30ep": PublishedRun(
        dict(model="ViT_L32", representation_size=1024, epochs=30),
        based_on="vit_b16_i21k"),

    # Pre-training on ImageNet.
    "vit_b16_i1k": PublishedRun(
        source=TABLE_3, values=dict(
            data="imagenet2012", augment="inception", image_size=224,
            model="ViT_B16", representation_size=768,
            weight_decay=0.3, dropout_rate=0.1,
            epochs=300, batch_size=4096,
            learning_rate=3e-3, decay="cosine", warmup_steps=10_000,
            optimizer="adamw", global_clipnorm=1.0)),
    "vit_b32_i1k": PublishedRun(dict(model="ViT_B32"), based_on="vit_b16_i1k"),
    "vit_l16_i1k": PublishedRun(
        dict(model="ViT_L16", representation_size=1024), based_on="vit_b16_i1k"),
    "vit_l32_i1k": PublishedRun(
        dict(model="ViT_L32", representation_size=1024), based_on="vit_b16_i1k"),

    # Fine-tuning; the rate of the official code where it names one.
    "vit_finetune": PublishedRun(
        source="vit_jax/configs/common.py and vit.py", sweep=LARGE, values=dict(
            data="imagenet2012", augment="inception", image_size=384,
            model="ViT_B16", weights="imagenet21k",
            weight_decay=0.0, dropout_rate=0.0,
            total_steps=20_000, batch_size=512, accumulation_steps=8,
            learning_rate=0.03, decay="cosine", warmup_steps=500,
            optimizer="sgd", momentum=0.9, momentum_dtype="bfloat16",
            global_clipnorm=1.0)),
    "vit_finetune_imagenet": PublishedRun(
        {}, TABLE_4, sweep=LARGE, based_on="vit_finetune"),
    "vit_finetune_cifar10": PublishedRun(
        dict(data="cifar10", total_steps=10_000, learning_rate=0.01),
        TABLE_4, sweep=SMALL, based_on="vit_finetune"),
    "vit_finetune_cifar100": PublishedRun(
        dict(data="cifar100", total_steps=10_000),
        TABLE_4, sweep=SMALL, based_on="vit_finetune"),
    "vit_finetune_pets": PublishedRun(
        dict(data="oxford_iiit_pet", total_steps=500, evaluate_every=100,
             learning_rate=0.003, warmup_steps=100),
        TABLE_4, sweep=SMALL, based_on="vit_finetune"),
    "vit_finetune_flowers": PublishedRun(
        dict(data="oxford_flowers102", total_steps=500, evaluate_every=100,
             warmup_steps=100),
        TABLE_4, sweep=SMALL, based_on="vit_finetune"),
    "vit_finetune_vtab": PublishedRun(
        dict(data="vtab", total_steps=2_500, evaluate_every=500, learning_rate=0.01),
        TABLE_4, ANY_DATA, based_on="vit_finetune"),
    "vit_finetune_l16_512": PublishedRun(
        dict(model="ViT_L16", image_size=512, ema_momentum=0.9999),
        SECTION_4_1, based_on="vit_finetune"),
    "vit_finetune_h14_518": PublishedRun(
        dict(model="ViT_H14", image_size=518, ema_momentum=0.9999),
        SECTION_4_1, based_on="vit_finetune"),

    # Fine-tuning of AugReg; Kitti as Pets, Resisc45 as CIFAR-100.
    "augreg_finetune_imagenet": PublishedRun(
        dict(weights="augreg"),
        AUGREG, sweep={"learning_rate": (0.01, 0.03)}, based_on="vit_finetune"),
    "augreg_finetune_pets": PublishedRun(
        dict(weights="augreg", data="oxford_iiit_pet", total_steps=500,
             evaluate_every=100, learning_rate=0.003, warmup_steps=100),
        AUGREG, sweep=LOW, based_on="vit_finetune"),
    "augreg_finetune_pets_long": PublishedRun(
        dict(weights="augreg", data="oxford_iiit_pet", total_steps=2_500,
             evaluate_every=500, learning_rate=0.003, warmup_steps=200),
        AUGREG, sweep=LOW, based_on="vit_finetune"),
    "augreg_finetune_cifar100": PublishedRun(
        dict(weights="augreg", data="cifar100", total_steps=10_000,
             learning_rate=0.01),
        AUGREG, sweep=LOW, based_on="vit_finetune"),
    "augreg_finetune_cifar100_short": PublishedRun(
        dict(weights="augreg", data="cifar100", total_steps=2_500,
             evaluate_every=500, learning_rate=0.01, warmup_steps=200),
        AUGREG, sweep=LOW, based_on="vit_finetune"),
    "augreg_finetune_vtab": PublishedRun(
        dict(weights="augreg", data="vtab", total_steps=2_500, evaluate_every=500,
             learning_rate=0.01),
        AUGREG, ANY_DATA, {"total_steps": (500, 2_500), **SMALL},
        based_on="vit_finetune"),

    # Plain ViT-S/16 on 99 % of ImageNet.
    "plain_vit_s16_90ep": PublishedRun(
        source=PLAIN,
        note="The paper holds out the last hundredth of the training images, and "
        "evaluates with --steps 'resize_small(256)|central_crop(224)'.",
        values=dict(
            data="imagenet2012", image_size=224,
            augment="inception_crop|flip|randaugment(2,10)|mixup(0.2)",
            model="ViT_S16", position_embedding="sincos2d", pooling="gap",
            representation_size=384, dropout_rate=0.0,
            epochs=90, batch_size=1024,
            warmup_steps=10_000,
            momentum_dtype="bfloat16")),
    "plain_vit_s16_150ep": PublishedRun(
        dict(epochs=150), based_on="plain_vit_s16_90ep"),
    "plain_vit_s16_300ep": PublishedRun(
        dict(epochs=300), based_on="plain_vit_s16_90ep"),

    # Pre-training of BiT: S on ImageNet, M on ImageNet-21k, L on JFT-300M. SGD with
    # 1e-4 added to the gradient; momentum 0.9 makes that ten times stronger, so that
    # the decoupled decay which does the same is 1e-3.
    "bit_s": PublishedRun(
        source=BIT, values=dict(
            data="imagenet2012", augment="inception", image_size=224,
            model="BiT_R50x1",
            weight_decay=1e-3,
            epochs=90, batch_size=4096, batch_scaling="rate",
            learning_rate=0.03 * 16, warmup_steps=5_000,
            decay="bit", decay_at=(1 / 3, 2 / 3, 8 / 9),
            optimizer="sgd", global_clipnorm=None)),
    "bit_m": PublishedRun(dict(data="imagenet21k"), note=LABELS, based_on="bit_s"),
    "bit_l": PublishedRun(
        dict(data="jft_300m", model="BiT_R152x4", epochs=40,
             decay_at=(0.25, 0.575, 0.75, 0.925)),
        note=LABELS, based_on="bit_s"),

    # The networks before ViT, from scratch. Weight decay is in the gradient, as in
    # their code.
    "lenet5_mnist": PublishedRun(
        source="LeCun et al. 1998, section III.B",
        note="The paper divides each weight's rate by an estimate of its curvature, "
        "which this does not.",
        values=dict(
            data="mnist", augment="none", model="LeNet5",
            weight_decay=0.0,
            epochs=20, batch_size=1,
            learning_rate=5e-4, decay="bit", warmup_steps=0,
            decay_at=(2 / 20, 5 / 20, 8 / 20, 12 / 20), decay_to=(0.4, 0.2, 0.1, 0.02),
            optimizer="sgd", momentum=0.0, global_clipnorm=None)),
    "alexnet_i1k": PublishedRun(
        source="BVLC/caffe, models/bvlc_alexnet/solver.prototxt",
        note="The paper has batches of 128, and shifts colours along their principal "
        "components.",
        values=dict(
            data="imagenet2012", augment="resize(256)|random_crop(227)|flip",
            image_size=227, model="AlexNet",
            weight_decay=5e-4, weight_decay_form="l2",
            total_steps=450_000, batch_size=256,
            learning_rate=0.01, decay="bit", warmup_steps=0,
            decay_at=(1 / 4.5, 2 / 4.5, 3 / 4.5, 4 / 4.5),
            optimizer="sgd", global_clipnorm=None)),
    "vgg16_i1k": PublishedRun(
        source="Simonyan and Zisserman 2015, section 3.1", note=PLATEAUS,
        values=dict(
            data="imagenet2012", augment="resize_small(256)|random_crop(224)|flip",
            image_size=224, model="VGG16",
            weight_decay=5e-4, weight_decay_form="l2",
            epochs=74, batch_size=256,
            learning_rate=0.01, decay="bit", decay_at=(0.4, 0.6, 0.8), warmup_steps=0,
            optimizer="sgd", global_clipnorm=None)),
    "resnet50_i1k": PublishedRun(
        source="He et al. 2016, section 3.4", note=PLATEAUS,
        values=dict(
            data="imagenet2012", augment="inception", image_size=224, model="ResNet50",
            weight_decay=1e-4, weight_decay_form="l2", weight_decay_on="all",
            total_steps=600_000, batch_size=256,
            learning_rate=0.1, decay="bit", decay_at=(1 / 3, 2 / 3, 8 / 9),
            warmup_steps=0,
            optimizer="sgd", global_clipnorm=None)),
    "efficientnet_b0_i1k": PublishedRun(
        source="Tan and Le 2019, section 5.2; tensorflow/tpu, efficientnet/main.py",
        note="AutoAugment, which the published weights had, is not among the steps; "
        "give randaugment(2,9) for something like it.",
        values=dict(
            data="imagenet2012", augment="inception", image_size=224,
            model="EfficientNetB0",
            weight_decay=1e-5, weight_decay_form="l2", weight_decay_on="all_but_norms",
            label_smoothing=0.1,
            total_steps=218_949, batch_size=2048, batch_scaling="rate",
            learning_rate=0.016 * 8, decay="exponential", warmup_steps=3_127,
            optimizer="rmsprop", ema_momentum=0.9999, global_clipnorm=None)),
    "neocognitron_mnist": PublishedRun(
        source="Fukushima 1980, section 5",
        note="It learns by its own rule. The paper presents each of five drawn digits "
        f"20 times; {ANY_DATA}",
        values=dict(
            data="mnist", augment="none", model="Neocognitron", epochs=20,
            batch_size=20)),

    # Ours: the head alone on frozen features, as quick to train as it is to read.
    "linear_probe": PublishedRun(
        source="keras_vit; the closed-form probe of the papers is "
        "keras_vit.evaluation's",
        note=ANY_DATA, values=dict(
            data="cifar10", augment="none", image_size=224,
            model="ViT_B16", weights="imagenet21k", freeze=("backbone",),
            weight_decay=0.0, dropout_rate=0.0,
            epochs=10, batch_size=512,
            learning_rate=0.1,
            optimizer="sgd", momentum_dtype="bfloat16")),
}
# fmt: on
