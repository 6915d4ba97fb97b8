"""Models with the weights of files."""
