"""The network that reads: the pictures that it learns from, its training, its threshold."""
