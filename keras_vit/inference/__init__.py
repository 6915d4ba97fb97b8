"""Inference: loading trained models and classifying images."""
