"""The picture of the page in the README: `python -m tools.screenshot`.

Starts the server, draws four digits as a mouse would, and photographs what Chromium shows.
"""

from __future__ import annotations

import io
import subprocess
import sys

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mnistlab.files import write_atomic
from tools.pages import ROOT

TARGET = ROOT / "docs" / "images" / "page.png"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
STROKES = (
    [(0.12, 0.24), (0.25, 0.23), (0.21, 0.5), (0.17, 0.75)],
    [(0.14, 0.5), (0.26, 0.47)],
    [(0.36, 0.42), (0.42, 0.25), (0.41, 0.78)],
    [(0.54, 0.3), (0.58, 0.24), (0.63, 0.25), (0.66, 0.34), (0.63, 0.44), (0.59, 0.49),
     (0.65, 0.54), (0.68, 0.64), (0.64, 0.75), (0.58, 0.78), (0.53, 0.73)],
    [(0.79, 0.26), (0.77, 0.4), (0.77, 0.5), (0.81, 0.53), (0.9, 0.49)],
    [(0.88, 0.3), (0.87, 0.55), (0.86, 0.8)],
)  # fmt: skip
"""A 7 with a bar, a 1 with a flag, a 3, an open 4: shares of the paper's width and height."""


def main() -> None:
    """Draw, and save the picture with few colours."""
    command = [sys.executable, "-m", "mnistlab", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            page = browser.new_page(viewport={"width": 1040, "height": 700})
            page.goto(url)
            draw(page)
            page.wait_for_timeout(2000)
            taken = page.screenshot()
            browser.close()
        server.terminate()
    small = io.BytesIO()
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(200).save(small, "PNG", optimize=True)
    write_atomic(TARGET, small.getvalue())
    print(f"{TARGET}: {len(small.getvalue()):,} bytes")


def draw(page: Page) -> None:
    """Move the mouse along the strokes."""
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    for stroke in STROKES:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=6)
        page.mouse.up()


if __name__ == "__main__":
    main()
