"""The published models: their sizes, names, counts and list."""
