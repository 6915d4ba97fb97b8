"""Layers of the networks before ResNets."""
