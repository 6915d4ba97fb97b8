"""Names and layouts of arrays in the files of each origin."""
