"""`mnistlab export`: a run's model for elsewhere."""

from __future__ import annotations

from pathlib import Path

import typer

from mnistlab.cli.console import print_json, say


def export(
    run: Path = typer.Argument(help="A run's folder."),
    file: Path = typer.Argument(help="The file to write, FILE.onnx."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Write a saved run's model as ONNX: raw uint8 images in, probabilities out.

    Its results are held against Keras' before the file appears.

    Example: mnistlab export runs/mnist-mlp-20260101-120000 digits.onnx
    """
    from mnistlab.training.export import export_onnx
    from mnistlab.training.runs import Run

    difference = export_onnx(Run.open(run), file)
    if json:
        print_json({"run": str(run), "file": str(file), "greatest_difference": difference})
    else:
        say(f"{file}: {file.stat().st_size:,} bytes; from Keras' probabilities {difference:.0e}")
