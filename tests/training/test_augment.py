"""Varied images, against NumPy and SciPy; and that the compiled epoch varies what it should."""

from __future__ import annotations

import math
import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from scipy import ndimage, stats

import mnistlab
from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models.augmentation import AUGMENTATIONS, Augmentation, parse_augmentation
from mnistlab.training import augment as module
from mnistlab.training.handover import HandOver
from mnistlab.training.train import set_seed

on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="the engine is JAX's")
KEY = jax.random.key(3)
NEAR = np.hypot(*(np.mgrid[:28, :28] - 13.5)) < 9.8  # where no displacement is cut


def varied(images, key=KEY, **amounts):
    """Compile and run; anew each time, so that a replaced `_draw` is seen."""
    asked = Augmentation(**amounts)
    changed = jax.jit(lambda key, images: module.augment(asked, key, images))(key, images)
    return np.asarray(changed)


@pytest.fixture
def inked():
    """Images (40, 28, 28) without any paper."""
    return np.random.default_rng(0).integers(1, 256, (40, 28, 28), dtype=np.uint8)


@pytest.fixture
def blot():
    """A smooth image (1, 28, 28) that nothing maps to itself, within 10 pixels of the centre."""
    y, x = np.mgrid[:28, :28] - 13.5
    spots = ((-2, 1, 2.5, 240), (3, 3, 2, 150), (1, -4, 1.8, 120))
    ink = sum(a * np.exp(-((y - r) ** 2 + (x - c) ** 2) / 2 / s**2) for r, c, s, a in spots)
    return np.round(np.minimum(ink, 255)).astype(np.uint8)[None]


@pytest.fixture
def drawn(monkeypatch):
    """Let every draw be this share of the most."""

    def let(share):
        monkeypatch.setattr(
            module, "_draw", lambda key, shape, most: jnp.full(shape, share * most, jnp.float32)
        )

    return let


def moved(image, down, right):
    """Move (28, 28) by whole pixels, paper behind it."""
    result = np.zeros_like(image)
    rows, columns = (slice(max(step, 0), 28 + min(step, 0)) for step in (down, right))
    from_rows, from_columns = (slice(max(-s, 0), 28 - max(s, 0)) for s in (down, right))
    result[rows, columns] = image[from_rows, from_columns]
    return result


# Whole pixels.


def test_a_shift_is_by_whole_pixels_and_never_wraps(inked):
    steps = range(-3, 4)
    seen = set()
    for image, result in zip(inked, varied(inked, shift=3), strict=True):
        found = [(d, r) for d in steps for r in steps if np.array_equal(result, moved(image, d, r))]
        assert len(found) == 1
        seen |= set(found)
    assert len(seen) > 15  # of 49


def test_a_shift_within_a_warp_is_the_same_shift(inked):
    alone = varied(inked, shift=2)
    np.testing.assert_array_equal(varied(inked, shift=2, rotate=1e-9), alone)


def test_shifts_are_uniform_down_and_across():
    dots = np.zeros((10_000, 28, 28), np.uint8)
    dots[:, 13, 13] = 255
    result = varied(dots, shift=2)
    assert (result.reshape(10_000, -1) > 0).sum(1).tolist() == [1] * 10_000
    rows, columns = np.divmod(result.reshape(10_000, -1).argmax(1), 28)
    counts, _, _ = np.histogram2d(rows, columns, bins=(np.arange(10.5, 16), np.arange(10.5, 16)))
    assert counts.sum() == 10_000  # none beyond 2
    assert stats.chisquare(counts.ravel()).pvalue > 0.01


# What stays as it is.


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_amount_of_0_changes_nothing(name, inked):
    np.testing.assert_array_equal(varied(inked, **{name: 0.0}), inked)


@pytest.mark.parametrize("name", ["rotate", "scale", "shear", "thickness"])
def test_a_draw_of_0_changes_nothing(name, inked, drawn):
    drawn(0)
    np.testing.assert_array_equal(varied(inked, **{name: 0.5}), inked)


SOME = {"shift": 2, "rotate": 15, "scale": 0.2, "shear": 0.2, "elastic": 1, "thickness": 0.7}


@pytest.mark.parametrize("name", SOME)
def test_the_key_decides_and_each_image_has_its_own_draw(name, blot):
    same = np.repeat(blot, 60, axis=0)
    amounts = {name: SOME[name]}
    first = varied(same, **amounts)
    np.testing.assert_array_equal(varied(same, **amounts), first)
    assert not np.array_equal(varied(same, jax.random.key(4), **amounts), first)
    assert len({each.tobytes() for each in first}) > (15 if name == "shift" else 50)


@pytest.mark.parametrize("amounts", [{name: value} for name, value in SOME.items()] + [SOME])
def test_type_and_shape_stay(amounts, inked):
    result = varied(inked, **amounts)
    assert (result.dtype, result.shape) == (np.uint8, inked.shape)
    assert not np.array_equal(result, inked)
    np.testing.assert_array_equal(varied(inked[..., None], **amounts), result[..., None])


def test_images_need_not_be_square(inked):
    oblong = inked[:, :20]
    assert varied(oblong, **SOME).shape == oblong.shape


# Warps, against SciPy's.


def by_scipy(image, matrix):
    """Fetch each pixel from `matrix` times its place, both from the centre, linearly."""
    matrix, centre = np.array(matrix), np.array([13.5, 13.5])
    grey = ndimage.affine_transform(
        image.astype(float), matrix, centre - matrix @ centre, order=1, mode="constant"
    )
    return np.round(grey)


def assert_like(result, expected, tolerance):
    """Hold images (28, 28) to each other, in grey levels of 255."""
    np.testing.assert_allclose(result[NEAR], expected[NEAR], rtol=0, atol=tolerance)


# Two passes interpolate a little otherwise than four neighbours, the more they turn: SciPy itself
# is up to 8 grey levels off this blot, turned without a grid.
@pytest.mark.parametrize(("degrees", "tolerance"), [(3, 1), (10, 1), (20, 3), (30, 4), (45, 7)])
@pytest.mark.parametrize("share", [-1, 1])
def test_rotation_is_scipys(degrees, tolerance, share, blot, drawn):
    drawn(share)
    expected = ndimage.rotate(
        blot[0].astype(float), share * degrees, reshape=False, order=1, mode="constant"
    )
    result = varied(blot, rotate=degrees)[0]
    assert_like(result, np.round(expected), tolerance)
    assert np.abs(result.astype(float) - blot[0]).max() > 5 * tolerance  # it was turned at all


@pytest.mark.parametrize("share", [-1, -0.3, 1])
@pytest.mark.parametrize("most", [0.1, 0.3])
def test_scaling_is_scipys(most, share, blot, drawn):
    drawn(share)
    size = 1 + share * most
    assert_like(varied(blot, scale=most)[0], by_scipy(blot[0], [[size, 0], [0, size]]), 1)


@pytest.mark.parametrize("share", [-1, 1])
def test_shearing_is_scipys(share, blot, drawn):
    drawn(share)
    assert_like(varied(blot, shear=0.3)[0], by_scipy(blot[0], [[1, 0], [share * 0.3, 1]]), 1)


@pytest.mark.parametrize("share", [-1, 0.5, 1])
def test_all_of_them_together_are_one_warp(share, blot, drawn):
    drawn(share)
    cos, sin = (f(math.radians(share * 15)) for f in (math.cos, math.sin))
    size, shear = 1 + share * 0.1, share * 0.2
    matrix = [[size * cos, size * sin], [shear - size * sin, size * cos]]
    assert_like(varied(blot, rotate=15, scale=0.1, shear=0.2)[0], by_scipy(blot[0], matrix), 3)


def test_height_and_width_are_scaled_each_by_its_own(blot, monkeypatch):
    draws = iter([0.0, 0.2, -0.1, 0.0])  # angle, down, across, shear
    monkeypatch.setattr(module, "_draw", lambda key, shape, most: jnp.full(shape, next(draws)))
    expected = by_scipy(blot[0], [[1.2, 0], [0, 0.9]])
    assert_like(varied(blot, scale=0.2)[0], expected, 1)


# Smooth random displacement.


@pytest.mark.parametrize("asked", [0.5, 1, 2.5])
def test_elastic_displacement_has_the_deviation_asked_and_is_smooth(asked):
    shape = (4000, 28, 28)
    keys = jax.random.split(KEY)
    rows, columns, most = module._displacement(Augmentation(elastic=asked), *keys, shape)
    for field in (np.asarray(rows), np.asarray(columns)):
        assert np.abs(field).max() <= most
        # In every place; a little less than asked, as what is beyond `most` is cut.
        np.testing.assert_allclose(field.std(axis=0), asked, rtol=0.1)
        np.testing.assert_allclose(field.mean(axis=0), 0, atol=0.1 * asked)
        for axis in (1, 2):
            assert np.diff(field, axis=axis).std() < 0.3 * asked
        assert abs(np.corrcoef(field[:-1, 14, 14], field[1:, 14, 14])[0, 1]) < 0.1
    assert abs(np.corrcoef(np.ravel(rows), np.ravel(columns))[0, 1]) < 0.1


@pytest.mark.parametrize("axis", [0, 1])
def test_elastic_moves_ink_that_far(axis):
    """On a slope the change of grey is the displacement times the steepness."""
    steep = 9
    slope = np.indices((28, 28))[axis] * steep
    images = np.repeat(slope.astype(np.uint8)[None], 500, axis=0)
    change = (varied(images, elastic=1).astype(float) - slope)[:, 5:23, 5:23] / steep
    assert change.std() == pytest.approx(1, rel=0.1)


# Strokes.

CROSS = ndimage.generate_binary_structure(2, 1)


@pytest.mark.parametrize("share", [-1, -0.5, 0.25, 1])
def test_thickness_mixes_with_the_dilation_or_the_erosion(share, blot, drawn):
    drawn(share)
    image = blot[0].astype(float)
    morphed = ndimage.grey_dilation if share > 0 else ndimage.grey_erosion
    end = morphed(image, footprint=CROSS, mode="constant", cval=0)
    result = varied(blot, thickness=1)[0]
    np.testing.assert_allclose(result, image + abs(share) * (end - image), atol=0.51)
    assert np.sign(result.sum(dtype=int) - image.sum()) == np.sign(share)


# Draws.


def test_draws_are_uniform_from_minus_to_plus_the_most():
    draws = np.asarray(module._draw(KEY, (20_000,), 0.3))
    assert np.abs(draws).max() <= 0.3
    assert stats.kstest(draws, "uniform", args=(-0.3, 0.6)).pvalue > 0.01


def test_what_is_drawn_is_what_was_asked_for(inked, monkeypatch):
    asked = []

    def record(key, shape, most):
        asked.append((shape, most))
        return jnp.zeros(shape)

    monkeypatch.setattr(module, "_draw", record)
    varied(inked, rotate=10, scale=0.2, shear=0.3, thickness=0.4)
    each = (len(inked), 1, 1)
    assert asked == [
        (each[:1], 0.4), (each, math.radians(10)), (each, 0.2), (each, 0.2), (each, 0.3)
    ]  # fmt: skip


# Inside of the compiled epoch.


@pytest.fixture
def data(glyph_images):
    images, labels = glyph_images(64, 0)
    return images, labels.astype(np.int32)


def softmax_regression(rate=0.1, **options):
    set_seed(7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"], **options)
    return model


def fitted(data, rate=0.1, model=None, **options):
    """Train, from the same weights in any case; give the weights and the history."""
    start = softmax_regression(rate)
    model = model or start  # a model that was trained already need not be compiled again
    model.set_weights(start.get_weights())
    options = {"batch_size": 16, "epochs": 2, "verbose": 0, "seed": 1, **options}
    history = mnistlab.fit(model, *data, **options).history
    return model.get_weights(), history


def same(a, b):
    return all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))


@on_jax
def test_training_on_varied_images_repeats_to_the_bit(data):
    first, _ = fitted(data, augment="shift=2")
    model = softmax_regression()
    assert same(first, fitted(data, model=model, augment="shift=2")[0])
    assert not same(first, fitted(data, model=model, augment="shift=2", seed=2)[0])
    assert not same(first, fitted(data, augment="none")[0])


@on_jax
def test_training_on_varied_images_is_training_on_images_varied_before(glyph_images):
    images, labels = glyph_images(70, 0)  # 4 batches of 16 and a smaller one of 6
    key = jax.random.wrap_key_data(np.array([1, 0], np.uint32))  # seed 1, epoch 0
    vary = jax.jit(module.augment, static_argnums=0)
    before = np.concatenate(
        [
            vary(Augmentation(2, 10), jax.random.fold_in(key, number), images[16 * number :][:16])
            for number in range(5)
        ]
    )
    assert before.shape == images.shape
    options = {"epochs": 1, "shuffle": False}
    ours, history = fitted((images, labels), augment="shift=2,rotate=10", **options)
    theirs, expected = fitted((before, labels), **options)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-6)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@on_jax
def test_a_training_on_varied_images_can_be_taken_up_again(data):
    model, options = softmax_regression(), {"augment": "shift=2", "seed": 1}
    whole, _ = fitted(data, model=model, epochs=3, **options)
    fitted(data, model=model, epochs=1, **options)
    mnistlab.fit(model, *data, 16, epochs=3, initial_epoch=1, verbose=0, **options)
    assert same(whole, model.get_weights())


@on_jax
def test_without_a_seed_numpys_state_decides(data):
    model = softmax_regression()

    def train(state):
        model.set_weights(softmax_regression().get_weights())
        np.random.seed(state)
        mnistlab.fit(model, *data, verbose=0, augment="shift=2", shuffle=False)
        return model.get_weights()

    first = train(5)
    assert same(first, train(5))
    assert not same(first, train(6))


@on_jax
def test_each_epoch_varies_anew_and_validation_data_are_as_they_are(data, glyph_images):
    images, labels = glyph_images(30, 9)
    held_out = (images, labels.astype(np.int32))
    model = softmax_regression(rate=0.0)
    options = {"rate": 0.0, "epochs": 3, "validation_data": held_out}
    _, history = fitted(data, model=model, augment="shift=3", **options)
    assert len({round(value, 5) for value in history["loss"]}) == 3
    plain, _ = model.evaluate(*held_out, verbose=0)
    np.testing.assert_allclose(history["val_loss"], plain, rtol=1e-5)
    _, unvaried = fitted(data, **options)
    np.testing.assert_allclose(unvaried["loss"], unvaried["loss"][0], rtol=1e-5)


@on_jax
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x / np.float32(255),
        lambda x: x.reshape(len(x), -1),
        lambda x: np.repeat(x[..., None], 3, axis=-1),
        lambda x: {"images": x},
    ],
    ids=["floats", "flat", "colours", "dict"],
)
def test_what_is_no_raw_image_is_not_varied(change, data):
    with pytest.raises(OptionError, match="uint8 images"):
        fitted((change(data[0]), data[1]), augment="shift=1")


def test_what_model_fit_has_to_do_is_not_varied(data):
    model = softmax_regression(run_eagerly=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HandOver)
        with pytest.raises(OptionError, match="compiled epoch only"):
            mnistlab.fit(model, *data, verbose=0, augment="shift=1")


# Amounts as text.


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("none", {}),
        ("", {}),
        ("shift=0", {}),
        ("shift=2", {"shift": 2}),
        ("shift=8,rotate=45,scale=0.5,shear=0.7,elastic=4,thickness=1",
         {"shift": 8, "rotate": 45, "scale": 0.5, "shear": 0.7, "elastic": 4, "thickness": 1}),
        ("rotate=1e1, scale=0.05", {"rotate": 10.0, "scale": 0.05}),
    ],
)  # fmt: skip
def test_amounts_are_read_and_written(text, amounts):
    read = parse_augmentation(text)
    assert read == Augmentation(**amounts)
    assert bool(read) is bool(amounts)
    assert read.given() == amounts
    assert parse_augmentation(str(read)) == read


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("shft=2", UnknownNameError, "did you mean 'shift'"),
        ("flip=1", UnknownNameError, "Known: shift, rotate, scale, shear, elastic, thickness"),
        ("shift=9", OptionError, "from 0 to 8 (whole pixels"),
        ("rotate=45.1", OptionError, "from 0 to 45 (degrees)"),
        ("scale=0.6", OptionError, "from 0 to 0.5"),
        ("shear=1", OptionError, "from 0 to 0.7"),
        ("elastic=5", OptionError, "from 0 to 4"),
        ("thickness=2", OptionError, "from 0 to 1"),
        ("rotate=-1", OptionError, "rotate is -1"),
        ("shift=1.5", OptionError, "whole pixels only"),
        ("rotate=abc", OptionError, "rotate is abc"),
        ("rotate=NaN", OptionError, "rotate is nan"),
        ("rotate=Infinity", OptionError, "rotate is inf"),
        ("rotate=true", OptionError, "rotate is True"),
        ("rotate=null", OptionError, "rotate is None"),
        ("rotate=", OptionError, "rotate is "),
        ("rotate", OptionError, "key=value"),
        ("shift=2;rotate=3", OptionError, "shift is 2;rotate=3"),
    ],
)
def test_wrong_amounts_are_answered(text, error, says):
    with pytest.raises(error) as caught:
        parse_augmentation(text)
    assert says in str(caught.value)
