"""`mnistlab read`: handwritten digits in pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mnistlab.cli.console import print_json, say
from mnistlab.errors import DataError, InputError
from mnistlab.files import storage_errors

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
    from mnistlab.data.pictures import decode
    from mnistlab.reading.read import LARGEST, read_pixels

    named = list(_pictures(files))
    targets = _targets(named, annotate) if annotate else {}
    found: list[tuple[str, Reading]] = []
    for name in named:
        try:
            pixels, factor = decode(sys.stdin.buffer.read() if name == STDIN else name, LARGEST)
        except DataError as error:
            say(f"mnistlab: {error}")
            continue
        reading = read_pixels(pixels, factor)
        found.append((name, reading))
        if not json:
            _print(name, reading, alone=len(named) == 1)
        if targets:
            from mnistlab.reading.annotate import annotated

            annotated(pixels, factor, reading, targets[name])
            say(f"{name}: drawn on {targets[name]}")
    if json:
        print_json([{"file": name, **reading.to_json()} for name, reading in found])
    if len(found) < len(named):
        raise typer.Exit(DataError.exit_code)


def _pictures(names: list[str]) -> Iterator[str]:
    """Give the files that are named, and those in folders that are named, in order."""
    from mnistlab.data.pictures import SUFFIXES, pictures_in

    for name in names:
        path = Path(name)
        if name == STDIN or path.is_file():
            yield name
        elif path.is_dir():
            inside = pictures_in(path)
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


def _targets(names: list[str], folder: Path) -> dict[str, Path]:
    """Say where each picture's copy goes. Raises InputError where something else would be lost."""
    stems = ["stdin" if name == STDIN else Path(name).name for name in names]
    targets = {
        name: folder / f"{stem}.annotated.png" for name, stem in zip(names, stems, strict=True)
    }
    if twice := [stem for stem in stems if stems.count(stem) > 1]:
        raise InputError(f"several pictures are called {twice[0]}; annotate them one by one")
    if taken := [target for target in targets.values() if target.exists()]:
        raise InputError(f"{taken[0]} exists already and is left; choose another --annotate")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return targets
