"""The published variants: their rows, constructors, counts and lists."""
