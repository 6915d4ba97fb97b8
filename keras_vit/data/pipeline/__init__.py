"""The input pipeline: from examples to batches."""
