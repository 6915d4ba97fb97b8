"""Segmentation: a class for every pixel, by a head on the maps of a backbone."""
