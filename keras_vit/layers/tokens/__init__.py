"""Layers that turn images or feature maps into tokens, and tokens into one vector."""
