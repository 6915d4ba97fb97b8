"""Checks that an installation and a file give the expected numbers."""
