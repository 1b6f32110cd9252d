"""The slant taken out: against SciPy, on drawn strokes, on any paper, and read by plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import ndimage

from mnistlab.data import load
from mnistlab.models.deskew import STEEPEST, with_deskewed
from mnistlab.models.zoo import build

ROWS, COLUMNS = np.mgrid[:28, :28].astype(float)


def deskewed(images):
    given = keras.ops.convert_to_tensor(np.asarray(images, dtype=np.float32))
    return keras.ops.convert_to_numpy(with_deskewed()(given))


def slant(image):
    """Pixels across per pixel down of the axis of inertia."""
    ink = image / image.sum()
    down, across = ROWS - (ink * ROWS).sum(), COLUMNS - (ink * COLUMNS).sum()
    return (ink * down * across).sum() / (ink * down**2).sum()


def stroke(across):
    """A line with soft edges through the middle that leans by `across` pixels per pixel down."""
    ink = np.clip(2.5 - abs(COLUMNS - 13.5 - across * (ROWS - 13.5)), 0, 1)
    return 255 * ink * (abs(ROWS - 13.5) < 10)


@pytest.fixture(scope="module")
def images(glyphs):
    return load(glyphs).x_test[:20].astype(np.float32)


def test_the_first_channel_is_the_image(images):
    np.testing.assert_array_equal(deskewed(images)[..., 0], images)


def test_the_second_is_what_scipy_makes_of_the_moments(images):
    for image, found in zip(images, deskewed(images)[..., 1], strict=True):
        lean = np.clip(slant(image), -STEEPEST, STEEPEST)
        middle = (image * ROWS).sum() / image.sum()
        matrix = np.array([[1, 0], [lean, 1]])
        expected = ndimage.affine_transform(
            image, matrix, offset=(0, -lean * middle), order=1, mode="constant"
        )
        inside = slice(2, -2)  # SciPy weights what lies beyond an edge in its own way
        np.testing.assert_allclose(found[:, inside], expected[:, inside], atol=0.05)


@pytest.mark.parametrize("across", [-0.6, -0.2, 0.0, 0.3, 0.7])
def test_a_leaning_stroke_stands_upright(across):
    image = stroke(across)
    found = deskewed(image[None])[0, ..., 1]
    assert slant(image) == pytest.approx(across, abs=0.03)
    assert slant(found) == pytest.approx(0, abs=0.03)
    np.testing.assert_allclose(found.sum(1), image.sum(1), rtol=0.01)  # no ink is lost


def test_no_more_than_half_a_right_angle_is_taken_out():
    assert slant(deskewed(stroke(1.2)[None])[0, ..., 1]) == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("value", [0, 1, 255])
def test_paper_without_ink_stays_as_it_is(value):
    image = np.full((1, 28, 28), value)
    np.testing.assert_array_equal(deskewed(image), np.stack([image, image], axis=-1))


def test_paper_may_be_of_any_value(images):
    there = (images - 33.3) / 78.6  # standardized: paper is below 0
    expected = (deskewed(images) - 33.3) / 78.6
    np.testing.assert_allclose(deskewed(there), expected, atol=1e-3)


def test_a_network_that_sees_both_says_the_same_after_plain_keras_loads_it(images, tmp_path):
    model = build("cnn-best:filters=4x8,deskew=true", normalize="scale")
    assert model.get_layer("convolution_1").kernel.shape == (3, 3, 2, 4)
    images = images.astype(np.uint8)
    expected = model.predict(images, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), expected, atol=1e-6)
