"""Real test digits, never trained on."""

from __future__ import annotations

import pytest

from mnistlab.data import load


@pytest.fixture(scope="session")
def mnist():
    return load("mnist")


@pytest.fixture(scope="session")
def chosen(mnist):
    """The first 100 test digits, and their labels."""
    return mnist.x_test[:100], mnist.y_test[:100]
