"""Examples of every source, in any order."""
