"""No dead link between the project's own Markdown files: file and heading must exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", h.lower()).strip() for h in HEADING.findall(text))
    return {h.replace(" ", "-") for h in plain}


def dead_links(page: Path) -> list[str]:
    """List the links of `page` that lead nowhere in this repository."""
    dead = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (
            anchor and anchor not in anchors(file.read_text(encoding="utf-8"))
        ):
            dead.append(f"{page.relative_to(ROOT)}: {target}")
    return dead


def main() -> int:
    """Print dead links; give the exit code."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    dead = [link for page in pages for link in dead_links(page)]
    print("\n".join(dead), file=sys.stderr, end="\n" if dead else "")
    return bool(dead)


if __name__ == "__main__":
    raise SystemExit(main())
