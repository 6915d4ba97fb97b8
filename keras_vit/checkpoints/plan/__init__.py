"""Decides which array fills which variable, and fills the model."""
