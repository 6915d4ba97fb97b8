"""Layers of the ResNets."""
