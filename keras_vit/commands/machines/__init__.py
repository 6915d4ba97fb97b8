"""Devices: the option `--devices`, and the check for TPUs."""
