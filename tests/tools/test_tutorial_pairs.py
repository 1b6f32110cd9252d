"""The check of stored notebooks, on small ones, and on the tutorials themselves."""

from __future__ import annotations

import copy

import pytest

pytest.importorskip("jupytext")

import nbformat.v4 as v4

from tools import tutorials


@pytest.fixture
def notebook():
    """Prose, a cell that prints 97.5 of 60,000, prose about it."""
    output = v4.new_output("stream", text="97.5 % of 60000\n")
    cells = [
        v4.new_markdown_cell("# Look"),
        v4.new_code_cell("print(x)", execution_count=1, outputs=[output]),
        v4.new_markdown_cell("Of 60,000 are 97.5 % right."),
    ]
    return v4.new_notebook(cells=cells)


def test_a_notebook_that_agrees_with_its_text(notebook):
    assert list(tutorials.complaints(notebook, notebook)) == []


@pytest.mark.parametrize(
    ("cell", "changes", "found"),
    [
        (2, {"source": "Of 60,000 are 97.6 % right."}, "no cell above shows the 97.6"),
        (0, {"source": "97.5 % come before their cell"}, "no cell above shows the 97.5"),
        (1, {"execution_count": 2}, "not executed once each"),
        (1, {"outputs": [v4.new_output("stream", name="stderr", text="Warning")]}, "complains"),
        (1, {"outputs": [v4.new_output("error", ename="E", evalue="", traceback=[])]}, "complains"),
    ],
)
def test_what_does_not_agree_is_found(notebook, cell, changes, found):
    notebook.cells[cell].update(changes)
    assert found in "\n".join(tutorials.complaints(notebook, notebook))


def test_cells_that_are_not_those_of_the_text_are_found(notebook):
    text = copy.deepcopy(notebook)
    text.cells[1].source = "print(y)"
    assert "not those of the text" in next(tutorials.complaints(text, notebook))


def test_links_and_code_are_no_claims():
    cells = [v4.new_markdown_cell("[arXiv:1412.6980](https://arxiv.org/abs/1412.6980), `x[7]`")]
    assert list(tutorials.unbacked_numbers(v4.new_notebook(cells=cells))) == []


@pytest.mark.parametrize("name", tutorials.NAMES)
def test_the_stored_tutorials_are_those_of_their_texts(name):
    assert list(tutorials.complaints(tutorials.text_of(name), tutorials.stored(name))) == []


@pytest.mark.parametrize("name", tutorials.NAMES)
def test_a_tutorial_is_small_and_has_pictures(name):
    path = tutorials.FOLDER / f"{name}.ipynb"
    outputs = [o for cell in tutorials.stored(name).cells for o in cell.get("outputs", ())]
    assert path.stat().st_size < 1_000_000
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 5
