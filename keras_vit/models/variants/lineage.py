"""Table of the families that the Vision Transformer is compared to and comes from."""

LINEAGE = {}
