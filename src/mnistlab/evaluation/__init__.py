"""Test: what a model did on the test split, as sums over examples.

Reading order: `scores` (numbers, no Keras) → `outputs` (a model on images) → `testing` (a run).
Importing this package imports no Keras.
"""
