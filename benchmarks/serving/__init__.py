"""A minute of many clients, then of hostile ones: `python -m benchmarks.serving --help`."""
