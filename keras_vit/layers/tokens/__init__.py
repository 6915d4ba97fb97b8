"""Layers from images or feature maps to tokens, and from tokens to one vector."""
