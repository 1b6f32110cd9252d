"""What the figures show, asked of the data behind them; and that the pictures are PNGs."""

from __future__ import annotations

import io
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from mnistlab.evaluation.scores import CalibrationBin, Mistake
from mnistlab.reporting import calibration_figure, figures, style

RNG = np.random.default_rng(0)


def size(png):
    """Return (width, height) of what must be a whole PNG without metadata."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.mode == "RGB"
    assert image.info == {}
    return image.size


def test_panels_are_loss_then_accuracy_with_train_and_val():
    history = {"val_accuracy": [0.8], "accuracy": [0.9], "loss": [0.5], "learning_rate": [1.0]}
    loss, accuracy = figures.curve_panels(history)
    assert (loss.title, loss.epochs, dict(loss.lines)) == ("loss", (1,), {"train": (0.5,)})
    assert dict(accuracy.lines) == {"train": (0.9,), "val": (0.8,)}


def test_panels_leave_gaps_for_what_is_not_finite():
    (panel,) = figures.curve_panels({"loss": [1.0, math.inf, None]})
    assert panel.epochs == (1, 2, 3)
    assert panel.lines["train"][0] == 1.0
    assert all(math.isnan(v) for v in panel.lines["train"][1:])
    assert figures.curve_panels({}) == figures.curve_panels({"loss": []}) == ()


def test_confusion_cells_by_hand():
    # Row 0: 5 of 100 and 20 of 100 wrong; row 1: none; row 2: 5 of 50 = 10 % wrong.
    cells = figures.confusion_cells(np.array([[75, 5, 20], [0, 9, 0], [5, 0, 45]]))
    assert cells.largest == pytest.approx(0.2)
    expected = [[math.nan, 0.5, 1], [0, math.nan, 0], [math.sqrt(0.5), 0, math.nan]]
    np.testing.assert_allclose(cells.heat, expected)
    assert cells.text == (("75", "5", "20"), ("", "9", ""), ("5", "", "45"))


def test_confusion_cells_without_mistakes_or_numbers():
    perfect = figures.confusion_cells(np.diag([3, 0]))
    assert perfect.largest == 0
    assert np.nansum(perfect.heat) == 0
    assert perfect.text == (("3", ""), ("", "0"))
    assert figures.confusion_cells(np.eye(20, dtype=int)).text is not None
    assert figures.confusion_cells(np.eye(21, dtype=int)).text is None


def test_mosaic_places_every_tile():
    tiles = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    sheet = figures.mosaic(tiles, columns=2, gap=1)
    assert sheet.shape == (3 * 2 + 2, 2 * 3 + 1)
    np.testing.assert_array_equal(sheet[0:2, 0:3], tiles[0])
    np.testing.assert_array_equal(sheet[0:2, 4:7], tiles[1])
    np.testing.assert_array_equal(sheet[6:8, 0:3], tiles[4])
    assert np.isnan(sheet[6:8, 4:7]).all()
    assert np.isnan(sheet[2]).all()
    assert np.isnan(sheet[:, 3]).all()


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.994, "says 9 (99 %)"), (0.995, "says 9 (>99 %)"), (1.0, "says 9 (>99 %)")],
)
def test_captions_never_claim_certainty(confidence, text):
    assert figures.captions(Mistake(0, 4, 9, confidence, 0.0), "0123456789") == (text, "is 4")


def test_weight_limit_ignores_strays():
    weights = RNG.uniform(-0.1, 0.1, (64, 28, 28)).astype(np.float32)
    weights[0, 0, 0], weights[1, 0, 0] = 50.0, np.nan
    assert 0.09 < figures.weight_limit(weights) <= 0.1
    assert figures.weight_limit(np.zeros((1, 28, 28))) == 1.0
    assert figures.weight_limit(np.full((1, 28, 28), np.nan)) == 1.0


def test_fit_shortens_and_replaces_what_the_font_lacks():
    assert style.fit("Ankle boot", 16) == "Ankle boot"
    assert style.fit("a very long class name", 8) == "a very…"
    assert style.fit("お (o)", 16) == "? (o)"


def test_colours_scale_and_mark_nan():
    rgb = style.colours(np.array([[0.0, 255.0, np.nan]]), figures.BONE, (0, 255), 2)
    assert rgb.shape == (2, 6, 3)
    assert rgb.dtype == np.uint8
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[1, 3].tolist() == [255, 255, 255]
    assert rgb[0, 5].tolist() == [int(style.NIGHT[i : i + 2], 16) for i in (1, 3, 5)]


BINS = (CalibrationBin(0.2, 0.4, 1, 0.3, 0.0), CalibrationBin(0.8, 1.0, 9999, 0.97, 0.98))
HARD = ("$x", "Ankle boot", "お")
HUGE = [str(c) for c in range(47)]
ODD_CASES = {
    "one epoch": lambda: figures.learning_curves({"loss": [0.3], "val_loss": [0.4]}),
    "diverged": lambda: figures.learning_curves({"loss": [math.nan], "accuracy": [0.1]}),
    "200 epochs": lambda: figures.learning_curves({"loss": [1.0] * 200}),
    "no history": lambda: figures.learning_curves({}),
    "3 classes": lambda: figures.confusion_matrix(np.eye(3, dtype=int), HARD),
    "47 classes": lambda: figures.confusion_matrix(RNG.integers(0, 400, (47, 47)), HUGE),
    "empty matrix": lambda: figures.confusion_matrix(np.zeros((10, 10), int), HUGE[:10]),
    "samples": lambda: figures.sample_sheet(
        np.zeros((3, 2, 28, 28), np.uint8), HARD, [1, 2, 30000]
    ),
    "no mistakes": lambda: figures.mistakes(np.zeros((0, 28, 28), np.uint8), (), HARD),
    "units": lambda: figures.first_layer(np.zeros((128, 28, 28), np.float32)),
    "NaN weights": lambda: figures.first_layer(np.full((2, 28, 28), np.nan, np.float32)),
    "calibration": lambda: calibration_figure.calibration(BINS, 0.0101),
    "no calibration": lambda: calibration_figure.calibration((), math.nan),
    "digit": lambda: figures.digit(np.eye(28), "3"),
    "normalized": lambda: figures.digit(np.eye(28) / 28, "お $1"),
}


@pytest.mark.parametrize("case", ODD_CASES)
def test_odd_cases_draw(case):
    width, height = size(ODD_CASES[case]())
    assert 100 < width < 1100
    assert 80 < height < 1100


def test_sheets_have_whole_pixels():
    # Three rows of two tiles at twice their size: a tile is 56 pixels and the gap 4.
    samples = np.zeros((3, 2, 28, 28), np.uint8)
    samples[2, 1] = 255
    png = figures.sample_sheet(samples, ("a", "b", "c"), (1, 1, 1))
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape[0] == 3 * 56 + 2 * 4 + 36
    corner = pixels[18 + 2 * 60 : 18 + 2 * 60 + 56, -18 - 56 : -18]
    assert (corner == 255).all()


def test_same_bytes_again_and_in_threads():
    def both():
        return (
            figures.learning_curves({"loss": [0.5, 0.3]}),
            figures.sample_sheet(np.zeros((3, 2, 28, 28), np.uint8), HARD, [1, 2, 3]),
        )

    alone = both()
    with ThreadPoolExecutor(4) as pool:
        assert all(made == alone for made in pool.map(lambda _: both(), range(6)))
