"""Data sets by name: where they are and what they contain."""
