"""Pictures per class, and a digit made as MNIST made its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistlab import data
from mnistlab.data import pictures
from mnistlab.data.dataset import Dataset
from mnistlab.errors import DataError

Save = Callable[..., Path]


def _centre(image: np.ndarray) -> tuple[float, float]:
    mass = image.astype(float)
    rows, columns = np.indices(mass.shape)
    return (rows * mass).sum() / mass.sum(), (columns * mass).sum() / mass.sum()


def _seven(height: int, width: int, stroke: int) -> np.ndarray:
    ink = np.zeros((height + 31, width + 17))
    ink[20 : 20 + stroke, 5 : 5 + width] = 200
    for row in range(height):
        right = 5 + width - stroke - row * (width - stroke) // height
        ink[20 + row, right : right + stroke] = 200
    return ink


def test_a_bar_by_hand() -> None:
    """40 high and 8 wide: halved to 20 by 4, in the middle of a box of 20."""
    ink = np.zeros((90, 60))
    ink[10:50, 40:48] = 3
    image = data.as_mnist(ink)
    expected = np.zeros((28, 28), np.uint8)
    expected[5:25, 13:17] = 255  # centres 9.5 go to 14.5: the half is rounded up
    assert image.dtype == np.uint8
    assert np.array_equal(image, expected)


@pytest.mark.parametrize("side", [10, 20, 23, 37, 50])
def test_area_averages_are_exact(side: int) -> None:
    """As if each pixel were first cut into 20 by 20, and these were averaged side by side."""
    ink = np.random.default_rng(side).uniform(1, 2, (side, side))
    fine = np.kron(ink, np.ones((20, 20)))
    coarse = fine.reshape(20, side, 20, side).mean(axis=(1, 3))
    image = data.as_mnist(ink)
    top, left = np.argwhere(image)[0]
    expected = 255 * coarse / coarse.max()
    assert np.abs(image[top : top + 20, left : left + 20] - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(("height", "width"), [(200, 90), (21, 20), (14, 9), (61, 113)])
def test_a_drawn_digit_has_its_box_and_centre(height: int, width: int) -> None:
    image = data.as_mnist(_seven(height, width, max(2, width // 8)))
    sides = [np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for axis in (0, 1)]
    assert max(sides) == 20
    assert image.max() == 255
    assert all(abs(centre - 14) <= 0.51 for centre in _centre(image))


def test_a_speck_is_padded_to_ten_before_it_is_enlarged() -> None:
    ink = np.zeros((50, 50))
    ink[20:22, 30:32] = 1
    image = data.as_mnist(ink)
    assert (image > 0).sum() == 16  # 2 by 2 of 10 become 4 by 4 of 20
    assert np.array_equal(image[13:17, 13:17], np.full((4, 4), 255))


def test_mnists_own_digits_come_out_as_they_went_in(mnist: Dataset) -> None:
    """Where the most ink is 255 and the box 20, nothing is left to do."""

    def is_made_so(image: np.ndarray) -> bool:
        sides = [np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for axis in (0, 1)]
        return bool(image.max() == 255 and max(sides) == 20)

    made_so = [image for image in mnist.x_test[:1000] if is_made_so(image)]
    same = [np.array_equal(data.as_mnist(image), image) for image in made_so]
    assert len(same) > 850
    assert all(same)


@pytest.mark.parametrize("bad", [np.zeros((5, 5)), np.zeros((0, 0)), np.ones(3), [[np.nan, 1]]])
def test_without_ink(bad: object) -> None:
    with pytest.raises(DataError, match="no ink"):
        data.as_mnist(bad)  # type: ignore[arg-type]


def test_the_centre_is_kept_though_ink_be_cut_off_as_in_mnist() -> None:
    ink = np.zeros((100, 20))
    ink[:5] = 255
    ink[:, 9] = 20
    image = data.as_mnist(ink)
    # The first row weighs 25,500, nineteen others 100 each: the centre, at 0.69, goes to 14.
    assert np.flatnonzero(image.any(axis=1)).tolist() == list(range(13, 28))


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, gray: np.ndarray, mode: str = "L", **options: object) -> Path:
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(gray.astype(np.uint8)).convert(mode).save(path, **options)
        return path

    return write


def test_28_by_28_is_taken_as_it_is_and_turned_bright(save: Save) -> None:
    rng = np.random.default_rng(0)
    image = np.zeros((28, 28), np.uint8)
    image[5:20, 9:15] = rng.integers(0, 256, (15, 6))
    assert np.array_equal(data.read_picture(save("a/dark.png", image)), image)
    assert np.array_equal(data.read_picture(save("a/light.png", 255 - image)), image)
    assert np.array_equal(data.read_picture(save("a/rgb.bmp", 255 - image, "RGB")), image)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "jpg", "webp"])
def test_other_sizes_are_made_as_mnist(save: Save, suffix: str) -> None:
    ink = _seven(80, 60, 12)
    image = data.read_picture(save(f"a/seven.{suffix}", 240 - ink))
    difference = np.abs(image.astype(int) - data.as_mnist(ink))
    assert difference.mean() < (4 if suffix in ("jpg", "webp") else 0.01)


def _differ(image: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(image.astype(int) - other).max())


def test_transparency_16_bits_and_exif(tmp_path: Path) -> None:
    ink = _seven(80, 60, 12)
    expected = data.as_mnist(ink)
    alpha = (ink > 0).astype(np.uint8) * 255
    for colour in (0, 255):
        layers = np.stack([np.full(ink.shape, colour, np.uint8)] * 3 + [alpha], axis=-1)
        Image.fromarray(layers).save(tmp_path / "a.png")
        assert _differ(data.read_picture(tmp_path / "a.png"), expected) <= 1
    Image.fromarray((60000 - ink * 257).astype(np.uint16)).save(tmp_path / "b.png")
    assert _differ(data.read_picture(tmp_path / "b.png"), expected) <= 1
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    turned = Image.fromarray(np.rot90(ink).astype(np.uint8))
    turned.save(tmp_path / "c.png", exif=exif)
    assert _differ(data.read_picture(tmp_path / "c.png"), expected) <= 1


def _glyph(value: int) -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 10:18] = value
    return image


def test_one_in_seven_is_held_out_by_name(save: Save, tmp_path: Path) -> None:
    for label in ("10", "9", "2"):
        for number in range(21):
            save(f"{label}/{number}.png", _glyph(100 + number))
    save("2/.hidden.png", _glyph(1))
    (tmp_path / "set" / "2" / "notes.txt").write_text("no picture")
    told: list[tuple[object, ...]] = []
    loaded = data.load(tmp_path / "set", progress=lambda *parts: told.append(parts))
    assert loaded.name == "set"
    assert loaded.class_names == ("2", "9", "10")
    assert data.class_counts(loaded.y_train, 3).tolist() == [18] * 3
    assert data.class_counts(loaded.y_test, 3).tolist() == [3] * 3
    held = [loaded.x_test[loaded.y_test == label].max(axis=(1, 2)) for label in range(3)]
    assert np.array_equal(held[0], held[1])  # the same names, the same pictures
    assert told[-1] == ("reading pictures", 63, 63)
    assert data.load(tmp_path / "set").digest == loaded.digest


@pytest.mark.parametrize("sevenths", [1, 2, 5])
def test_what_is_held_out_from_the_end_has_some_of_each_class(save: Save, sevenths: int) -> None:
    for label, count in {"a": 7, "b": 14, "c": 28}.items():
        for number in range(count):
            save(f"train/{label}/{number}.png", _glyph(100 + number))
        save(f"test/{label}/1.png", _glyph(9))
    loaded = data.load(save("test/a/0.png", _glyph(9)).parents[2])
    held_out = data.class_counts(loaded.y_train[-7 * sevenths :], 3)
    assert held_out.tolist() == [sevenths, 2 * sevenths, 4 * sevenths]
    assert data.classes_apart(loaded, 7 * sevenths) == {}
    assert list(data.classes_apart(loaded, 48)) == ["left"]


def test_train_and_test_folders(save: Save, tmp_path: Path) -> None:
    for number in range(4):
        save(f"train/cat/{number}.png", _glyph(10 + number))
        save(f"train/dog/{number}.png", _glyph(20 + number))
    save("test/dog/x.png", _glyph(99))
    loaded = data.load(tmp_path / "set")
    assert loaded.class_names == ("cat", "dog")
    brightest = loaded.x_train.max(axis=(1, 2))
    assert sorted(brightest.tolist()) == [10, 11, 12, 13, 20, 21, 22, 23]
    assert np.array_equal(loaded.y_train, brightest // 10 - 1)
    assert loaded.y_test.tolist() == [1]
    with pytest.raises(DataError, match="found 2 folders of classes, expected 3"):
        data.load(tmp_path / "set", classes=3)
    save("test/cow/x.png", _glyph(99))
    with pytest.raises(DataError, match=r"set/test: class 'cow' is not in .*train"):
        data.load(tmp_path / "set")


def test_what_is_wrong_with_pictures(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "set"
    save("0/a.png", _glyph(9))
    with pytest.raises(DataError, match="folders of classes: 1; from 2"):
        data.load(root)
    save("1/a.png", _glyph(9))
    with pytest.raises(DataError, match="one picture of each class leaves none"):
        data.load(root)
    (root / "2").mkdir()
    with pytest.raises(DataError, match=r"set/2: no pictures in it \(\.bmp"):
        data.load(root)
    bad = root / "2" / "bad.png"
    save("2/c.png", _glyph(9))
    for raw, message in [
        (b"no picture", "bad.png: not a picture of PNG"),
        ((root / "0" / "a.png").read_bytes()[:60], "bad.png: cannot be read as a picture"),
    ]:
        bad.write_bytes(raw)
        with pytest.raises(DataError, match=message):
            data.load(root)
    save("2/bad.png", np.full((40, 40), 200))
    with pytest.raises(DataError, match=r"bad\.png: no ink"):
        data.load(root)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1000)
    with pytest.raises(DataError, match=r"bad\.png: more than 1,000 pixels"):
        data.load(root)
