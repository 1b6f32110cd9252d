"""What can be chosen, by its name, and which choices go together.

The tables are plain data, so that a wrong name is answered before Keras is imported; a test holds
them against Keras itself. `docs/functions.md` is drawn from them.
"""

from __future__ import annotations

from collections.abc import Iterable

from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models.activations import ACTIVATIONS
from mnistlab.models.choices import Choice, LossChoice
from mnistlab.models.losses import LOSSES
from mnistlab.models.optimizers import OPTIMIZERS
from mnistlab.models.spec import parse_spec

__all__ = [
    "ACTIVATIONS",
    "ENSEMBLE",
    "LOSSES",
    "MODELS",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "SCHEDULES",
    "check_activation",
    "check_name",
    "check_schedule",
    "find_last_activation",
    "is_own",
    "loss_choice",
    "preferred_last_activation",
    "takes_logits",
    "usable_activations",
]

_EFFICIENT_BACKPROP = (
    "LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, https://doi.org/10.1007/3-540-49430-8_2"
)

ENSEMBLE = "ensemble"
"""The model that is made of several, each trained by itself."""

VIEWS = (1, 5, 9)
"""How many views of an image a model's answer can be the mean of."""

BATCH_NORMS = ("running", "measured")
"""Where BatchNormalization's means and variances are from, in the end."""

NORMALIZATIONS: dict[str, Choice] = {
    "columns": Choice(
        what="every pixel column to L2 length 1, as keras.utils.normalize(x, axis=1)",
        reference="Keras' documentation, https://keras.io/api/utils/python_utils/",
        trap="it scales each column by itself: a faint stroke alone in its column becomes bold",
    ),
    "scale": Choice(
        what="pixels divided by 255",
        reference=_EFFICIENT_BACKPROP,
    ),
    "standardize": Choice(
        what="mean 0 and standard deviation 1 over all pixels of the training split",
        reference=_EFFICIENT_BACKPROP,
    ),
    "none": Choice(
        what="raw pixels, 0 to 255",
        reference=_EFFICIENT_BACKPROP,
        trap="inputs of 255 make gradients large: at usual rates training is rough or diverges",
    ),
}

MODELS: dict[str, Choice] = {
    "mlp": Choice(
        what="the tutorial's: Dense 128 twice; mlp:hidden=256x128 for other widths",
        reference="Rumelhart, Hinton & Williams 1986, Learning representations by "
        "back-propagating errors, https://doi.org/10.1038/323533a0",
    ),
    "linear": Choice(
        what="softmax regression: one Dense layer, no hidden one",
        reference="Cox 1958, The Regression Analysis of Binary Sequences, "
        "https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
        trap="has no hidden layer, so the activation is not used",
    ),
    "lenet": Choice(
        what="LeNet-5's convolutions and widths, with ReLU and max pooling",
        reference="LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to "
        "document recognition, https://doi.org/10.1109/5.726791",
    ),
    "cnn-fast": Choice(
        what="three small convolutions: 99 % in seconds; cnn-fast:filters=16x32x64",
        reference="Ioffe & Szegedy 2015, Batch Normalization, https://arxiv.org/abs/1502.03167",
        trap="made for its recipe: one epoch, a high rate; with other settings it can be worse",
    ),
    "cnn-best": Choice(
        what="deeper, on all pixels; "
        "cnn-best:filters=32x64x64x96x112,crop=1,pool_first=true,deskew=true",
        reference="An, Lee, Park, Yang & So 2020, An Ensemble of Simple Convolutional Neural "
        "Network Models for MNIST Digit Recognition, https://arxiv.org/abs/2008.10400",
        trap="minutes of training on a CPU",
    ),
    ENSEMBLE: Choice(
        what="the mean of several cnn-best; ensemble:members=5,filters=32x64x64x96x112",
        reference="Hansen & Salamon 1990, Neural network ensembles, "
        "https://doi.org/10.1109/34.58871",
        trap="takes as many times as long as it has members; compare does not take it",
    ),
}


SCHEDULES: dict[str, Choice] = {
    "constant": Choice(what="the same rate in every step", reference="Keras' default"),
    "cosine": Choice(
        what="from the rate down to 0, as half a cosine",
        reference="Loshchilov & Hutter 2017, SGDR, https://arxiv.org/abs/1608.03983",
    ),
    "one-cycle": Choice(
        what="up to the rate in the first 20 % of the steps (warmup=0.2), then cosine",
        reference="Smith & Topin 2018, Super-Convergence, https://arxiv.org/abs/1708.07120",
    ),
}

OWN_MODEL = ".py:"
"""In a model's name: the user's own, as in path/to/file.py:function."""


def is_own(model: str) -> bool:
    """Say whether `model` names a function in a file of the user's."""
    return OWN_MODEL in model


def check_schedule(schedule: str) -> None:
    """Raise UnknownNameError or OptionError unless the learning rate can have this schedule."""
    name, options = parse_spec(schedule)
    check_name("schedule", name, SCHEDULES)
    takes = ["warmup"] if name == "one-cycle" else []
    for option, value in options.items():
        check_name(f"option of the schedule '{name}'", option, takes)
        if not isinstance(value, float) or not 0 < value < 1:
            raise OptionError(f"{option} is {value}; it is a share of the steps, above 0 below 1")


def loss_choice(name: str) -> LossChoice:
    """Look up how `name` is fed.

    Raises UnknownNameError for no such loss, OptionError for one that cannot classify digits.
    """
    check_name("loss", name, LOSSES)
    choice = LOSSES[name]
    if choice.refused:
        raise OptionError(f"the loss '{name}' does not fit this task: {choice.refused}.")
    return choice


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise UnknownNameError unless `name` is among `known`."""
    if name not in known:
        raise UnknownNameError(kind, name, known)


def check_activation(name: str) -> None:
    """Raise unless `name` is an activation that a hidden layer can have."""
    check_name("activation", name, ACTIVATIONS)
    if refused := ACTIVATIONS[name].refused:
        raise OptionError(f"the activation '{name}' does not fit a Dense layer: {refused}.")


def usable_activations() -> list[str]:
    """List the activations that a hidden layer can have."""
    return [name for name, choice in ACTIVATIONS.items() if not choice.refused]


def find_last_activation(loss: str, asked: str | None = None) -> str:
    """Give the last layer's activation: the one asked for, if it fits `loss`, or the usual one.

    Raises UnknownNameError, or OptionError for a pair that cannot be trained to any good.
    """
    choice = loss_choice(loss)
    if asked is None:
        return choice.last_activation
    check_name("activation", asked, ACTIVATIONS)
    if asked not in choice.last_activations:
        raise OptionError(
            f"the last activation '{asked}' does not fit the loss '{loss}', which needs "
            f"{choice.needs}. Accepted: {', '.join(choice.last_activations)}."
        )
    return asked


def takes_logits(loss: str, last_activation: str | None = None) -> bool:
    """Tell whether the loss itself applies softmax or sigmoid to what the last layer gives."""
    choice = loss_choice(loss)
    return choice.from_logits and find_last_activation(loss, last_activation) == "linear"


def preferred_last_activation(loss: str) -> str:
    """Give the last activation of a fair comparison: logits wherever Keras' loss takes them."""
    choice = loss_choice(loss)
    return "linear" if choice.from_logits else choice.last_activation
