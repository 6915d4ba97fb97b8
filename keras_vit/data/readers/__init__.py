"""Reads the examples of every kind of source, in any order."""
