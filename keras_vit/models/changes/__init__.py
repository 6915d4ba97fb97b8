"""Models made from checkpoints and from other models."""
