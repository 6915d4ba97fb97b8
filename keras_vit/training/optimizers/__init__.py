"""Optimizers, learning-rate schedules, losses and averaged weights."""
