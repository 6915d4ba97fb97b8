"""Data sets with masks or boxes: formats, checks, and sources for training."""
