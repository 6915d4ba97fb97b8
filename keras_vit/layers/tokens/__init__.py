"""Layers that make, place and pool tokens."""
