"""`mnistlab list`: what can be named, without Keras."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mnistlab.cli.list import KINDS
from mnistlab.data import catalogue
from mnistlab.models import functions

NAMES = {
    "optimizers": list(functions.OPTIMIZERS),
    "losses": list(functions.LOSSES),
    "activations": list(functions.ACTIVATIONS),
    "models": list(functions.MODELS),
    "normalizations": list(functions.NORMALIZATIONS),
    "datasets": [entry.name for entry in catalogue()],
}


def test_these_are_the_kinds():
    assert set(KINDS) == set(NAMES)


@pytest.mark.parametrize("kind", NAMES)
def test_a_table_of_80_columns_names_them_all(inside, monkeypatch, kind):
    monkeypatch.setenv("COLUMNS", "80")
    done = inside("list", kind)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    first = [line.split(" ")[0] for line in lines[2:]]
    assert [word for word in first if word] == NAMES[kind]


def test_without_a_kind_all_are_named(inside):
    assert json.loads(inside("list", "--json").out) == NAMES
    lines = inside("list").out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(KINDS)
    assert all(name in lines[0] for name in NAMES["optimizers"])


def test_traps_and_refusals_are_marked(inside, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = inside("list", "activations").out.splitlines()
    marks = {line.split()[0]: line.split()[-1] for line in lines[2:] if line[0] != " "}
    for name, choice in functions.ACTIVATIONS.items():
        mark = "refused" if choice.refused else "trap" if choice.trap else None
        assert (marks[name] if marks[name] in ("trap", "refused") else None) == mark


def test_narrow_terminals_lose_no_name(inside, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    done = inside("list", "losses")
    assert max(map(len, done.out.splitlines())) <= 40
    assert "…" not in done.out


@pytest.mark.parametrize("kind", NAMES)
def test_json_is_a_list_of_objects(inside, kind):
    done = inside("list", kind, "--json")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out, parse_constant=pytest.fail)
    assert [each["name"] for each in document] == NAMES[kind]
    for each in document:
        assert {"name", "what", "reference", "trap", "refused"} <= set(each)


def test_one_optimizer_in_full(inside):
    done = inside("list", "optimizers", "adamw")
    text = " ".join(done.out.split())
    assert "keras.optimizers.AdamW" in text
    assert "0.001 in Keras; try 3e-05 to 0.03" in text
    assert "fair start weight_decay=0.0" in text
    assert "https://arxiv.org/abs/1711.05101" in text
    assert "decays weights" in text
    one = json.loads(inside("list", "optimizers", "adamw", "--json").out)
    assert [each["name"] for each in one] == ["adamw"]
    assert one[0]["fair"] == {"weight_decay": 0.0}
    assert one[0]["rates"] == list(functions.OPTIMIZERS["adamw"].rates)


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("losses", "hinge", "last layer linear (the first"),
        ("losses", "binary_crossentropy", "from_logits=True"),
        ("losses", "ctc", "refused it aligns sequences"),
        ("activations", "selu", "initializer lecun_normal"),
        ("normalizations", "columns", "keras.utils.normalize(x, axis=1)"),
        ("models", "mlp", "Dense 128 twice"),
        ("datasets", "fashion-mnist", "60,000 to train, 10,000 to test"),
    ],
)
def test_one_in_full(inside, kind, name, says):
    done = inside("list", kind, name)
    assert done.code == 0, done.err
    assert says in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("optimizer",), "did you mean 'optimizers'"),
        (("optimizers", "adm"), "unknown optimizer 'adm'; did you mean 'adam'"),
        (("losses", "hing"), "unknown loss 'hing'; did you mean 'hinge'"),
        (("datasets", "mnits"), "did you mean 'mnist'"),
        (("optimizers", "adam", "sgd"), "sgd"),
    ],
)
def test_wrong_use_is_exit_2_and_a_line(inside, words, says):
    done = inside("list", *words)
    assert done.code == 2
    assert done.out == ""
    assert says in done.err.lower()
    assert len(done.err.splitlines()) == 1


def test_neither_keras_nor_jax_is_loaded(tmp_path):
    code = """
import sys
from mnistlab.cli.app import run
for words in (["list", "optimizers"], ["list", "losses", "hinge"], ["list", "datasets", "--json"]):
    assert run(words) == 0
print({"keras", "jax", "tensorflow", "torch"} & {name.partition(".")[0] for name in sys.modules})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("kind", ["activations", "optimizers"])
def test_a_terminal_of_ascii(command, kind):
    done = command("list", kind, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
