"""One palette, which the colour-blind can tell apart, in all figures and pages."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import pytest

from mnistlab.reporting.style import PALETTE

ROOT = Path(__file__).parents[2]
KINDS = {".py", ".css", ".js", ".j2", ".html", ".svg"}
FILES = sorted(
    path
    for folder in ("src/mnistlab", "benchmarks", "tools", "site", "tutorials")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in KINDS and "__pycache__" not in path.parts
)
COLOUR = re.compile(r"(?<![\w&/])#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b(?!\w)")
NAMED = re.compile(
    r"""(?:color|colour|fill|stroke|cmap)\s*[=:]\s*["']?"""
    r"(red|green|blue|yellow|purple|jet|rainbow|hsv|tab:\w+|C\d)\b"
)


def hue_and_chroma(colour: str) -> tuple[float, float]:
    """Give the hue in degrees, and how far from grey it is, 0 to 1."""
    digits = colour.lstrip("#")
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    rgb = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    return 360 * colorsys.rgb_to_hsv(*rgb)[0], max(rgb) - min(rgb)


HUES = [hue_and_chroma(colour)[0] for colour in PALETTE if hue_and_chroma(colour)[1] > 0]


def is_of_the_palette(colour: str) -> bool:
    """Say whether a colour is grey, or a lighter or darker one of the palette."""
    hue, chroma = hue_and_chroma(colour)
    return chroma < 0.15 or min(abs(hue - each) for each in HUES) <= 15


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_colours_are_of_the_palette(path):
    text = path.read_text(encoding="utf-8")
    assert [c for c in COLOUR.findall(text) if not is_of_the_palette(c)] == []
    assert NAMED.findall(text) == []


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("#0072b2", True), ("#a33c00", True), ("#fff", True), ("#1b1f27", True),
     ("#ff00ff", False), ("#f00", False), ("#00ff00", False)],
)  # fmt: skip
def test_what_is_of_the_palette(colour, expected):
    assert is_of_the_palette(colour) is expected
