"""Commands that list."""
