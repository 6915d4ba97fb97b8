"""Devices to train on: one object for TPUs, GPUs and CPUs, one host or many."""

from keras_vit.devices.active import current
from keras_vit.devices.choose import as_strategy, strategy
from keras_vit.devices.context import Strategy

__all__ = ["Strategy", "as_strategy", "current", "strategy"]
