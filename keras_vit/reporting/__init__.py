"""Reports on past runs: results, tables of runs, model cards."""
