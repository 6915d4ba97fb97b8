"""Files of weights: downloads, and a reader for each file format."""
