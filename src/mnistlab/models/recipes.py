"""How each model of the zoo is trained unless told otherwise. No Keras here.

A recipe is the settings of `mnistlab train` that differ from the tutorial's; whatever is given on
the command line goes before it. cnn-fast's was chosen on 10,000 images cut from the training split,
cnn-best's by six-fold cross-validation over all of it, lenet's from experience; the test split was
used once for each network, for the records in `benchmarks/records`.

    one-cycle rates     Smith & Topin 2018, Super-Convergence, https://arxiv.org/abs/1708.07120
    label smoothing     Szegedy et al. 2016, https://arxiv.org/abs/1512.00567
    measured statistics Wu & Johnson 2021, https://arxiv.org/abs/2105.07576
    averaged views      Krizhevsky et al. 2012, https://doi.org/10.1145/3065386
    SiLU                Elfwing, Uchibe & Doya 2018, https://arxiv.org/abs/1702.03118
    distortions         Simard, Steinkraus & Platt 2003, https://doi.org/10.1109/ICDAR.2003.1227801
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Settings of a training; the fields are those of `TrainSettings`, with its defaults."""

    normalize: str = "columns"
    loss: str = "sparse_categorical_crossentropy"
    last_activation: str | None = None
    label_smoothing: float = 0.0
    activation: str = "relu"
    optimizer: str = "adam"
    learning_rate: float | None = None
    schedule: str = "constant"
    batch_size: int = 32
    epochs: int = 3
    augment: str = "none"
    devices: int = 1
    batch_norm: str = "running"
    views: int = 1

    def settings(self) -> dict[str, Any]:
        """Give the values by name."""
        return asdict(self)


_CNN = Recipe(
    normalize="scale",
    loss="categorical_crossentropy",
    last_activation="linear",
    label_smoothing=0.1,
    optimizer="adam:beta_1=0.7,beta_2=0.9",
    schedule="one-cycle",
    batch_size=128,
    devices=2,
)

RECIPES: dict[str, Recipe] = {
    "lenet": Recipe(
        normalize="scale",
        last_activation="linear",
        learning_rate=0.002,
        schedule="one-cycle",
        batch_size=128,
        epochs=10,
        augment="shift=1",
        devices=2,
    ),
    "cnn-fast": replace(_CNN, learning_rate=0.02, epochs=1),
    "cnn-best": replace(
        _CNN,
        label_smoothing=0.02,
        activation="silu",
        learning_rate=0.01,
        epochs=20,
        augment="shift=1,rotate=10,scale=0.1,shear=0.1,elastic=0.4,thickness=0.3",
        batch_norm="measured",
        views=9,
    ),
}
RECIPES["ensemble"] = RECIPES["cnn-best"]  # for each of its members
"""Models that are not here are trained as the tutorial trains its own."""


def recipe_of(model: str) -> Recipe:
    """Give the recipe of a model's name."""
    return RECIPES.get(model, Recipe())
