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
from mnistlab.models.deskew import with_deskewed
from mnistlab.models.functions import (
    ENSEMBLE,
    NORMALIZATIONS,
    check_activation,
    find_last_activation,
    is_own,
    loss_choice,
    takes_logits,
)
from mnistlab.models.own import load_own
from mnistlab.models.spec import Spec, parse_spec

LARGEST_WIDTH = 65_536
MOST_CONVOLUTIONS = 5  # of a map of 14 x 14 nothing is left to more
MOST_CROPPED = 4  # the ink of nearly all images is within 20 x 20 pixels
MOST_WEIGHTS = 100_000_000  # 1.6 GB with gradients and Adam

MEMBER, MEMBER_NAME = "cnn-best", "member_"
"""What an ensemble's members are, and what their layers' names begin with."""

MOVES = [(0, 0), (-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]
"""Pixels down and across, by which the views of an image are moved: the first 1, 5 or 9."""

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
    if is_own(model):
        return load_own(model, find_last_activation(loss, last_activation), classes)
    spec = parse_spec(model)
    how: dict[str, Any] = {
        "normalize": normalize, "activation": activation, "classes": classes, "pixels": pixels,
        "last": find_last_activation(loss, last_activation),
    }  # fmt: skip
    if spec.name == ENSEMBLE:
        return _ensemble(spec, **how)
    if spec.name not in ZOO:
        raise UnknownNameError("model", spec.name, [*ZOO, ENSEMBLE])
    _check_options(spec, _options_of(spec.name))
    return _single(spec, **how)


def _single(
    spec: Spec,
    *,
    normalize: str,
    activation: str,
    classes: int,
    pixels: PixelStatistics | None,
    last: str,
) -> keras.Model:
    check_activation(activation)
    body = ZOO[spec.name](activation, **spec.options)
    inputs = keras.Input((28, 28), dtype="uint8", name="images")
    first = normalization_layers(normalize, pixels)
    head = keras.layers.Dense(classes, activation=last, name="digits")
    return keras.Sequential([inputs, *first, *body, head], name=spec.name.replace("-", "_"))


def _check_options(spec: Spec, takes: list[str]) -> None:
    for option in spec.options:
        if option not in takes:
            known = f"its options: {', '.join(takes)}" if takes else "it has no options"
            raise OptionError(f"the model '{spec.name}' does not take '{option}'; {known}")


def _options_of(name: str) -> list[str]:
    return list(inspect.signature(ZOO[name]).parameters)[1:]


def members_of(model: keras.Model) -> list[keras.Model]:
    """List what is trained of a model: the members of an ensemble, or the model itself."""
    members = [layer for layer in model.layers if layer.name.startswith(MEMBER_NAME)]
    return members if model.name == ENSEMBLE and members else [model]


def _ensemble(spec: Spec, **how: Any) -> keras.Model:
    """Average what `members` networks say that are trained one after another, each by itself.

    Other options are the members'.
    Of logits this is the geometric mean of their probabilities (Hansen & Salamon 1990,
    https://doi.org/10.1109/34.58871).
    """
    _check_options(spec, ["members", *_options_of(MEMBER)])
    options = dict(spec.options)
    members = options.pop("members", 5)
    if isinstance(members, bool) or not isinstance(members, int) or not 2 <= members <= 100:
        raise OptionError(f"members={members}; an ensemble has 2 to 100 of them")
    inputs = keras.Input((28, 28), dtype="uint8", name="images")
    said = []
    for number in range(1, members + 1):
        member = _single(Spec(MEMBER, options), **how)
        member.name = f"{MEMBER_NAME}{number}"
        said.append(member(inputs))
    return keras.Model(inputs, keras.layers.Average(name="digits")(said), name=ENSEMBLE)


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


def keras_loss(name: str, last_activation: str | None = None, label_smoothing: float = 0.0) -> Any:
    """Give Keras' loss of that name, from logits if the last activation leaves them to it.

    `keras.losses.get` does not know all of its own.
    """
    options: dict[str, Any] = {}
    if takes_logits(name, last_activation):
        options["from_logits"] = True
    if label_smoothing:
        options["label_smoothing"] = label_smoothing
    if options:
        class_name = "".join(word.capitalize() for word in name.split("_"))
        return getattr(keras.losses, class_name)(**options)
    if name == "categorical_generalized_cross_entropy":
        return keras.losses.CategoricalGeneralizedCrossEntropy()  # its function has no default q
    return getattr(keras.losses, name)


def with_views(model: keras.Model, views: int) -> keras.Model:
    """Average what a model says of an image and of the same moved by a pixel: 1, 5 or 9 views.

    The weights are shared; of Keras' own layers, so that it loads in plain Keras. What moves in
    is paper, 0. (Krizhevsky et al. 2012, https://doi.org/10.1145/3065386, average over crops.)
    """
    if views == 1:
        return model
    layers, ops = keras.layers, keras.ops
    images = keras.Input((28, 28), dtype="uint8", name="images")
    wide = layers.ZeroPadding2D(1, name="margin")(layers.Reshape((28, 28, 1), name="gray")(images))
    moved = []
    for number, (down, across) in enumerate(MOVES[:views], start=1):
        cut = ((1 - down, 1 + down), (1 - across, 1 + across))
        moved.append(layers.Cropping2D(cut, name=f"view_{number}")(wide))
    # All as one batch: the model stands in the graph once, and is compiled once. Its layers do, not
    # the trained model, which would bring its optimizer into the file.
    one = model
    if getattr(model, "inputs", None):  # a user's own class of models has none
        one = keras.Model(model.inputs[0], model.outputs[0], name="one_view")
    said = one(ops.reshape(ops.concatenate(moved, axis=0), (-1, 28, 28)))
    together = ops.reshape(said, (views, -1, said.shape[-1]))
    return keras.Model(images, ops.mean(together, axis=0), name=model.name)


def with_probabilities(
    model: keras.Model, loss: str, last_activation: str | None = None
) -> keras.Model:
    """Append softmax or sigmoid to a model that was trained on logits; others as they are."""
    if not takes_logits(loss, last_activation):
        return model
    last = keras.layers.Activation(loss_choice(loss).last_activation, name=APPENDED)
    return keras.Model(model.inputs[0], last(model.outputs[0]), name=model.name)


def without_probabilities(model: keras.Model) -> keras.Model:
    """Take away what `with_probabilities` appended, if it did."""
    if model.layers[-1].name != APPENDED:
        return model
    return keras.Model(model.inputs[0], model.layers[-1].input, name=model.name)


def _mlp(activation: str, hidden: int | str = "128x128") -> list[Any]:
    """Flatten, then a Dense layer for each width in `hidden`: the tutorial's is 128x128."""
    layers: list[Any] = [keras.layers.Flatten(name="flatten")]
    for number, width in enumerate(_widths(hidden), start=1):
        layers.append(keras.layers.Dense(width, activation=activation, name=f"hidden_{number}"))
    return layers


def _linear(activation: str) -> list[Any]:
    """Softmax regression: no hidden layer, so `activation` is not used."""
    return [keras.layers.Flatten(name="flatten")]


def _lenet(activation: str) -> list[Any]:
    """LeNet-5 as it is built today: 6 and 16 channels, Dense 120 and 84."""
    layers = keras.layers
    return [
        layers.Reshape((28, 28, 1), name="channel"),
        layers.Conv2D(6, 5, padding="same", activation=activation, name="convolution_1"),
        layers.MaxPooling2D(2, name="pool_1"),
        layers.Conv2D(16, 5, activation=activation, name="convolution_2"),
        layers.MaxPooling2D(2, name="pool_2"),
        layers.Flatten(name="flatten"),
        layers.Dense(120, activation=activation, name="hidden_1"),
        layers.Dense(84, activation=activation, name="hidden_2"),
    ]


def _cnn_fast(activation: str, filters: int | str = "16x32x64") -> list[Any]:
    """Blocks of 2x2 pixels as channels, convolutions of 3x3, the last but one by steps of 2.

    A quarter of the places costs a quarter of the time, and the blocks lose nothing (space to
    depth: Ridnik et al. 2020, TResNet, https://arxiv.org/abs/2003.13630). Without padding, maps are
    12, 5 and 3 a side: the edges of the images are empty, and cost a factor of two.
    """
    counts = _convolution_counts(filters)
    body = _blocks_as_channels()
    for number, count in enumerate(counts, start=1):
        strides = 2 if number == len(counts) - 1 else 1
        body += _convolution(number, count, activation, strides=strides)
    return [*body, keras.layers.Flatten(name="flatten")]


def _cnn_best(
    activation: str,
    filters: int | str = "32x64x64x96x112",
    crop: int = 0,
    pool_first: bool = False,
    deskew: bool = False,
) -> list[Any]:
    """Convolutions of 3x3 on all pixels, the greatest of 2x2 after the first and the third.

    The third and the fifth keep the size of the map, so that maps are 26, 13, 11, 11, 5, 3 and 3 a
    side: depth where it is cheap (as Simonyan & Zisserman 2015, VGG,
    https://arxiv.org/abs/1409.1556). Cheaper without the outermost `crop` pixels on each side,
    where there is hardly any ink, and where `pool_first` normalises and activates only the
    greatest of 2x2 (as Jordan 2024, https://arxiv.org/abs/2404.00498). `deskew` shows it each
    image a second time, without its slant.
    """
    if isinstance(crop, bool) or not isinstance(crop, int) or not 0 <= crop <= MOST_CROPPED:
        raise OptionError(f"crop={crop}; it is a whole number of pixels from 0 to {MOST_CROPPED}")
    for option, value in {"pool_first": pool_first, "deskew": deskew}.items():
        if not isinstance(value, bool):
            raise OptionError(f"{option}={value}; it is true or false")
    one = keras.layers.Reshape((28, 28, 1), name="channel")
    body: list[Any] = [with_deskewed() if deskew else one]
    if crop:
        body.append(keras.layers.Cropping2D(crop, name="crop"))
    for number, count in enumerate(_convolution_counts(filters), start=1):
        keeps = number in (3, 5)
        block = _convolution(number, count, activation, padding="same" if keeps else "valid")
        if number in (1, 3):
            place = 1 if pool_first else len(block)
            block.insert(place, keras.layers.MaxPooling2D(2, name=f"pool_{number}"))
        body += block
    return [*body, keras.layers.Flatten(name="flatten")]


def _convolution_counts(filters: int | str) -> list[int]:
    counts = _counts("filters", filters)
    if len(counts) > MOST_CONVOLUTIONS:
        raise OptionError(f"filters={filters}; at most {MOST_CONVOLUTIONS} layers, as in 16x32x64")
    return counts


def _blocks_as_channels() -> list[Any]:
    """(28, 28) → (14, 14, 4), of Keras' own layers without weights."""
    return [
        keras.layers.Reshape((14, 2, 14, 2), name="blocks"),
        keras.layers.Permute((1, 3, 2, 4), name="blocks_last"),
        keras.layers.Reshape((14, 14, 4), name="channels"),
    ]


def _convolution(
    number: int,
    filters: int,
    activation: str,
    size: int = 3,
    strides: int = 1,
    padding: str = "valid",
) -> list[Any]:
    """Convolution without bias, BatchNormalization, activation."""
    layers = keras.layers
    return [
        layers.Conv2D(
            filters,
            size,
            strides,
            padding=padding,
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"convolution_{number}",
        ),
        layers.BatchNormalization(momentum=0.9, name=f"normalization_{number}"),
        layers.Activation(activation, name=f"activation_{number}"),
    ]


def _counts(option: str, text: int | str, most: int = 1024) -> list[int]:
    """Read 16x32x48. Raises OptionError for what is not a list of counts from 1 to `most`."""
    try:
        counts = [int(count) for count in str(text).split("x")]
    except ValueError:
        counts = []
    if not counts or not all(0 < count <= most for count in counts):
        raise OptionError(
            f"{option}={text} is not a list of layer widths from 1 to {most}, "
            f"as in {option}=256x128"
        )
    return counts


def _widths(hidden: int | str) -> list[int]:
    widths = _counts("hidden", hidden, LARGEST_WIDTH)
    weights = sum(a * b for a, b in zip([784, *widths], widths, strict=False))
    if weights > MOST_WEIGHTS:
        raise OptionError(f"hidden={hidden} makes {weights:,} weights; at most {MOST_WEIGHTS:,}")
    return widths


ZOO: dict[str, Callable[..., list[Any]]] = {
    "mlp": _mlp,
    "linear": _linear,
    "lenet": _lenet,
    "cnn-fast": _cnn_fast,
    "cnn-best": _cnn_best,
}
