"""Data sets by name: where they lie and what they hold."""
