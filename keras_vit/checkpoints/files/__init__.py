"""Containers of arrays: one file format each."""
