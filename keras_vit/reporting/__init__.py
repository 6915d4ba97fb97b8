"""What past runs say: results, lists of runs, model cards."""
