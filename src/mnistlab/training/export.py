"""A run's model for elsewhere, in one of Keras' export formats, with what one has to know inside.

What Keras wrote is run by the format's own runtime before the file appears, and must say what
Keras says.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mnistlab.errors import MissingExtraError, MnistlabError, OptionError, UnknownNameError
from mnistlab.files import appearing
from mnistlab.models.backend import use_backend
from mnistlab.training.formats import F32, FORMATS, U8, Format
from mnistlab.training.runs import Run

TOLERANCE = 1e-4
ANSI = re.compile(r"\x1b\[[0-9;]*m")
PREPROCESSING = (
    "uint8 (n, 28, 28), ink 255 on 0, one digit as MNIST made its own: tight box, padded to a "
    "square, area-averaged to 20x20, centre of mass on pixel index 14"
)


def export_model(run: Run, target: Path, name: str | None = None) -> float:
    """Write the model of a finished run as `target`; give how far it is from Keras at most.

    `name` is one of FORMATS; without it the target's suffix says which. All take raw uint8 images
    (n, 28, 28) and give probabilities (n, classes), float32.

    Raises OptionError where the target's name is of no format or it exists, UnknownNameError,
    MissingExtraError, RunError where the model cannot be used, MnistlabError where Keras cannot
    export it, or the two differ by more than 1e-4.
    """
    kind = chosen_format(target, name)
    for path in kind.files(target):
        if path.exists():
            raise OptionError(f"{path} exists already and is left as it is")
    run.checked_model()
    if any(importlib.util.find_spec(each) is None for each in kind.needed):
        raise MissingExtraError(f"export to {kind.title}", kind.extra)
    use_backend(kind.backend)
    from mnistlab.training.train import load_model

    model = load_model(run)
    model.trainable = False  # else PyTorch takes members of an ensemble for no constants
    images = _images()
    expected = model.predict(images, verbose=0)
    with appearing(kind.files(target)) as folder:
        temporary = folder / target.name
        with _quiet(), _exporting(kind):
            kind.write(model, temporary)
            kind.describe(temporary, _about(run))
            said = kind.run(temporary, images)
        return _checked(said, expected, kind)


def chosen_format(target: Path, name: str | None) -> Format:
    """Give the format of that name, or the one that the target's suffix says.

    Raises UnknownNameError, OptionError where the suffix is of no format or not that one's.
    """
    if name is None:
        for each in FORMATS.values():
            if each.suffix and each.suffix == target.suffix:
                return each
        suffixes = ", ".join(each.suffix for each in FORMATS.values() if each.suffix)
        raise OptionError(
            f"{target}: no format has names like this; end it in one of {suffixes}, or have a "
            "folder made by --format tf_saved_model"
        )
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    kind = FORMATS[name]
    if kind.suffix and target.suffix != kind.suffix:
        raise OptionError(f"{target}: the name of a file of {kind.title} ends in {kind.suffix}")
    return kind


def _checked(said: F32, expected: F32, kind: Format) -> float:
    """Give the greatest difference. Raises MnistlabError where it is too great."""
    difference = float(np.abs(said - expected).max())
    if difference <= TOLERANCE:
        return difference
    if np.isnan(difference) and kind.suffix == ".tflite":
        raise MnistlabError(
            "LiteRT's XNNPACK makes NaN of columns without ink, which this model divides by; "
            "train with --normalize scale, or export to another format. Nothing was written"
        )
    raise MnistlabError(
        f"the model exported to {kind.title} differs from Keras' by {difference:.1e}. Nothing was "
        "written"
    )


def _images() -> U8:
    """Make up images from nearly empty to full."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (16, 28, 28), np.uint8)
    filled = rng.random(images.shape) < np.linspace(0.02, 1, 16)[:, None, None]
    return np.where(filled, images, 0).astype(np.uint8)


def _about(run: Run) -> dict[str, str]:
    metrics = run.document("metrics.json")
    return {
        "classes": json.dumps(metrics["class_names"]),
        "preprocessing": PREPROCESSING,
        "keras_sha256": metrics["model"]["sha256"],
        "command": run.document("settings.json")["command"],
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep exporters from making remarks."""
    for name in ("torch.onnx", "tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _no_native_stdout():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _no_native_stdout() -> Iterator[None]:
    """Keep compiled code from writing to stdout, as PyTorch does with all of a graph that fails."""
    try:
        kept = os.dup(1)
    except OSError:  # there is none
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def _exporting(kind: Format) -> Iterator[None]:
    """Make one line of whatever an exporter makes of a model's layers."""
    try:
        yield
    except (OSError, MnistlabError):
        raise
    except Exception as error:  # noqa: BLE001
        said = " ".join(ANSI.sub("", str(error)).split())
        raise MnistlabError(f"this model cannot be exported to {kind.title}: {said:.200}") from None
