"""How each project names and lays out the arrays in its files."""
