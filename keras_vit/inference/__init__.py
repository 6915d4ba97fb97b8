"""A model, a file or a run, to predictions."""
