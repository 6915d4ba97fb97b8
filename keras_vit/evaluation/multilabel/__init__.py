"""Scores of several labels an image: average precision, F1, and what is mistaken."""
