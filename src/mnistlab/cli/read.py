"""`mnistlab read`: handwritten digits in pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli.console import print_json, say
from mnistlab.errors import DataError, InputError, MnistlabError

if TYPE_CHECKING:
    from mnistlab.reading.read import Reading

STDIN = "-"


def read(
    files: list[str] = typer.Argument(help="Pictures, folders of pictures, or - for stdin."),
    annotate: Path | None = typer.Option(
        None, help="Folder for copies of the pictures with what was read drawn on them."
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Read handwritten digits: a line of text for each line of digits, ? for what is not sure.

    Example: mnistlab read photo.jpg
    """
    from mnistlab.reading.read import read as read_picture

    found: list[tuple[str, Reading]] = []
    failed: list[MnistlabError] = []
    named = list(_pictures(files))
    for name in named:
        try:
            source: Any = sys.stdin.buffer.read() if name == STDIN else Path(name)
            found.append((name, read_picture(source)))
        except DataError as error:
            failed.append(error)
            say(f"mnistlab: {error}")
            continue
        if not json:
            _print(*found[-1], alone=len(named) == 1)
        if annotate is not None:
            _annotate(source, *found[-1], annotate)
    if json:
        print_json([{"file": name, **reading.to_json()} for name, reading in found])
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _pictures(names: list[str]) -> Iterator[str]:
    """Give the files that are named, and those in folders that are named, in order."""
    from mnistlab.data.pictures import SUFFIXES

    for name in names:
        path = Path(name)
        if name == STDIN or path.is_file():
            yield name
        elif path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES)
            if not inside:
                raise InputError(f"{name}: no pictures in it ({', '.join(sorted(SUFFIXES))})")
            yield from map(str, inside)
        else:
            raise InputError(f"{name} does not exist; give pictures, folders, or - for stdin")


def _print(name: str, reading: Reading, alone: bool) -> None:
    if not alone:
        say(f"{name}:")
    if reading.text:
        print(reading.text)
    else:
        say(f"{name}: no digits found")
    for warning in reading.warnings:
        say(f"{name}: {warning}")


def _annotate(source: Any, name: str, reading: Reading, folder: Path) -> None:
    from mnistlab.reading.annotate import annotated

    folder.mkdir(parents=True, exist_ok=True)
    stem = "stdin" if name == STDIN else Path(name).name
    target = folder / f"{stem}.annotated.png"
    annotated(source, reading, target)
    say(f"{name}: drawn on {target}")
