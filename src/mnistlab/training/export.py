"""A run's model for elsewhere: ONNX, with what one has to know of it inside.

Keras writes it, on the PyTorch backend: a saved model is of Keras' own layers, and so of any
backend. What it wrote is run by ONNX Runtime before the file appears, and must say what Keras says.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.errors import MissingExtraError, MnistlabError, OptionError
from mnistlab.files import atomic_file
from mnistlab.models.backend import use_backend
from mnistlab.training.runs import Run

NEEDED = ("torch", "onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4
PREPROCESSING = (
    "uint8 (n, 28, 28), ink 255 on 0, one digit as MNIST made its own: tight box, padded to a "
    "square, area-averaged to 20x20, centre of mass on pixel index 14"
)


def export_onnx(run: Run, target: Path) -> float:
    """Write the model of a finished run as `target`; give how far it is from Keras at most.

    The input is `images`, uint8 (n, 28, 28); the output `probabilities`, float32 (n, classes).

    Raises OptionError where the target is not named .onnx or exists, MissingExtraError, RunError
    where the model cannot be used, MnistlabError where the two differ by more than 1e-4.
    """
    if target.suffix != ".onnx":
        raise OptionError(f"{target}: the name of an ONNX file ends in .onnx")
    if target.exists():
        raise OptionError(f"{target} exists already and is left as it is")
    run.checked_model()
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise MissingExtraError("export to ONNX", "onnx")
    use_backend("torch")
    from mnistlab.training.train import load_model

    model = load_model(run)
    images = np.random.default_rng(0).integers(0, 256, (16, 28, 28), np.uint8)
    expected = model.predict(images, verbose=0)
    with atomic_file(target) as temporary:
        _export(model, temporary)
        _describe(temporary, run)
        difference = float(np.abs(_outputs(temporary, images) - expected).max())
        if not difference <= TOLERANCE:
            raise MnistlabError(f"the exported model differs from Keras' by {difference:.1e}")
    return difference


def _export(model: Any, path: Path) -> None:
    """Let Keras and PyTorch write, without their remarks."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            model.export(path, format="onnx", verbose=False)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever PyTorch makes of a model's layers
            raise MnistlabError(f"Keras cannot export this model: {error!s:.200}") from None


def _describe(path: Path, run: Run) -> None:
    """Name the input and the output, and put into the file what it is."""
    import onnx

    model = onnx.load(path)
    names = {model.graph.input[0].name: "images", model.graph.output[0].name: "probabilities"}
    for node in model.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(end, end) for end in ends]
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    metrics = run.document("metrics.json")
    about = {
        "classes": json.dumps(metrics["class_names"]),
        "preprocessing": PREPROCESSING,
        "keras_sha256": metrics["model"]["sha256"],
        "command": run.document("settings.json")["command"],
    }
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _outputs(path: Path, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["probabilities"], {"images": images})
    return np.asarray(outputs)
