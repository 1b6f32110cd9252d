"""Imports go one way: errors, files ← data, models ← training ← evaluation ← reporting ← cli."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import mnistlab

ROOT = Path(mnistlab.__file__).parent

LAYERS = (
    ("errors", "files"),
    ("data", "models"),
    ("training",),
    ("evaluation",),
    ("comparing",),
    ("reporting",),
    ("reading",),
    ("web", "study"),
    ("cli",),
)
"""Lowest first. Packages of one layer do not import each other, but for files, which use errors."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {"keras", "jax", "tensorflow", "torch"}
LIGHT = (
    "errors",
    "files",
    "data",
    "cli",
    "reading",
    "reporting",
    "web",
    "evaluation.scores",
    "comparing.batches",
    "comparing.plan",
    "comparing.own",
    "comparing.question",
    "comparing.ray_worker",
    "comparing.results",
    "comparing.start",
    "comparing.statistics",
    "comparing.store",
    "comparing.study",
    "study",
    "training.runs",
    "training.settings",
    "training.shipped",
    "training.environment",
    "models.spec",
    "models.functions",
    "models.backend",
)
"""These import no framework at module level, nor does anything that they import there."""


class Import(NamedTuple):
    """One import: what it names, and whether it runs when the module is imported."""

    target: str
    at_import: bool


Graph = Mapping[str, list[Import]]
"""Module, as in `training.runs`, to its imports; ours without the package's name."""


def imports_of(source: str, module: str) -> list[Import]:
    """List the imports of a module's source; those for the type checker alone are left out."""
    return list(_walk(ast.parse(source), module, at_import=True))


def _walk(node: ast.AST, module: str, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _walk(other, module, at_import)
        elif isinstance(child, ast.Import):
            yield from (Import(_ours(alias.name), at_import) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module} imports relatively"
            for alias in child.names:
                yield Import(_ours(f"{child.module}.{alias.name}"), at_import)
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, module, at_import and not lazy)


def _ours(name: str) -> str:
    return ":" + name.removeprefix("mnistlab").removeprefix(".") if _is_ours(name) else name


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "mnistlab"


def read_graph() -> dict[str, list[Import]]:
    graph = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        graph[module] = imports_of(path.read_text(encoding="utf-8"), module)
    return graph


def wrong_imports(graph: Graph) -> list[str]:
    """Name every import that goes up or sideways, from any place in a module."""
    wrong = []
    for module, imports in graph.items():
        package = module.partition(".")[0]
        if package not in LEVEL:  # mnistlab itself and __main__ may open any door
            continue
        for target, _ in imports:
            other = target[1:].partition(".")[0]
            if not target.startswith(":") or other not in LEVEL or other == package:
                continue
            if LEVEL[other] >= LEVEL[package] and (package, other) != ("files", "errors"):
                wrong.append(f"{module} imports {target[1:]}")
    return wrong


def heavy_imports(graph: Graph) -> list[str]:
    """Name every light module that loads a framework when it is imported, and by what way."""
    return [
        f"{module} loads {way}"
        for module in graph
        if any(module == light or module.startswith(f"{light}.") for light in LIGHT)
        for way in _ways(graph, module, frozenset())
    ]


def _ways(graph: Graph, module: str, seen: frozenset[str]) -> Iterator[str]:
    for target, at_import in graph[module]:
        if not at_import:
            continue
        if target.partition(".")[0] in HEAVY:
            yield f"{module} → {target}"
        inner = _module_of(graph, target)
        if inner is not None and inner not in seen:
            yield from (f"{module} → {way}" for way in _ways(graph, inner, seen | {module}))


def _module_of(graph: Graph, target: str) -> str | None:
    """Find the module of `:training.runs.Run`; the packages above it are near empty."""
    name = target[1:] if target.startswith(":") else "?"
    while name and name not in graph:
        name = name.rpartition(".")[0]
    return name or None


@pytest.fixture(scope="module")
def graph() -> dict[str, list[Import]]:
    return read_graph()


def test_all_packages_have_a_layer(graph: Graph) -> None:
    packages = {module.partition(".")[0] for module in graph} - {"", "__main__"}
    assert packages <= set(LEVEL)
    assert len(graph) > 30


def test_imports_go_one_way(graph: Graph) -> None:
    assert wrong_imports(graph) == []


def test_light_modules_load_no_framework(graph: Graph) -> None:
    assert heavy_imports(graph) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("data.turned", "from mnistlab.training import runs"),
        ("data.turned", "def f():\n    from mnistlab.training.runs import Run"),
        ("data.turned", "import mnistlab.models.zoo"),
        ("models.turned", "from mnistlab.data import load"),
        ("training.turned", "if True:\n    from mnistlab.evaluation import scores"),
        ("reporting.turned", "from mnistlab import cli"),
        ("files", "from mnistlab.data import idx"),
        ("errors", "from mnistlab import files"),
    ],
)
def test_an_import_turned_round_is_found(graph: Graph, module: str, source: str) -> None:
    turned = {**graph, module: imports_of(source, module)}
    assert len(wrong_imports(turned)) == len(wrong_imports(graph)) + 1


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("data.turned", "import keras", True),
        ("data.turned", "from jax import numpy", True),
        ("reporting.turned", "from mnistlab.evaluation.testing import samples", True),
        ("data.turned", "def f():\n    import keras", False),
        ("data.turned", "if TYPE_CHECKING:\n    import keras", False),
        ("data.turned", "class A:\n    import torch", True),
        ("training.turned", "import keras", False),
    ],
)
def test_a_framework_in_a_light_module_is_found(
    graph: Graph, module: str, source: str, found: bool
) -> None:
    turned = {**graph, module: imports_of(source, module)}
    assert bool(heavy_imports(turned)) is found


@pytest.mark.parametrize(
    "statement",
    [
        "import mnistlab",
        "import mnistlab.data, mnistlab.training.settings, mnistlab.training.runs",
        "import mnistlab.cli.app",
        "from mnistlab.cli.app import run; run(['--help'])",
        "from mnistlab.cli.app import run; run(['train', '--help'])",
        "from mnistlab.cli.app import run; run(['train', '--optimizer', 'adm'])",
    ],
)
def test_nothing_heavy_is_loaded_early(statement: str) -> None:
    heavy = "keras jax tensorflow torch matplotlib scipy PIL starlette uvicorn pydantic"
    check = f"import sys; print('LOADED', [n for n in '{heavy}'.split() if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{check}"], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["LOADED []"], done.stderr
