"""Data sets whose images may have several labels each, or none."""
