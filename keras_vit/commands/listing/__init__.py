"""Commands that list data sets, models, recipes and runs."""
