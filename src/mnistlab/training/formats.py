"""The formats in which Keras exports a model: how each is written, described and run again.

Keras writes each on the backend that it does best on: a saved model is of Keras' own layers, and
so of any backend. Raw uint8 images (n, 28, 28) go in, probabilities (n, classes) come out.

ONNX         by PyTorch; input `images`, output `probabilities`; described in its metadata
torch        torch.export's program; one argument; described in its extra file mnistlab.json
SavedModel   a folder; signature `serving_default`: `images` → `output_0`; described in its
             assets.extra/mnistlab.json
LiteRT       input `images`, output `output_0`; described in mnistlab.json, which is appended as
             a ZIP archive, as TensorFlow Lite's associated files are
OpenVINO     an XML file with its weights in a file beside it, .bin; input `images`, output
             `probabilities`; described in its rt_info

By PyTorch, LiteRT would need litert-torch, which pins versions of much else that is installed, and
OpenVINO fails at ensembles; by JAX, OpenVINO does not know the operation that Keras writes.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
About = dict[str, str]

ABOUT = "mnistlab.json"
LARGEST_BATCH = 1 << 20


@dataclass(frozen=True)
class Format:
    """A format: its file's suffix, "" for a folder; what it needs; `extra` brings that.

    `write` exports a Keras model, `describe` puts in what one has to know, `run` gives what the
    file says of images.
    """

    title: str
    suffix: str
    backend: str
    extra: str
    needed: tuple[str, ...]
    write: Callable[[Any, Path], None]
    describe: Callable[[Path, About], None]
    run: Callable[[Path, U8], F32]

    def files(self, target: Path) -> list[Path]:
        """Give all that is made: the weights of OpenVINO lie in a file of their own."""
        return [target.with_suffix(".bin"), target] if self.suffix == ".xml" else [target]


def _signature() -> list[Any]:
    import keras

    return [keras.InputSpec(shape=(None, 28, 28), dtype="uint8", name="images")]


def _writer(name: str) -> Callable[[Any, Path], None]:
    """Give Keras' own exporter of a format."""

    def write(model: Any, path: Path) -> None:
        model.export(str(path), format=name, verbose=False, input_signature=_signature())

    return write


# ONNX.


def _describe_onnx(path: Path, about: About) -> None:
    """Name the input and the output too."""
    import onnx

    model = onnx.load(path)
    names = {model.graph.input[0].name: "images", model.graph.output[0].name: "probabilities"}
    for node in model.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(end, end) for end in ends]
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _run_onnx(path: Path, images: U8) -> F32:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would report to its makers
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["probabilities"], {"images": images})
    return np.asarray(outputs)


# PyTorch.


def _write_torch(model: Any, path: Path) -> None:
    import torch

    batch = torch.export.Dim("n", min=1, max=LARGEST_BATCH)
    model.export(
        path, format="torch", verbose=False, input_signature=_signature(), dynamic_shapes={0: batch}
    )


def _describe_torch(path: Path, about: About) -> None:
    import torch

    program = torch.export.load(path)
    torch.export.save(program, path, extra_files={ABOUT: json.dumps(about)})


def _run_torch(path: Path, images: U8) -> F32:
    import torch

    with torch.no_grad():
        outputs = torch.export.load(path).module()(torch.from_numpy(images))
    return np.asarray(outputs.cpu().numpy())


# TensorFlow.


def _describe_saved_model(path: Path, about: About) -> None:
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")


def _run_saved_model(path: Path, images: U8) -> F32:
    import tensorflow

    signature = tensorflow.saved_model.load(str(path)).signatures["serving_default"]
    return np.asarray(signature(images=tensorflow.constant(images))["output_0"])


def _describe_litert(path: Path, about: About) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(ABOUT, json.dumps(about))


def _run_litert(path: Path, images: U8) -> F32:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return np.asarray(runner(images=images)["output_0"])


# OpenVINO.


def _describe_openvino(path: Path, about: About) -> None:
    """Name the input and the output too."""
    import openvino

    # Read from memory: what is read from a file stays mapped, and cannot be written.
    weights = openvino.Tensor(np.fromfile(path.with_suffix(".bin"), np.uint8))
    model = openvino.Core().read_model(path.read_bytes(), weights)
    model.inputs[0].get_tensor().set_names({"images"})
    model.outputs[0].get_tensor().set_names({"probabilities"})
    for key, value in about.items():
        model.set_rt_info(value, ["mnistlab", key])
    openvino.serialize(model, str(path))


def _run_openvino(path: Path, images: U8) -> F32:
    import openvino

    # Without this it computes in 16 bits on processors that can, as far off as 0.02.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", exact)
    return np.asarray(compiled({"images": images})["probabilities"])


FORMATS = {
    "onnx": Format(
        "ONNX", ".onnx", "torch", "onnx", ("torch", "onnx", "onnxscript", "onnxruntime"),
        _writer("onnx"), _describe_onnx, _run_onnx,
    ),
    "torch": Format(
        "PyTorch", ".pt2", "torch", "torch", ("torch",),
        _write_torch, _describe_torch, _run_torch,
    ),
    "tf_saved_model": Format(
        "SavedModel", "", "tensorflow", "tensorflow", ("tensorflow",),
        _writer("tf_saved_model"), _describe_saved_model, _run_saved_model,
    ),
    "litert": Format(
        "LiteRT", ".tflite", "tensorflow", "litert", ("tensorflow", "ai_edge_litert"),
        _writer("litert"), _describe_litert, _run_litert,
    ),
    "openvino": Format(
        "OpenVINO", ".xml", "tensorflow", "openvino", ("tensorflow", "openvino"),
        _writer("openvino"), _describe_openvino, _run_openvino,
    ),
}  # fmt: skip
"""By Keras' names for them."""
