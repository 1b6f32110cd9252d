"""The models, each from raw uint8 images (n, 28, 28) to probabilities or logits (n, classes).

Normalisation is part of the model, made of Keras' own layers, so that a saved model takes raw
images, loads in plain Keras, and nobody can forget the first step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models.functions import (
    NORMALIZATIONS,
    check_activation,
    find_last_activation,
    loss_choice,
    takes_logits,
)
from mnistlab.models.spec import parse_spec

LARGEST_WIDTH = 65_536
MOST_WEIGHTS = 100_000_000  # 1.6 GB with gradients and Adam

APPENDED = "probabilities"
"""The name of the layer that turns a saved model's logits into probabilities."""


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation over all pixels of the training split, in 0..255 units."""

    mean: float
    std: float


def build(
    model: str,
    *,
    normalize: str = "columns",
    activation: str = "relu",
    loss: str = "sparse_categorical_crossentropy",
    last_activation: str | None = None,
    classes: int = 10,
    pixels: PixelStatistics | None = None,
) -> keras.Model:
    """Build the uncompiled model that `model` names, as in `mlp` or `mlp:hidden=256x128`.

    The last activation is the one that fits `loss`, unless given. `pixels` is needed to
    standardize.

    Raises UnknownNameError or OptionError for a name or option that does not exist, and for a last
    activation that does not fit.
    """
    spec = parse_spec(model)
    if spec.name not in ZOO:
        raise UnknownNameError("model", spec.name, ZOO)
    check_activation(activation)
    last = find_last_activation(loss, last_activation)
    takes = list(inspect.signature(ZOO[spec.name]).parameters)[1:]
    for option in spec.options:
        if option not in takes:
            known = f"its options: {', '.join(takes)}" if takes else "it has no options"
            raise OptionError(f"the model '{spec.name}' does not take '{option}'; {known}")
    body = ZOO[spec.name](activation, **spec.options)
    inputs = keras.Input((28, 28), dtype="uint8", name="images")
    first = normalization_layers(normalize, pixels)
    head = keras.layers.Dense(classes, activation=last, name="digits")
    return keras.Sequential([inputs, *first, *body, head], name=spec.name.replace("-", "_"))


def normalization_layers(name: str, pixels: PixelStatistics | None = None) -> list[Any]:
    """Give the Keras layers that normalise raw images as `name` says.

    `columns` is `keras.utils.normalize(x, axis=1)`: scaling by 1/255 first changes nothing in a
    unit vector and brings uint8 to float32.
    """
    if name not in NORMALIZATIONS:
        raise UnknownNameError("normalization", name, NORMALIZATIONS)
    if name == "none":
        return [keras.layers.Rescaling(1.0, name="pixels")]
    if name == "standardize":
        if pixels is None:
            raise OptionError("normalize='standardize' needs the training split's statistics")
        return [keras.layers.Rescaling(1 / pixels.std, -pixels.mean / pixels.std, name="pixels")]
    scale = keras.layers.Rescaling(1 / 255, name="pixels")
    if name == "scale":
        return [scale]
    return [scale, keras.layers.UnitNormalization(axis=1, name="unit_columns")]


def keras_loss(name: str, last_activation: str | None = None) -> Any:
    """Give Keras' loss of that name, from logits if the last activation leaves them to it.

    `keras.losses.get` does not know all of its own.
    """
    if takes_logits(name, last_activation):
        class_name = "".join(word.capitalize() for word in name.split("_"))
        return getattr(keras.losses, class_name)(from_logits=True)
    if name == "categorical_generalized_cross_entropy":
        return keras.losses.CategoricalGeneralizedCrossEntropy()  # its function has no default q
    return getattr(keras.losses, name)


def with_probabilities(
    model: keras.Model, loss: str, last_activation: str | None = None
) -> keras.Model:
    """Append softmax or sigmoid to a model that was trained on logits; others as they are."""
    if not takes_logits(loss, last_activation):
        return model
    last = keras.layers.Activation(loss_choice(loss).last_activation, name=APPENDED)
    return keras.Model(model.inputs, last(model.outputs[0]), name=model.name)


def without_probabilities(model: keras.Model) -> keras.Model:
    """Take away what `with_probabilities` appended, if it did."""
    if model.layers[-1].name != APPENDED:
        return model
    return keras.Model(model.inputs, model.layers[-1].input, name=model.name)


def _mlp(activation: str, hidden: int | str = "128x128") -> list[Any]:
    """Flatten, then a Dense layer for each width in `hidden`: the tutorial's is 128x128."""
    layers: list[Any] = [keras.layers.Flatten(name="flatten")]
    for number, width in enumerate(_widths(hidden), start=1):
        layers.append(keras.layers.Dense(width, activation=activation, name=f"hidden_{number}"))
    return layers


def _linear(activation: str) -> list[Any]:
    """Softmax regression: no hidden layer, so `activation` is not used."""
    return [keras.layers.Flatten(name="flatten")]


def _widths(hidden: int | str) -> list[int]:
    try:
        widths = [int(width) for width in str(hidden).split("x")]
    except ValueError:
        widths = []
    if not widths or not all(0 < width <= LARGEST_WIDTH for width in widths):
        raise OptionError(
            f"hidden={hidden} is not a list of layer widths from 1 to {LARGEST_WIDTH}, "
            "as in mlp:hidden=256x128"
        )
    weights = sum(a * b for a, b in zip([784, *widths], widths, strict=False))
    if weights > MOST_WEIGHTS:
        raise OptionError(f"hidden={hidden} makes {weights:,} weights; at most {MOST_WEIGHTS:,}")
    return widths


ZOO: dict[str, Callable[..., list[Any]]] = {"mlp": _mlp, "linear": _linear}
