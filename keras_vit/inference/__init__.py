"""Trained models put to use: loading them, and classifying images."""
