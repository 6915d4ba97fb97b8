"""Runs the cells of a study."""
