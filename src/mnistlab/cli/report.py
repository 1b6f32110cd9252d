"""`mnistlab report`: draw the report of a run again from its records."""

from __future__ import annotations

from pathlib import Path

import typer

from mnistlab.cli.console import print_json


def report(
    path: Path = typer.Argument(help="A run's folder."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Draw the figures and the page of a run again, from its records alone.

    Example: mnistlab report runs/mnist-mlp-20260101-120000
    """
    from mnistlab.reporting.run_report import write_report
    from mnistlab.training.runs import Run

    page = write_report(Run.open(path))
    print_json({"report": str(page)}) if json else print(page)
