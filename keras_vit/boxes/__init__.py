"""Boxes: their forms, how far two overlap, and which of many to keep."""

from keras_vit.boxes.forms import FORMS, clip_boxes, convert_boxes
from keras_vit.boxes.overlaps import box_areas, box_giou, box_iou
from keras_vit.boxes.suppression import nms

__all__ = [
    "FORMS",
    "box_areas",
    "box_giou",
    "box_iou",
    "clip_boxes",
    "convert_boxes",
    "nms",
]
