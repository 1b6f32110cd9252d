"""The trained model that comes with the package: the folder of a run, like any other.

`docs/model-card.md` says what it is and how it was made (`python -m tools.model_card`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mnistlab.errors import OptionError
from mnistlab.training.runs import Run

if TYPE_CHECKING:
    import keras

FOLDER = Path(__file__).parents[1] / "shipped" / "cnn-best"
FILES = ("settings.json", "history.csv", "metrics.json", "model.keras")


def load_model(run: str | Path = FOLDER) -> keras.Model:
    """Load the trained model of a run; without one, the `cnn-best` that comes with mnistlab.

    It is plain Keras, on whichever backend Keras runs, from raw images, uint8 or float32 of 0..255
    (n, 28, 28), white ink on black, to probabilities (n, 10), float32. Its file is opened only if
    its SHA-256 is the recorded one, and nothing in it is executed.

    Raises RunError where `run` is no finished run, or its model is not the one trained there.
    """
    if not isinstance(run, (str, os.PathLike)):
        raise OptionError(f"a run is the path of its folder, not {type(run).__name__}")
    opened = Run.open(Path(run))
    opened.checked_model()
    from mnistlab.models.backend import default_backend, use_backend

    use_backend(default_backend())
    from mnistlab.training import train

    return train.load_model(opened)
