"""The words of a command: its options, their help, and what other tools call them."""
