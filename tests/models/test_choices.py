"""What the tables say of Keras is so: defaults, signatures, pairs, and the traps."""

from __future__ import annotations

import inspect
import re

import keras
import numpy as np
import pytest

from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models.functions import (
    ACTIVATIONS,
    LOSSES,
    MODELS,
    NORMALIZATIONS,
    OPTIMIZERS,
    find_last_activation,
    preferred_last_activation,
    takes_logits,
    usable_activations,
)
from mnistlab.models.zoo import build, keras_loss, with_probabilities, without_probabilities
from mnistlab.training.settings import TrainSettings

ALL = {
    f"{kind}: {name}": choice
    for kind, table in (
        ("optimizer", OPTIMIZERS),
        ("loss", LOSSES),
        ("activation", ACTIVATIONS),
        ("normalization", NORMALIZATIONS),
        ("model", MODELS),
    )
    for name, choice in table.items()
}
USABLE = [name for name, choice in LOSSES.items() if not choice.refused]
FROM_LOGITS = [name for name in USABLE if LOSSES[name].from_logits]
on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="measured on JAX")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def targets(loss, labels):
    if LOSSES[loss].target == "sparse":
        return np.asarray(labels, np.int32)
    return np.eye(10, dtype=np.float32)[labels]


@pytest.mark.parametrize("name", ALL)
def test_every_entry_is_a_line_with_a_reference(name):
    choice = ALL[name]
    assert 1 <= len(choice.what) <= 90
    assert len(choice.trap) <= 200
    assert len(choice.refused) <= 100
    for text in (choice.what, choice.trap, choice.refused):
        assert "\n" not in text
        assert not text.endswith(".")
    assert re.search(r" (1[89]|20)\d\d,|Keras' documentation, https://keras\.io/", choice.reference)


def keras_optimizer(name, **options):
    return getattr(keras.optimizers, OPTIMIZERS[name].class_name)(**options)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_default_rates_are_keras_own(name):
    assert float(keras_optimizer(name).learning_rate) == pytest.approx(
        OPTIMIZERS[name].default_rate
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rates_span_about_three_decades(name):
    low, high = OPTIMIZERS[name].rates
    assert 2.5 <= np.log10(high / low) <= 3.5


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fair_start_decays_no_weights(name):
    fair = OPTIMIZERS[name].fair
    decays = {k: v for k, v in keras_optimizer(name).get_config().items() if "weight_decay" in k}
    assert {k: v for k, v in decays.items() if v} == {k: 0.004 for k in fair if k in decays}
    config = keras_optimizer(name, **fair).get_config()
    assert not any(config[option] for option in decays)


@pytest.mark.parametrize("name", LOSSES)
def test_from_logits_is_in_the_signature(name):
    takes = inspect.signature(getattr(keras.losses, name)).parameters
    assert LOSSES[name].from_logits == ("from_logits" in takes)


@pytest.mark.parametrize("name", USABLE)
def test_last_activations_exist_and_logits_are_among_them(name):
    choice = LOSSES[name]
    assert set(choice.last_activations) <= set(usable_activations())
    assert choice.last_activation == find_last_activation(name)
    assert preferred_last_activation(name) in choice.last_activations
    if choice.from_logits:
        assert preferred_last_activation(name) == "linear"
        assert choice.last_activation in ("softmax", "sigmoid")


def test_the_first_last_activations_stay():
    first = {name: LOSSES[name].last_activation for name in USABLE}
    margins = dict.fromkeys(("hinge", "squared_hinge", "categorical_hinge"), "linear")
    binary = dict.fromkeys(("binary_crossentropy", "binary_focal_crossentropy"), "sigmoid")
    assert first == dict.fromkeys(USABLE, "softmax") | margins | binary


@pytest.mark.parametrize(
    ("loss", "asked", "accepted"),
    [
        ("hinge", "tanh", "linear"),
        ("squared_hinge", "softmax", "linear, tanh"),
        ("sparse_categorical_crossentropy", "sigmoid", "softmax, linear"),
        ("kl_divergence", "linear", "softmax"),
        ("dice", "linear", "softmax, sigmoid"),
    ],
)
def test_a_bad_pair_is_explained(loss, asked, accepted):
    with pytest.raises(OptionError) as caught:
        TrainSettings(loss=loss, last_activation=asked).check_values()
    message = str(caught.value)
    assert f"'{asked}' does not fit the loss '{loss}'" in message
    assert LOSSES[loss].needs in message
    assert message.endswith(f"Accepted: {accepted}.")


def test_an_unknown_last_activation_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'softmax'"):
        TrainSettings(last_activation="softmx").check_values()


@pytest.mark.parametrize("loss", FROM_LOGITS)
def test_a_loss_from_logits_is_the_loss_after_its_activation(loss):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 2, (20, 10)).astype(np.float32), rng.integers(0, 10, 20)
    last = getattr(keras.activations, LOSSES[loss].last_activation)
    assert takes_logits(loss, "linear")
    assert not takes_logits(loss)
    ours = keras_loss(loss, "linear")(targets(loss, labels), logits)
    theirs = keras.ops.mean(keras_loss(loss)(targets(loss, labels), last(logits)))
    assert float(numpy(ours)) == pytest.approx(float(numpy(theirs)), rel=1e-4)


def confident_error_gradient(loss, last_activation):
    """Give the largest gradient in the logits of an image that is surely taken for another."""
    import jax

    function = keras_loss(loss, last_activation)
    last = getattr(keras.activations, last_activation or LOSSES[loss].last_activation)
    logits = np.full((1, 10), -40.0, np.float32)
    logits[0, 3] = 40.0
    y = targets(loss, [7])
    gradient = jax.grad(lambda z: keras.ops.mean(function(y, last(z))))(logits)
    return float(np.abs(numpy(gradient)[0, 7]))


@on_jax
@pytest.mark.parametrize("loss", FROM_LOGITS)
def test_a_confident_error_has_a_gradient_only_from_logits(loss):
    assert confident_error_gradient(loss, None) == pytest.approx(0, abs=1e-12)
    from_logits = confident_error_gradient(loss, "linear")
    if "clips it at 1e-7 from logits too" in LOSSES[loss].trap:
        assert from_logits == pytest.approx(0, abs=1e-12)
    else:
        assert from_logits == pytest.approx(0.1 if "binary" in loss else 1.0)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy"])
def test_probabilities_are_appended_to_logits_and_taken_away(loss, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    model = build("mlp:hidden=4", loss=loss, last_activation="linear")
    assert model.layers[-1].activation is keras.activations.linear
    logits = model.predict(images, verbose=0)
    with_probabilities(model, loss, "linear").save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    last = getattr(keras.activations, LOSSES[loss].last_activation)
    expected = numpy(last(keras.ops.convert_to_tensor(logits)))
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, rtol=1e-5)
    again = without_probabilities(loaded)
    np.testing.assert_allclose(again.predict(images, verbose=0), logits, rtol=1e-5)
    assert with_probabilities(model, loss) is model
    assert without_probabilities(model) is model


# The traps and the refusals, one by one.


def test_lamb_cannot_be_had_by_its_name():
    with pytest.raises(ValueError):
        keras.optimizers.get("lamb")


def test_muon_takes_the_last_layer_for_a_hidden_one():
    model = build("mlp:hidden=4")
    muon = keras_optimizer("muon")
    muon.build(model.trainable_variables)
    adam = [velocity is not None for velocity in muon.adam_velocities]
    assert adam == [False, True, False, True]  # kernel, bias, the last kernel, its bias


def test_ftrl_forgets_the_initial_weights():
    starts = np.array([1.0, -3.0], np.float32)
    weights = keras.Variable(starts)
    ftrl = keras_optimizer("ftrl", learning_rate=1e-3)
    ftrl.apply([keras.ops.convert_to_tensor([0.1, 0.1])], [weights])
    assert np.abs(numpy(weights) / starts).max() < 0.05


@on_jax
def test_schedule_free_tests_where_gradients_are_taken():
    weight = keras.Variable([1.0])
    optimizer = keras_optimizer("schedule_free_adamw", learning_rate=0.1)
    sequence = []  # the paper's z; its average is what the paper tests
    for _ in range(4):
        optimizer.apply([keras.ops.convert_to_tensor([1.0])], [weight])
        sequence.append(float(numpy(optimizer._momentums[0])[0]))
    optimizer.finalize_variable_values([weight])
    average = np.mean(sequence)
    assert float(numpy(weight)[0]) == pytest.approx(0.1 * sequence[-1] + 0.9 * average, abs=1e-5)


def test_keras_does_not_know_one_of_its_own_losses():
    with pytest.raises(ValueError):
        keras.losses.get("categorical_generalized_cross_entropy")


@pytest.fixture
def shares():
    """Probabilities (20, 10) and one-hot labels."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(10), 20).astype(np.float32)
    return p, np.eye(10, dtype=np.float32)[rng.integers(0, 10, 20)]


@pytest.mark.parametrize(
    ("loss", "other", "scale", "offset"),
    [
        ("kl_divergence", "categorical_crossentropy", 1, 0),
        ("poisson", "categorical_crossentropy", 0.1, 0.1),
        ("huber", "mean_squared_error", 0.5, 0),
        ("tversky", "dice", 1, 0),
    ],
)
def test_losses_that_are_others_in_disguise(loss, other, scale, offset, shares):
    p, y = shares
    ours, theirs = (numpy(getattr(keras.losses, name)(y, p)) for name in (loss, other))
    np.testing.assert_allclose(ours, scale * theirs + offset, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in USABLE if "a tenth the size" in LOSSES[name].trap]
)
def test_averaged_over_the_classes(name, shares):
    """Ten classes that cost nothing halve the loss: so it is a mean over classes."""
    p, y = shares
    nothing = np.zeros_like(p)
    if "hinge" in name:
        nothing -= 1.0  # targets of 0 stand for -1
    wide = np.concatenate([p, nothing], 1), np.concatenate([y, np.zeros_like(y)], 1)
    loss = getattr(keras.losses, name)
    np.testing.assert_allclose(
        numpy(loss(wide[1], wide[0])), numpy(loss(y, p)) / 2, rtol=1e-3, atol=1e-6
    )


def test_the_best_other_score_of_categorical_hinge_is_at_least_0():
    y, scores = np.array([[1.0, 0.0]], np.float32), np.array([[0.5, -9.0]], np.float32)
    assert numpy(keras.losses.categorical_hinge(y, scores)) == pytest.approx([0.5])


def test_percentage_error_explodes_where_the_target_is_0(shares):
    p, y = shares
    assert numpy(keras.losses.mean_absolute_percentage_error(y, p)).min() > 1e6


def test_ctc_takes_no_single_label():
    with pytest.raises(ValueError):
        keras.losses.ctc(np.array([3, 1]), np.zeros((2, 10), np.float32))


def test_glu_and_threshold_cannot_be_named_in_a_dense_layer():
    ones = np.ones((2, 6), np.float32)
    assert keras.layers.Dense(4, activation="glu")(ones).shape == (2, 2)
    with pytest.raises(TypeError):
        keras.layers.Dense(4, activation="threshold")(ones)


@pytest.mark.skipif(not keras.__version__.startswith("3.15."), reason="mended after 3.15")
def test_sparsemax_does_not_sum_to_1():
    x = keras.ops.convert_to_tensor(np.array([[0.0, 0.5, 1.0]], np.float32))
    given = numpy(keras.activations.sparsemax(x))
    np.testing.assert_allclose(given, [[0, 0, 0.25]])  # the paper's: 0, 0.25, 0.75


def test_adafactor_divides_0_by_0_unless_its_start_is_fair():
    """A pixel without ink and a unit that is off: their weight's row and column are without."""
    gradient = np.outer([0, 1e-3], [0, 1e-3]).astype(np.float32)
    ends = []
    for options in ({}, OPTIMIZERS["adafactor"].fair):
        weights = keras.Variable(np.ones((2, 2), np.float32))
        keras_optimizer("adafactor", **options).apply(
            [keras.ops.convert_to_tensor(gradient)], [weights]
        )
        ends.append(numpy(weights))
    assert np.isnan(ends[0][0, 0])
    np.testing.assert_allclose(ends[1], [[1, 1], [1, 1 - 1e-3]], atol=2e-4)


X = np.linspace(-4, 4, 81, dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("celu", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
        ("elu", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
        ("exponential", np.exp),
        ("hard_shrink", lambda x: np.where(np.abs(x) > 0.5, x, 0)),
        ("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
        ("hard_silu", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
        ("hard_tanh", lambda x: np.clip(x, -1, 1)),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x)),
        ("linear", lambda x: x),
        ("log_sigmoid", lambda x: -np.log1p(np.exp(-x))),
        ("mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
        ("relu6", lambda x: np.clip(x, 0, 6)),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        ("soft_shrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
        ("softplus", lambda x: np.log1p(np.exp(x))),
        ("softsign", lambda x: x / (1 + np.abs(x))),
        ("sparse_plus", lambda x: np.where(x > 1, x, np.maximum(x + 1, 0) ** 2 / 4)),
        ("sparse_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1)),
        ("squareplus", lambda x: (x + np.sqrt(x**2 + 4)) / 2),
        ("tanh_shrink", lambda x: x - np.tanh(x)),
    ],
)
def test_activations_are_what_their_line_says(name, formula):
    given = numpy(getattr(keras.activations, name)(keras.ops.convert_to_tensor(X)))
    np.testing.assert_allclose(given, formula(X), rtol=1e-4, atol=1e-5)
