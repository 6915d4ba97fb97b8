"""Probes of frozen features: linear, few-shot, nearest neighbours and VTAB."""
