"""The published models: their sizes, names and parameter counts."""
