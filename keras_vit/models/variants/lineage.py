"""Table of the families that the Vision Transformer is compared to and comes from."""

from keras_vit.models.variants.alexnet import ALEXNET
from keras_vit.models.variants.efficientnet import EFFICIENTNET
from keras_vit.models.variants.lenet import LENET
from keras_vit.models.variants.neocognitron import NEOCOGNITRON
from keras_vit.models.variants.resnet import RESNET
from keras_vit.models.variants.unet import UNET
from keras_vit.models.variants.vgg import VGG

LINEAGE = {
    "lenet": LENET,
    "alexnet": ALEXNET,
    "vgg": VGG,
    "resnet": RESNET,
    "efficientnet": EFFICIENTNET,
    "unet": UNET,
    "neocognitron": NEOCOGNITRON,
}
