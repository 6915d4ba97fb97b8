"""Which array goes into which variable, and how."""
