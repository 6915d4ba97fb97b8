"""The statistics of a study, and the comparisons that they make of its cells."""
