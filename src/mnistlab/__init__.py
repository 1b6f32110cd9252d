"""MNIST classification with Keras, made into an instrument."""

__version__ = "0.1.0"
