"""Reproduces a published value: its run, ten checks, its cost, and a verdict."""
