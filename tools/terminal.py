"""The moving picture of a terminal in the README: `python -m tools.terminal`.

Runs real commands in an empty folder, with what they print and when, and draws that as an animated
GIF: typed by nobody, and waits cut to WAIT seconds. Run it on a machine that has nothing else to
do: the times that the commands print are shown.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from mnistlab.files import write_atomic
from mnistlab.reporting.style import NIGHT, NIGHT_INK, NIGHT_MUTED, SKY
from tools.pages import ROOT
from tools.screenshot import STROKES

TARGET = ROOT / "docs" / "images" / "terminal.gif"
COMMANDS = (
    "mnistlab train",
    "mnistlab read photo.png",
    "mnistlab compare optimizer adam adagrad --quick --out study",
)
COLUMNS, ROWS, MARGIN = 80, 25, 16
WAIT, TYPING, READING = 1.2, 0.07, 3.0
"""Seconds: the longest wait that is shown, for two letters, to read what came."""


@dataclass(frozen=True)
class Moment:
    """What is on the screen, and how long."""

    lines: tuple[str, ...]
    seconds: float


def moments(folder: Path) -> Iterator[Moment]:
    """Run the commands one after another; give what is to be seen."""
    screen: list[str] = []
    for command in COMMANDS:
        for end in range(0, len(command) + 1, 2):
            yield Moment((*screen, f"$ {command[:end]}"), TYPING)
        screen.append(f"$ {command}")
        yield Moment(tuple(screen), TYPING)
        for waited, line in printed(command, folder):
            yield Moment(tuple(screen), min(waited, WAIT))
            screen.append(line)
        yield Moment(tuple(screen), READING)
        screen.append("")


def printed(command: str, folder: Path) -> Iterator[tuple[float, str]]:
    """Run a command; give each line of its output, and the seconds waited for it."""
    words = [sys.executable, "-m", *command.split()]
    env = {**os.environ, "COLUMNS": str(COLUMNS), "KERAS_BACKEND": "jax"}
    with subprocess.Popen(
        words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        before = time.perf_counter()
        for line in process.stdout:
            now = time.perf_counter()
            yield now - before, line.rstrip("\n").replace(f"{folder}/", "")[:COLUMNS]
            before = now
    if process.returncode:
        raise SystemExit(f"{command} failed")


def photo(path: Path) -> None:
    """Draw four digits as a pen does on grey paper."""
    paper = Image.new("L", (640, 300), 205)
    pen = ImageDraw.Draw(paper)
    for stroke in STROKES:
        pen.line([(640 * x, 300 * y) for x, y in stroke], fill=45, width=9, joint="curve")
    paper.save(path)


class Screen:
    """Draws what a terminal shows."""

    def __init__(self) -> None:
        """Load the font that comes with Matplotlib."""
        fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
        self.font = ImageFont.truetype(fonts / "DejaVuSansMono.ttf", 13)
        self.across, self.down = round(self.font.getlength("m")), 17

    def draw(self, lines: tuple[str, ...]) -> Image.Image:
        """Draw the last lines; a command in another colour than what it prints."""
        size = (COLUMNS * self.across + 2 * MARGIN, ROWS * self.down + 2 * MARGIN)
        image = Image.new("RGB", size, NIGHT)
        draw = ImageDraw.Draw(image)
        for row, line in enumerate(lines[-ROWS:]):
            at = (MARGIN, MARGIN + row * self.down)
            if line.startswith("$ "):
                draw.text(at, "$", SKY, self.font)
                draw.text((at[0] + 2 * self.across, at[1]), line[2:], NIGHT_INK, self.font)
            else:
                draw.text(at, line, NIGHT_MUTED, self.font)
        return image


def animation(shown: list[Moment]) -> bytes:
    """Make the GIF; moments that look alike are one."""
    screen = Screen()
    groups = [(lines, list(same)) for lines, same in groupby(shown, lambda each: each.lines)]
    durations = [sum(moment.seconds for moment in same) for _, same in groups]
    frames = [screen.draw(lines) for lines, _ in groups]
    ground = Image.new("RGB", (1, 1), NIGHT)
    ramp = [
        Image.blend(ground, Image.new("RGB", (1, 1), colour), share / 7).tobytes()
        for colour in (NIGHT_INK, NIGHT_MUTED, SKY)
        for share in range(8)
    ]
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(ramp))
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    stream = io.BytesIO()
    frames[0].save(
        stream, "GIF", save_all=True, append_images=frames[1:], loop=0, optimize=True,
        duration=[max(40, round(1000 * seconds)) for seconds in durations],
    )  # fmt: skip
    return stream.getvalue()


def main() -> None:
    """Run, draw, save."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo(folder / "photo.png")
        found = animation(list(moments(folder)))
    write_atomic(TARGET, found)
    print(f"{TARGET}: {len(found):,} bytes")


if __name__ == "__main__":
    main()
