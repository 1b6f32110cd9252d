"""Narrow terminals, pipes, encodings without `±`: every command that prints can be read there."""

from __future__ import annotations

import pytest

from mnistlab.cli import _plainly

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
PRINTING = [
    ["show", "0"],
    ["show"],
    ["list", "optimizers"],
    ["list", "losses", "mean_squared_error"],
    ["data", "list"],
    ["train", "--help"],
    ["train", "--optimizer", "adm"],
    ["test", "RUN"],
    ["report", "RUN"],
]


@pytest.mark.parametrize(
    ("text", "plain"),
    [("±", "+-"), ("0.1 − 0.2", "0.1 - 0.2"), ("naïve", "naive"), ("…", "..."), ("m²", "m2"),
     ("→ ≈", "-> ?"), ("\udcff", "\udcff")],
)  # fmt: skip
def test_signs_that_ascii_lacks(text, plain):
    import codecs

    codecs.register_error("mnistlab-test", _plainly)
    assert text.encode("ascii", "mnistlab-test") == plain.encode("ascii", "surrogateescape")


@pytest.mark.slow
@pytest.mark.parametrize("env", [ASCII, PLAIN], ids=["C locale", "ascii"])
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_an_encoding_without_signs(command, glyphs, run_folder, words, env):
    words = [str(run_folder) if word == "RUN" else word for word in words]
    given = ["--dataset", str(glyphs)] if words[0] == "show" else []
    done = command(*words, *given, **env)
    assert done.returncode == (2 if "adm" in words else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stdout + done.stderr).isascii()
    assert "\\x" not in done.stdout + done.stderr
    assert "?" not in done.stdout.replace("mnistlab show ?", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [each for each in PRINTING if each != ["show", "0"]],  # an array is as wide as NumPy makes it
    ids=" ".join,
)
def test_forty_columns(command, glyphs, run_folder, words):
    words = [str(run_folder) if word == "RUN" else word for word in words]
    given = ["--dataset", str(glyphs)] if words[0] == "show" else []
    done = command(*words, *given, COLUMNS="40", NO_COLOR="1")
    assert "…" not in done.stdout or "--help" in words
    lines = [line for line in done.stdout.splitlines() if str(run_folder) not in line]
    tables = "─" in done.stdout  # wider where their numbers need it: none is cut off
    assert max(map(len, lines), default=0) <= (70 if tables else 40)
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_path_of_windows_names_a_model_of_ones_own():
    from mnistlab.training.settings import TrainSettings

    assert TrainSettings(model=r"C:\me\models.py:build").model_name == "build"
