"""Generated pages: written with --write, compared with --check."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def keep(page: str, text: str) -> int:
    """Write `text` to `page`, a path in this repository, or compare them; give the exit code."""
    path = ROOT / page
    if "--write" in sys.argv:
        path.write_text(text, encoding="utf-8")
        return 0
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        print(f"{page} is stale: run `make docs`", file=sys.stderr)
        return 1
    return 0
