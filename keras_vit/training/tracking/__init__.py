"""Follows a run in mlflow, Weights & Biases or TensorBoard."""
