"""`mnistlab data`: the data sets on this machine."""

from __future__ import annotations

import typer

from mnistlab.cli.completion import of_setting
from mnistlab.cli.console import download_progress, print_json, results, say

app = typer.Typer(help="The data sets on this machine.", no_args_is_help=True)


@app.command("list")
def list_(
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """List the data sets that have a name.

    Example: mnistlab data list
    """
    from mnistlab.data import catalogue
    from mnistlab.reporting.tables import Table, print_table

    entries = catalogue()
    if json:
        print_json(
            [
                {
                    "name": e.name,
                    "description": e.description,
                    "reference": e.reference,
                    "licence": e.licence,
                    "train": e.n_train,
                    "test": e.n_test,
                    "cached": e.cached,
                    "folder": str(e.folder),
                }
                for e in entries
            ]
        )
        return
    rows = tuple(
        (e.name, f"{e.n_train:,}", f"{e.n_test:,}", "yes" if e.cached else "no", e.description)
        for e in entries
    )
    print_table(Table("data sets", ("name", "train", "test", "here", "what"), rows), results())
    for entry in entries:
        say(f"{entry.name}: {entry.reference}; {entry.licence}")


@app.command("get")
def get(
    name: str = typer.Argument(
        help="mnist or fashion-mnist.", autocompletion=of_setting("dataset")
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Fetch a data set into the cache, unless it is there; check it by its digests.

    Example: mnistlab data get fashion-mnist
    """
    from mnistlab.data import fetch

    with download_progress() as progress:
        folder = fetch(name, progress)
    print_json({"name": name, "folder": str(folder)}) if json else print(folder)


@app.command("verify")
def verify(
    name: str = typer.Argument(
        help="mnist or fashion-mnist.", autocompletion=of_setting("dataset")
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Check the cached files of a data set by their SHA-256; exit code 1 if one is not right.

    Example: mnistlab data verify mnist
    """
    from mnistlab.data import verify as check

    files = check(name)
    if json:
        print_json({"name": name, "files": dict(files)})
    else:
        for file, status in files:
            print(f"{file}: {status}")
    if any(status != "ok" for _, status in files):
        say(f"mend it with: mnistlab data get {name}")
        raise typer.Exit(1)
