"""Layers on feature maps, of which each place has its answer."""
