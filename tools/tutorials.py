"""The tutorials: `python -m tools.tutorials` executes them from top to bottom, warnings as errors.

Each is a pair: `tutorials/NAME.py`, which people edit, and `tutorials/NAME.ipynb`, the same cells
with their outputs. Without options both are executed and the outputs thrown away; `--write` keeps
them. `--check` executes nothing: the cells must be those of the text, executed in order without an
error, and every number in the prose must stand in a cell above it or in what that cell shows.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jupytext
import nbclient
import nbformat

from mnistlab.files import write_atomic
from tools.pages import ROOT

FOLDER = ROOT / "tutorials"
NAMES = ("part_one", "part_two")
ERRORS = (
    "import warnings; warnings.simplefilter('error'); "
    # As in pyproject.toml: Keras' own; and ipykernel's own, when it ends.
    "warnings.filterwarnings('ignore', message='__array__ implementation'); "
    "warnings.filterwarnings('ignore', message='For consistency across implementations')"
)
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
NO_PROSE = re.compile(r"\[[^\]]*\]\([^)]*\)|https?://\S+|`[^`]*`")
"""Links and code in prose: their numbers are no claims."""

Notebook = Any


def text_of(name: str) -> Notebook:
    """Read the text form as a notebook without outputs."""
    return jupytext.read(FOLDER / f"{name}.py")


def stored(name: str) -> Notebook:
    """Read the notebook as it is stored."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def executed(name: str) -> Notebook:
    """Execute the text form in an empty folder. Raises CellExecutionError."""
    notebook = text_of(name)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{number}".replace("_", "-")  # or else every execution makes new ones
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=[f"--IPKernelApp.exec_lines={ERRORS}"],
            record_timing=False,
        )
        client.execute()
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def complaints(text: Notebook, notebook: Notebook) -> Iterator[str]:
    """Say what of a stored notebook does not agree with its text, or with itself."""
    if [(c.cell_type, c.source) for c in text.cells] != [
        (c.cell_type, c.source) for c in notebook.cells
    ]:
        yield "its cells are not those of the text: run `make tutorials WRITE=--write`"
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in codes] != list(range(1, len(codes) + 1)):
        yield "its cells were not executed once each, from top to bottom"
    for cell in codes:
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"a cell complains: {str(output)[:200]}"
    yield from unbacked_numbers(notebook)


def unbacked_numbers(notebook: Notebook) -> Iterator[str]:
    """Name the numbers in prose that no cell above them has."""
    above: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            above |= numbers(cell.source + "".join(map(shown, cell.outputs)))
            continue
        for number in sorted(numbers(NO_PROSE.sub("", cell.source)) - above):
            yield f"no cell above shows the {number} of: {cell.source[:60]!r}"


def numbers(text: str) -> set[str]:
    """Find the numbers in a text.

    >>> sorted(numbers("28 × 28, 60,000 of 97.5 %."))
    ['28', '60000', '97.5']
    """
    return {found.replace(",", "") for found in NUMBER.findall(text)}


def shown(output: Any) -> str:
    """Give the text of an output."""
    data = output.get("data", {})
    return output.get("text", "") + "".join(
        str(value) for kind, value in data.items() if kind.startswith("text/")
    )


def main() -> int:
    """Execute, write or check; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.tutorials", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="keep the outputs in the notebooks")
    action.add_argument("--check", action="store_true", help="execute nothing; look for stale ones")
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "jax"
    get = stored if options.check else executed
    wrong, begun = 0, time.perf_counter()
    # Side by side, but where outputs are kept: they say how long a training took.
    with ThreadPoolExecutor(1 if options.write else len(options.names)) as pool:
        notebooks = pool.map(get, options.names)
    for name, notebook in zip(options.names, notebooks, strict=True):
        if options.write:
            write_atomic(FOLDER / f"{name}.ipynb", nbformat.writes(notebook) + "\n")
        found = list(complaints(text_of(name), notebook))
        wrong += len(found)
        for each in found:
            print(f"tutorials/{name}.ipynb: {each}", file=sys.stderr)
    if not options.check:
        print(f"executed {', '.join(options.names)} in {time.perf_counter() - begun:.0f} s")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
