"""Runs that learn classes and boxes of objects: their model and loss."""

from keras import ops

from keras_vit.losses import DenseDetectionLoss
from keras_vit.models.backbones import BACKBONES
from keras_vit.models.detection.detector import FAMILY, Detector
from keras_vit.models.pretrained.weights import family_of_weights
from keras_vit.models.vision_model import settings_of
from keras_vit.training.model_arguments import SMALL, family_of
from keras_vit.training.optimizers.losses import loss_dtype

# The head on a small model, of about as many operations as the model itself: a fourth
# of a head of the usual width, and a place for each patch of a ViT.
_SMALL_HEAD = {"head_width": 64, "head_layers": 1}


def check_detection(recipe):
    """Raises a `ValueError` if a recipe's model is no backbone of a detector."""
    family = family_of(recipe.model)
    if family not in BACKBONES:
        reason = ""
        if family == "yolos":
            reason = (
                " A YOLOS tells boxes by itself: compile it with "
                "keras_vit.losses.SetLoss, and call `fit`."
            )
        raise ValueError(
            "Detection needs a model with a feature map, of the families "
            f"{', '.join(BACKBONES)}. Received: model={recipe.model!r}, of the family "
            f"{family!r}.{reason}"
        )


def continues_detector(arguments):
    """Whether the weights of a run are those of a whole detector."""
    weights = arguments.get("weights")
    return weights is not None and family_of_weights(weights) == FAMILY


def build_detector(recipe, backbone, num_classes, arguments):
    """A new head on a backbone.

    Args:
        recipe: A `Recipe`.
        backbone: A model, or the name of one.
        num_classes: Integer.
        arguments: Those of the constructor, if it is a name.
    """
    own = dict(_SMALL_HEAD) if recipe.model in SMALL else {}
    if recipe.model == "small":
        patch = settings_of(backbone)["arguments"]["patch_size"]
        own["strides"] = patch[0]
    return Detector(backbone, num_classes, **own, **arguments)


def box_objective(recipe):
    """Loss for `compile`; targets and weights of one image.

    The loss is a mean over images, each divided by what it holds itself, so that
    replicas and parts of a batch give the loss of the whole. There are no metrics:
    average precision is that of a whole set, and is computed at the end.
    """
    objects = {
        "boxes": ops.zeros((1, 1, 4)),
        "classes": ops.zeros((1, 1), "int32"),
        "crowd": ops.zeros((1, 1), "bool"),
    }
    return {"loss": DenseDetectionLoss(dtype=loss_dtype(recipe))}, (objects, None)
