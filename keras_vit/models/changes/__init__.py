"""Models made from other models."""
