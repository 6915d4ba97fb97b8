"""Optimizers, schedules, losses and averages."""
