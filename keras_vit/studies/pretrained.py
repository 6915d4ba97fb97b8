"""Tables: studies whose cells begin with the weights of a pretraining."""

from keras_vit.studies.ablations import PLAIN, SMALL_RUN, VIT
from keras_vit.studies.parts import Axis, Compare
from keras_vit.studies.study import Study
from keras_vit.training.recipes.look_up import find_run
from keras_vit.training.recipes.recipe import Recipe

_LABELS = Axis(
    "labels",
    "% of the labels",
    {
        "1 %": (1, {"part": "fraction=1%"}),
        "10 %": (10, {"part": "fraction=10%"}),
        "100 %": (100, {}),
    },
)

# Fine-tuning on ImageNet, as in table 4, of what a pretraining has learnt.
_FINE_TUNING = {**find_run("vit_finetune_imagenet").values, "pooling": "token"}
del _FINE_TUNING["weights"]
_FINE_TUNING["evaluate_every"] = 5000


def _published(name):
    """The fields of a published pretraining, those of the fine-tuning put back."""
    defaults = {field: getattr(Recipe, field) for field in _FINE_TUNING}
    return {**defaults, **find_run(name).values}


# fmt: off
PRETRAINED = {
    "self-supervision": Study(
        name="self-supervision",
        question="What is it worth to predict masked patches before labels are seen?",
        source=f"{VIT}, section 4.6 and appendix B.1.2",
        paper="Pretrained by masked patches, ViT-B/16 reaches 79.9 % on ImageNet: 2 "
        "points more than from scratch, and 4 fewer than with labels. One run each.",
        equal="Pretrained and scratch have equal updates with labels. Control has "
        "those of the pretraining too, from random weights: about equal computing.",
        base=dict(SMALL_RUN, model="small", pooling="gap", **PLAIN, total_steps=500,
                  evaluate_every=250),
        pretrainings={
            "masked patches": dict(
                masked_target="mean_colour", total_steps=1300, evaluate_every=650),
        },
        arms={
            "pretrained": dict(after="masked patches"),
            "scratch": {},
            "control": dict(total_steps=1800, evaluate_every=900),
        },
        axis=_LABELS,
        comparisons=(
            Compare("arms", "pretrained", "scratch"),
            Compare("trend", "pretrained", "scratch"),
            Compare("arms", "pretrained", "control"),
            Compare("trend", "pretrained", "control")),
        presets={
            "laptop": {},
            # Each model is pretrained at 224 pixels, and all are fine-tuned alike.
            "paper": dict(
                base=_FINE_TUNING,
                pretrainings={
                    "masked patches": _published("vit_b16_masked_jft"),
                    "ImageNet": _published("vit_b16_i1k"),
                    "ImageNet-21k": _published("vit_b16_i21k"),
                },
                arms={
                    "pretrained": dict(after="masked patches"),
                    "scratch": dict(after="ImageNet"),
                    "supervised": dict(after="ImageNet-21k"),
                },
                axis=None,
                equal="Fine-tuning has equal updates. The pretrainings differ in "
                "computing, which the table of the cells has.",
                comparisons=(
                    Compare("arms", "pretrained", "scratch"),
                    Compare("arms", "pretrained", "supervised")),
                published={
                    ("pretrained", ""): "vit/section4.6/masked_b16",
                    ("scratch", ""): "vit/table5/vit_b16_imagenet2012/imagenet2012",
                    ("supervised", ""): "vit/table5/vit_b16_imagenet21k/imagenet2012"},
                seeds=(0,)),
        },
    ),
}
