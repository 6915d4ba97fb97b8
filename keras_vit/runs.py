"""Moved to `keras_vit.reporting.runs`; this name works for one more release."""

from keras_vit.reporting.runs import (  # noqa: F401
    COLUMNS,
    DEPTH,
    DESCENDING,
    Run,
    RunTable,
    compare_runs,
    logger,
    plot_runs,
)
