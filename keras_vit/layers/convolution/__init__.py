"""Layers of the ResNets and the EfficientNets."""
