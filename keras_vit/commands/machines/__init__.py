"""Commands and options for devices: `tpu-check` and `--devices`."""
