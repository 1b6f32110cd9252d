"""The site: `python -m tools.site` puts its sources together in `.site/source` and builds it.

The sources are the pages that are read on GitHub too, in the same places, so that their links hold;
the notebooks with their stored outputs; what `site/` adds; and what is generated here: the modules'
reference, the tables and figures of all benchmark records. Warnings are errors. Then every link
between the built pages is followed, and every public name looked for in the index.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

from benchmarks.results import write_results

import mnistlab
from tools.links import LINK
from tools.pages import ROOT

PLACE = ROOT / ".site"
SOURCE, BUILT = PLACE / "source", PLACE / "html"
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md",
         "benchmarks/records/*.json", "docs/*.md", "docs/images/*",
         "tutorials/*.ipynb")  # fmt: skip
PACKAGES = ("data", "models", "training", "evaluation", "comparing", "study", "reading",
            "reporting", "web", "files")  # fmt: skip

MODULES = """# All modules

In the order of their imports; [how it is built](../docs/architecture.md) says what each package
is for.

```{toctree}
:maxdepth: 2

LIST
```
"""


def main() -> int:
    """Build and check; give the exit code."""
    os.environ["KERAS_BACKEND"] = "jax"  # also of what Sphinx imports
    assemble()
    command = ["sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "-j", "auto"]
    done = subprocess.run([sys.executable, "-m", "sphinx.cmd.build", *command[1:], SOURCE, BUILT])
    if done.returncode:
        return done.returncode
    found = [*dead_links(BUILT), *undocumented(BUILT)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    print(BUILT / "index.html")
    return bool(found)


def assemble() -> None:
    """Make `.site/source` anew."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "site", SOURCE)
    shutil.copy(ROOT / "src/mnistlab/web/static/icon.svg", SOURCE / "_static")
    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    linked = {file for page in pages if page.suffix == ".md" for file in linked_files(page)}
    for path in {*pages, *linked}:
        target = SOURCE / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    write_reference(SOURCE / "reference")
    write_results(SOURCE / "benchmarks")


def linked_files(page: Path) -> Iterator[Path]:
    """Give the files that a page links to and that are no pages: sources, records."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        file = (page.parent / target.partition("#")[0]).resolve()
        if not re.match(r"[a-z]+:", target) and file.is_file() and file.suffix != ".md":
            yield file


def write_reference(folder: Path) -> None:
    """Write a page for each package, with all of its modules, and the list of pages."""
    folder.mkdir(exist_ok=True)
    for package in PACKAGES:
        parts = [f"# `mnistlab.{package}`", *map(_module_section, modules(package))]
        (folder / f"{package}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    text = MODULES.replace("LIST", "\n".join(PACKAGES))
    (folder / "index.md").write_text(text, encoding="utf-8")


def modules(package: str) -> list[str]:
    """Name a package and its modules."""
    name = f"mnistlab.{package}"
    found = importlib.import_module(name)
    inner = pkgutil.iter_modules(getattr(found, "__path__", []), f"{name}.")
    return [name, *(each.name for each in inner if not each.name.endswith("__main__"))]


def _module_section(name: str) -> str:
    found = importlib.import_module(name)
    whole = not hasattr(found, "__path__")  # a package's own names are in its modules
    title = f"## `{name}`\n\n" if name.count(".") > 1 else ""
    members = "\n   :members:" if whole else ""
    return f"{title}```{{eval-rst}}\n.. automodule:: {name}{members}\n```"


def public_names() -> Iterator[str]:
    """Name all that is public: the package's own, and each module's classes and functions."""
    yield from (f"mnistlab.{name}" for name in mnistlab.__all__ if not name.startswith("_"))
    for package in (*PACKAGES, "errors"):
        for module in modules(package):
            for name, value in vars(importlib.import_module(module)).items():
                own = getattr(value, "__module__", None) == module
                if (
                    own
                    and not name.startswith("_")
                    and inspect.isroutine(value) | inspect.isclass(value)
                ):
                    yield f"{module}.{name}"


def undocumented(built: Path) -> list[str]:
    """Name what is public and not in the index of the built site."""
    from sphinx.util.inventory import InventoryFile

    with (built / "objects.inv").open("rb") as opened:
        inventory = InventoryFile.load(opened, "", lambda base, name: name)
    known = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    return [f"{name} is not in the reference" for name in public_names() if name not in known]


class _Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def dead_links(built: Path) -> list[str]:
    """Name the links of the built pages that lead nowhere in the site."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in sorted(page.links):
            if re.match(r"[a-z]+:|//", link):
                continue
            name, anchor = urldefrag(link)
            file = (path.parent / unquote(name.partition("?")[0])).resolve() if name else path
            known = pages[file].places | {""} if file in pages else {""}
            if not file.exists() or unquote(anchor) not in known:
                dead.append(f"{path.relative_to(built)}: dead link {link}")
    return dead


if __name__ == "__main__":
    raise SystemExit(main())
