"""Benchmarks: each a folder with one command, each leaving a record that anyone can check.

Reading order:

1. `tutorial` measures the tutorial's job beside what else one would do it with.
2. `calibration` counts how often a comparison finds a winner among equal arms.
3. `record` says what it ran on and writes what was measured to `records/`.
4. `table` makes the newest record the table in the README.
"""
