"""Checks that this installation, or a file of weights, gives the expected numbers."""
