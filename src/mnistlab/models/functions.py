"""The functions to play with: every optimizer, loss and activation of Keras 3.15 by its name.

Plain tables, so that a wrong name is answered before Keras is imported. A test holds them
against Keras itself. References are in `docs/functions.md`, drawn from the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mnistlab.errors import OptionError, UnknownNameError

Target = Literal["sparse", "one-hot"]


@dataclass(frozen=True)
class LossChoice:
    """How a loss is fed: its target encoding and the last activation that fits it."""

    target: Target
    last_activation: str
    refused: str = ""


OPTIMIZERS: dict[str, str] = {
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "adadelta": "Adadelta",
    "adagrad": "Adagrad",
    "adamax": "Adamax",
    "adafactor": "Adafactor",
    "nadam": "Nadam",
    "ftrl": "Ftrl",
    "lion": "Lion",
    "lamb": "Lamb",
    "muon": "Muon",
    "schedule_free_adamw": "ScheduleFreeAdamW",
}

_SPARSE = LossChoice("sparse", "softmax")
_SOFTMAX = LossChoice("one-hot", "softmax")
_SIGMOID = LossChoice("one-hot", "sigmoid")
_MARGIN = LossChoice("one-hot", "linear")

LOSSES: dict[str, LossChoice] = {
    "sparse_categorical_crossentropy": _SPARSE,
    "categorical_crossentropy": _SOFTMAX,
    "categorical_focal_crossentropy": _SOFTMAX,
    "categorical_generalized_cross_entropy": _SPARSE,
    "kl_divergence": _SOFTMAX,
    "poisson": _SOFTMAX,
    "binary_crossentropy": _SIGMOID,
    "binary_focal_crossentropy": _SIGMOID,
    "mean_squared_error": _SOFTMAX,
    "mean_absolute_error": _SOFTMAX,
    "mean_squared_logarithmic_error": _SOFTMAX,
    "huber": _SOFTMAX,
    "log_cosh": _SOFTMAX,
    "cosine_similarity": _SOFTMAX,
    "dice": _SOFTMAX,
    "tversky": _SOFTMAX,
    "hinge": _MARGIN,
    "squared_hinge": _MARGIN,
    "categorical_hinge": _MARGIN,
    "mean_absolute_percentage_error": LossChoice(
        "one-hot", "softmax", "it divides by the target, and nine targets of ten are zero"
    ),
    "ctc": LossChoice("sparse", "linear", "it aligns sequences, and a digit has one label"),
    "circle": LossChoice(
        "sparse", "linear", "it compares embeddings within a batch and predicts no class"
    ),
}

ACTIVATIONS: tuple[str, ...] = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip

REFUSED_ACTIVATIONS = {
    "glu": "it halves the number of units, so no layer of the asked size comes out",
}

NORMALIZATIONS = {
    "columns": "every pixel column to L2 length 1, as keras.utils.normalize(x, axis=1)",
    "scale": "pixels divided by 255",
    "standardize": "mean 0 and standard deviation 1 over all pixels of the training split",
    "none": "raw pixels, 0 to 255",
}


MODELS = {
    "mlp": "the tutorial's: Dense 128 twice; mlp:hidden=256x128 for other widths",
    "linear": "softmax regression: one Dense layer, no hidden one",
}


def loss_choice(name: str) -> LossChoice:
    """Look up how `name` is fed.

    Raises UnknownNameError for no such loss, OptionError for one that cannot classify digits.
    """
    if name not in LOSSES:
        raise UnknownNameError("loss", name, LOSSES)
    choice = LOSSES[name]
    if choice.refused:
        raise OptionError(f"the loss '{name}' does not fit this task: {choice.refused}.")
    return choice


def check_name(kind: str, name: str, known: dict[str, str] | tuple[str, ...]) -> None:
    """Raise UnknownNameError unless `name` is among `known`."""
    if name not in known:
        raise UnknownNameError(kind, name, known)


def check_activation(name: str) -> None:
    """Raise unless `name` is an activation that a hidden layer can have."""
    check_name("activation", name, ACTIVATIONS)
    if name in REFUSED_ACTIVATIONS:
        raise OptionError(
            f"the activation '{name}' does not fit a Dense layer: {REFUSED_ACTIVATIONS[name]}."
        )
