"""Loads weights into models, and names the classes of published weights."""
