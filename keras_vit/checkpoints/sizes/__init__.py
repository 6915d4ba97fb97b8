"""Reads the sizes of convolutional networks from the shapes of their arrays."""
