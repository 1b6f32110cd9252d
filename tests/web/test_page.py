"""The page in a real browser: drawn on, shown pictures, by mouse, touch and keys."""

from __future__ import annotations

import base64
import json
import os
import shutil

import pytest
from strokes import written

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
DROP = """([type, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const given = new DataTransfer();
  given.items.add(new File([bytes], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true, dataTransfer: given, clipboardData: given };
  const event = type === "paste" ? new ClipboardEvent(type, options) : new DragEvent(type, options);
  document.getElementById("stage").dispatchEvent(event);
}"""
INKED = """(id) => {
  const canvas = document.getElementById(id);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((each, i) => i % 4 === 3 && each > 20).length;
}"""
SMALL = """() => [...document.querySelectorAll("button, summary")]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.textContent, each.getBoundingClientRect()])
  .filter(([, box]) => box.height < 44 || box.width < 44).map(([text]) => text)"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium, which CI must have: apt-get install chromium")
        pytest.skip("there is no chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser, server):
    """Open the page: `opened(width=360)`; nothing may be asked of others, nothing fail."""
    asked, failed, contexts = [], [], []

    def listen(text, fails):
        if not (fails and fails in text):
            failed.append(text)

    def open_page(width=1280, height=800, fails=None, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: listen(message.text, fails))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(server.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    own = tuple(f"{scheme}{server.url}/" for scheme in ("", "blob:"))
    assert [url for url in asked if not url.startswith((*own, "data:"))] == []
    assert failed == []


def draw(page, text, left=60, top=60, width=80):
    """Draw digits with the mouse."""
    box = page.locator("#ink").bounding_box()
    for stroke in written(text, box["x"] + left, box["y"] + top, width):
        page.mouse.move(*stroke[0])
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def says(page, text):
    """Wait until the region that is read aloud has `text`."""
    page.wait_for_function(
        "(text) => document.getElementById('text').textContent === text", arg=text
    )


def shares(page):
    """Give the table of probabilities as it stands, in per cent."""
    rows = page.locator("#detail tbody tr").all()
    return {
        row.locator("th").inner_text(): float(row.locator("td").last.inner_text()) for row in rows
    }


def test_a_digit_is_read_and_explained(opened):
    page = opened()
    draw(page, "3", width=120)
    says(page, "3")
    region = page.locator("#text")
    assert region.get_attribute("aria-live") == "polite"
    assert page.locator("#digits button").all_inner_texts()[0].startswith("3")
    found = shares(page)
    assert list(found) == [*"0123456789", "no digit"]
    assert max(found, key=found.get) == "3"
    assert sum(found.values()) == pytest.approx(100, abs=1)
    assert page.evaluate(INKED, "seen") > 30
    assert page.evaluate(INKED, "evidence") > 30
    assert page.get_by_role("img", name="28 by 28").count() == 1
    assert page.get_by_role("table").get_by_role("rowheader").count() == 11
    assert page.evaluate(INKED, "boxes") > 100


def test_a_line_is_read_while_it_is_drawn(opened):
    page = opened()
    draw(page, "1")
    says(page, "1")
    draw(page, "7", left=220)
    says(page, "17")
    box = page.locator("#ink").bounding_box()
    stroke, *_ = written("3", box["x"] + 400, box["y"] + 60, 80)
    page.mouse.move(*stroke[0])
    page.mouse.down()
    for point in stroke[1:]:
        page.mouse.move(*point)
    says(page, "173")  # the pen is still down
    page.mouse.up()
    says(page, "173")


def test_any_digit_can_be_looked_at(opened):
    page = opened()
    draw(page, "173")
    says(page, "173")
    buttons = page.locator("#digits button")
    assert [each.get_attribute("aria-pressed") for each in buttons.all()] == [
        "false",
        "false",
        "true",
    ]
    buttons.nth(1).click()
    page.wait_for_function("() => document.getElementById('likeliest').textContent === '7'")
    found = shares(page)
    assert max(found, key=found.get) == "7"
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"


def test_undo_redo_clear(opened):
    page = opened()
    undo, redo, clear = (
        page.get_by_role("button", name=name) for name in ("Undo", "Redo", "Clear")
    )
    assert [each.is_disabled() for each in (undo, redo, clear)] == [True] * 3
    draw(page, "17")
    says(page, "17")
    undo.click()
    says(page, "1")
    redo.click()
    says(page, "17")
    page.keyboard.press("Control+z")
    says(page, "1")
    page.keyboard.press("Control+Shift+z")
    says(page, "17")
    clear.click()
    says(page, "")
    assert page.locator("#detail").is_hidden()
    assert page.evaluate(INKED, "ink") == page.evaluate(INKED, "boxes") == 0
    page.keyboard.press("Control+z")  # what was cleared can be had back
    says(page, "17")
    page.keyboard.press("Escape")
    says(page, "")


@pytest.mark.parametrize("way", ["drop", "paste", "choose"])
def test_pictures_that_are_given(opened, picture, tmp_path, way):
    page = opened()
    draw(page, "8")
    if way == "choose":
        (tmp_path / "page.png").write_bytes(picture[0])
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Open picture").click()
        chooser.value.set_files(tmp_path / "page.png")
    else:
        page.evaluate(DROP, [way, "page.png", base64.b64encode(picture[0]).decode()])
    says(page, picture[1])
    assert page.locator("h1").inner_text() == "page.png"
    assert page.evaluate(INKED, "boxes") > 500
    assert page.locator("#digits button").count() == 5
    page.get_by_role("button", name="Clear").click()
    says(page, "")
    draw(page, "1")
    says(page, "1")


def test_a_large_picture_is_made_smaller_before_it_is_sent(opened, page, encoded):
    drawn, text = page(6)
    large = encoded(drawn.resize((6000, 6000 * drawn.height // drawn.width)))  # 43 million pixels
    view = opened()
    view.evaluate(DROP, ["drop", "large.png", base64.b64encode(large).decode()])
    says(view, text)


def test_what_is_no_picture_is_said_to_be_none(opened, server):
    page = opened(fails="400 (Bad Request)")
    data = base64.b64encode(b"no picture").decode()
    with page.expect_response("**/api/read*") as answered:
        page.evaluate(DROP, ["drop", "notes.png", data])
    assert answered.value.status == 400
    alert = page.get_by_role("alert")
    alert.get_by_text("not a picture").wait_for()
    draw_again = page.get_by_role("button", name="Clear")
    draw_again.click()
    assert alert.is_hidden()


def test_a_click_on_a_digit_of_a_picture_chooses_it(opened, picture):
    page = opened()
    page.evaluate(DROP, ["drop", "page.png", base64.b64encode(picture[0]).decode()])
    says(page, picture[1])
    box = page.locator("#ink").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "(text) => document.getElementById('likeliest').textContent === text", arg=picture[1][2]
    )


def test_everything_by_keys(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "ink"
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    says(page, "1")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))
    assert reached[:3] == ["Undo", "Clear", "Open picture"]
    assert {"Save JSON", "Save picture", "Keys"} <= set(reached)
    assert any(each.startswith("1") for each in reached)
    page.keyboard.press("Escape")
    says(page, "")


def test_on_a_telephone_by_touch(opened):
    page = opened(360, 740, has_touch=True, is_mobile=True, device_scale_factor=3)
    box = page.locator("#ink").bounding_box()
    touch = page.context.new_cdp_session(page)

    def tell(kind, points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in written("17", box["x"] + 60, box["y"] + 60, 70):
        tell("touchStart", [{"x": stroke[0][0], "y": stroke[0][1]}])
        for x, y in stroke[1:]:
            tell("touchMove", [{"x": x, "y": y}])
        tell("touchEnd", [])
    says(page, "17")
    assert page.evaluate("scrollY") == 0, "the paper was drawn on, not scrolled"
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.get_by_role("button", name="Take photo").is_visible()
    assert page.locator("#camera").get_attribute("capture") == "environment"
    assert page.evaluate(SMALL) == []
    text = page.locator("#text").bounding_box()
    assert text["y"] + text["height"] < 740, "what was read is seen while drawing"


@pytest.mark.parametrize("width", [320, 360, 600, 900, 1280, 1920])
def test_no_width_scrolls_sideways(opened, picture, width):
    page = opened(width)
    page.evaluate(
        DROP, ["drop", "a-long-name" * 12 + ".png", base64.b64encode(picture[0]).decode()]
    )
    says(page, picture[1])
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(SMALL) == []


def test_by_night_the_ink_is_light_and_read_all_the_same(opened):
    page = opened(color_scheme="dark", reduced_motion="reduce")
    draw(page, "7", width=120)
    says(page, "7")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.meter')).transitionDuration")
        == "0s"
    )


def test_results_are_saved(opened, picture):
    page = opened()
    page.evaluate(DROP, ["drop", "page.png", base64.b64encode(picture[0]).decode()])
    says(page, picture[1])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save JSON").click()
    assert saved.value.suggested_filename == "page.json"
    document = json.loads(saved.value.path().read_text())
    assert (document["file"], document["text"]) == ("page.png", picture[1])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save picture").click()
    assert saved.value.suggested_filename == "page.read.png"
    assert (0, 90, 181) in colours(saved.value.path())
    page.get_by_role("button", name="Clear").click()
    draw(page, "3")
    says(page, "3")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save picture").click()
    assert {(0, 90, 181), (255, 255, 255), (0, 0, 0)} <= colours(saved.value.path())


def colours(path):
    from PIL import Image

    with Image.open(path) as picture:
        return {colour[:3] for _, colour in picture.getcolors(1 << 24)}


def test_a_server_that_is_away_or_busy_is_asked_again(browser, server):
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    page.route("**/api/read*", lambda route: route.abort())
    draw(page, "7")
    alert = page.get_by_role("alert")
    alert.get_by_text("can't be reached").wait_for()
    page.unroute("**/api/read*")
    busy = {"status": 503, "json": {"error": "busy"}}
    page.route("**/api/read*", lambda route: route.fulfill(**busy))
    alert.get_by_text("busy").wait_for()
    page.unroute("**/api/read*")
    says(page, "7")
    assert alert.is_hidden()
    context.close()
