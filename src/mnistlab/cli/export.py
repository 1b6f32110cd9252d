"""`mnistlab export`: a run's model for elsewhere."""

from __future__ import annotations

from pathlib import Path

import typer

from mnistlab.cli.console import print_json, say


def export(
    run: Path = typer.Argument(help="A run's folder."),
    file: Path = typer.Argument(
        help="What to write: FILE.onnx, .pt2 (PyTorch), .tflite (LiteRT), .xml (OpenVINO), "
        "or the folder of a SavedModel."
    ),
    format_: str | None = typer.Option(
        None,
        "--format",
        help="onnx, torch, litert, openvino or tf_saved_model; without it, what the name ends in.",
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Write a saved run's model for elsewhere: raw uint8 images in, probabilities out.

    Its results are held against Keras' before the file appears.

    Example: mnistlab export runs/mnist-mlp-20260101-120000 digits.onnx
    """
    from mnistlab.training.export import export_model
    from mnistlab.training.runs import Run

    difference = export_model(Run.open(run), file, format_)
    if json:
        print_json({"run": str(run), "file": str(file), "greatest_difference": difference})
    else:
        size = sum(each.stat().st_size for each in (file, *file.rglob("*")) if each.is_file())
        say(f"{file}: {size:,} bytes; from Keras' probabilities {difference:.0e}")
