"""Which recipe suits a data set and a machine."""
