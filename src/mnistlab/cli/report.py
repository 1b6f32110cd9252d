"""`mnistlab report`: draw the report of a run or a study again from its records."""

from __future__ import annotations

from pathlib import Path

import typer

from mnistlab.cli.console import print_json
from mnistlab.errors import InputError


def report(
    path: Path = typer.Argument(help="The folder of a run or of a study."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Draw the figures and the page of a run or a study again, from its records alone.

    Example: mnistlab report runs/mnist-mlp-20260101-120000
    """
    if not any((path / name).is_file() for name in ("study.sqlite", "settings.json")):
        found = "does not exist"
        if path.exists():
            found = "is not a run nor a study (it has no settings.json and no study.sqlite)"
        raise InputError(f"{path} {found}; give a folder of `mnistlab train` or `compare`")
    page = _study_page(path) if (path / "study.sqlite").exists() else _run_page(path)
    print_json({"report": str(page)}) if json else print(page)


def _run_page(path: Path) -> Path:
    from mnistlab.reporting.run_report import write_report
    from mnistlab.training.runs import Run

    return write_report(Run.open(path))


def _study_page(path: Path) -> Path:
    from mnistlab.study import open_study

    return open_study(path.absolute()).report()
