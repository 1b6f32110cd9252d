"""`mnistlab read`: handwritten digits in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli import pictures
from mnistlab.cli.console import print_json, say, shown
from mnistlab.errors import DataError

if TYPE_CHECKING:
    from mnistlab.reading.explain import Explained
    from mnistlab.reading.read import Reading

MOST_EXPLAINED = 200


# Long for its options, each with its help; what it does is in the functions that it calls.
def read(
    files: list[str] = typer.Argument(
        help='Pictures, PDFs, folders of them, patterns like "scans/*.png", or - for stdin.'
    ),
    annotate: Path | None = typer.Option(
        None, help="Folder for copies of the pictures with what was read drawn on them."
    ),
    explain: bool = typer.Option(
        False,
        "--explain",
        help="Show of each digit what the network saw, what speaks for it, what else it may be.",
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Read handwritten digits: a line of text for each line of digits, ? for what is not sure.

    Example: mnistlab read photo.jpg
    """
    from mnistlab.cli.explain import show
    from mnistlab.reading.read import read_pixels

    names = pictures.named(files)
    if annotate:
        pictures.check_copies(names, annotate)
    results: list[dict[str, Any]] = []
    failed = False
    for name in names:
        try:
            for sheet in pictures.sheets(name):
                reading = read_pixels(sheet.pixels, sheet.factor)
                wanted = explain and (annotate or not json)
                details = _explained(sheet.label, reading) if wanted else []
                if json:
                    results.append({"file": sheet.label, **_document(reading, explain)})
                else:
                    _print(sheet.label, reading, alone=sheet.alone and len(names) == 1)
                    show(sheet.label, details)
                if annotate:
                    _draw(name, sheet, reading, details, annotate)
        except DataError as error:
            say(f"mnistlab: {error}")
            failed = True
    if json:
        print_json(results)
    if failed:
        raise typer.Exit(DataError.exit_code)


def _explained(label: str, reading: Reading) -> list[Explained]:
    """Explain the digits, but not of more than one can look at."""
    from mnistlab.reading.explain import explained

    total = len(reading.digits)
    if total > MOST_EXPLAINED:
        say(f"{label}: {total} digits, of which the first {MOST_EXPLAINED} are explained")
    return explained(reading.digits[:MOST_EXPLAINED])


def _document(reading: Reading, explain: bool) -> dict[str, Any]:
    """Give what --json prints of one picture; explained, all of its digits are."""
    document = reading.to_json()
    if explain:
        from mnistlab.reading.explain import explanation

        for entry, digit in zip(document["digits"], reading.digits, strict=True):
            entry.update(explanation(digit))
    return document


def _print(name: str, reading: Reading, alone: bool) -> None:
    if not alone:
        print(f"{shown(name).replace(chr(10), '?')}:", flush=True)
    if reading.text:
        print(reading.text, flush=True)
    else:
        say(f"{name}: no digits found")
    for warning in reading.warnings:
        say(f"{name}: {warning}")


def _draw(
    name: str, sheet: pictures.Sheet, reading: Reading, details: list[Explained], folder: Path
) -> None:
    """Leave the annotated copy and, where there is something explained, the sheet of that."""
    from mnistlab.reading.annotate import annotated

    target = pictures.copy_path(name, sheet, folder, "annotated")
    annotated(sheet.pixels, sheet.factor, reading, target, numbered=bool(details))
    say(f"{sheet.label}: drawn on {target}")
    if details:
        from mnistlab.reading.sheet import save_sheet

        target = pictures.copy_path(name, sheet, folder, "explained")
        save_sheet(sheet.label, details, len(reading.digits), target)
        say(f"{sheet.label}: explained on {target}")
