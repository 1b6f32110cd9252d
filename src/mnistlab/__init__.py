"""MNIST classification with Keras, made into an instrument.

>>> import mnistlab
>>> (x_train, y_train), (x_test, y_test) = mnistlab.load_data("mnist")
>>> x_train.shape, x_train.dtype
((60000, 28, 28), dtype('uint8'))

`mnistlab.fit(model, x, y, ...)` is a drop-in for a compiled Keras model's `model.fit`,
`mnistlab.compare("optimizer", ["adam", "adagrad"])` a comparison that can be believed,
`mnistlab.load_model()` a network that is trained already, `mnistlab.read("photo.jpg")` reads
handwritten digits. Importing this package loads neither Keras nor JAX; what needs them loads them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistlab.data import load_data
    from mnistlab.reading.read import read
    from mnistlab.study import compare
    from mnistlab.training.engine import fit
    from mnistlab.training.shipped import load_model

__version__ = "0.1.0"

__all__ = ["__version__", "compare", "fit", "load_data", "load_model", "read"]

_HOMES = {
    "compare": "mnistlab.study",
    "fit": "mnistlab.training.engine",
    "load_data": "mnistlab.data",
    "load_model": "mnistlab.training.shipped",
    "read": "mnistlab.reading.read",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mnistlab' has no attribute '{name}'")
    if name == "fit":
        from mnistlab.models.backend import default_backend, use_backend

        use_backend(default_backend())
    return getattr(importlib.import_module(_HOMES[name]), name)
