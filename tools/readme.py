"""The README's own commands: `python tools/readme.py train` prints the block marked `train`.

A block is marked by the comment `<!-- run: NAME -->` on the line before it. No imports but the
standard library's: CI calls it before anything is installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def block(name: str, text: str) -> str:
    """Give the commands, or the Python, of the block marked `name`. Raises KeyError for none."""
    fenced = rf"<!-- run: {re.escape(name)} -->\n```(?:sh|python)\n(.*?)```"
    found = re.search(fenced, text, re.DOTALL)
    if found is None:
        raise KeyError(name)
    return found[1]


if __name__ == "__main__":
    sys.stdout.write(block(sys.argv[1], README.read_text(encoding="utf-8")))
