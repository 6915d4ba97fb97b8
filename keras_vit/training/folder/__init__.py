"""The run folder: what a run writes to disk."""
