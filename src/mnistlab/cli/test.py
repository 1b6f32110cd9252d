"""`mnistlab test`: a saved run on the test split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mnistlab.cli.console import print_json, results, say

if TYPE_CHECKING:
    from mnistlab.data import Dataset
    from mnistlab.evaluation.scores import Scores


def test(
    run: Path = typer.Argument(help="A run's folder."),
    out: Path | None = typer.Option(None, help="Where the pictures go; RUN/figures if not given."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Score a saved run on the test split: accuracy, per class, confusion, worst mistakes.

    Example: mnistlab test runs/mnist-mlp-20260101-120000
    """
    from mnistlab.cli.train import load_dataset, start_keras
    from mnistlab.training.runs import Run

    opened = Run.open(run)
    opened.checked_model()
    settings = opened.settings
    dataset, _ = load_dataset(settings)
    opened.check_data(dataset.digest)
    start_keras(settings)
    from mnistlab.evaluation.testing import score_model
    from mnistlab.training.train import load_trained

    model = load_trained(opened)
    scores = score_model(model, dataset, settings.loss, settings.last_activation)
    folder = out or opened.path / "figures"
    _draw(scores, dataset, folder)
    if json:
        print_json({"run": str(opened.path), "dataset": settings.dataset, "test": scores.to_json()})
    else:
        _print(scores)
    say(f"pictures: {folder}")


def _print(scores: Scores) -> None:
    from mnistlab.reporting import tables

    console = results()
    for table in (
        tables.run_table(scores, {}),
        tables.class_table(scores),
        tables.confusion_table(scores),
    ):
        tables.print_table(table, console)


def _draw(scores: Scores, dataset: Dataset, folder: Path) -> None:
    from mnistlab.evaluation.testing import mistake_images
    from mnistlab.files import storage_errors, write_atomic
    from mnistlab.reporting import figures
    from mnistlab.reporting.calibration_figure import calibration

    names = dataset.class_names
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, png in {
        "confusion-matrix": figures.confusion_matrix(scores.confusion, names),
        "worst-mistakes": figures.mistakes(mistake_images(dataset, scores), scores.mistakes, names),
        "calibration": calibration(scores.calibration, scores.expected_calibration_error),
    }.items():
        write_atomic(folder / f"{name}.png", png)
