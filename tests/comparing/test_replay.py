"""The posts' cells: weights kept, that Keras' optimizers, the rule for the hidden epochs."""

from __future__ import annotations

import math
from dataclasses import replace

import keras
import numpy as np
import pytest

from mnistlab.comparing.posts import (
    CELLS,
    KERAS_2,
    PART_ONE,
    SCENARIOS,
    TARGET,
    TODAY,
    CellRecord,
    HiddenEpochs,
    first_at_or_below,
    hidden_epochs,
    spread,
)
from mnistlab.comparing.replay import CELLS_PER_SEED, Story, replay, replay_seed
from mnistlab.data import cache_dir, load
from mnistlab.models.backend import cache_compilations
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import compile_model, make_optimizer, new_model

pytestmark = pytest.mark.filterwarnings("ignore::mnistlab.training.handover.HandOver")
SETTINGS = TrainSettings(model="mlp:hidden=16", batch_size=16, seed=3)


@pytest.fixture(scope="module", autouse=True)
def compiled_programs():
    """Keep what is compiled, as the command does: each program is needed a dozen times."""
    cache_compilations(cache_dir() / "compiled")


@pytest.fixture(scope="module")
def data(glyphs):
    return load(str(glyphs))


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def record(data, told):
    """One seed, where part two is said to begin at a loss that the glyphs take a while to."""
    return replay_seed(SETTINGS, data, 40, lambda what, logs: told.append((what, logs)), target=0.5)


@pytest.fixture(scope="module")
def two_seeds(data):
    """Two seeds that do not get to where the posts' part two begins."""
    return replay(SETTINGS, data, [3, 4], 5, lambda what, logs: None)


def story(data):
    return Story(new_model(SETTINGS, data), SETTINGS, data, lambda what, logs: None)


def optimizer(recipe):
    made = make_optimizer(
        replace(SETTINGS, optimizer=recipe.optimizer, learning_rate=recipe.learning_rate)
    )
    weights = keras.Variable(np.zeros(2, np.float32))
    made.build([weights])
    return made, weights


def step(recipe, gradient):
    made, weights = optimizer(recipe)
    before = array(weights)
    made.apply([keras.ops.convert_to_tensor(np.array(gradient, np.float32))])
    return array(weights) - before


def array(variable):
    return np.array(keras.ops.convert_to_numpy(variable.value))


@pytest.mark.parametrize(
    ("losses", "first", "hidden"),
    [
        ([0.2667, 0.1104, 0.0744, 0.05, 0.02, 0.0159, 0.01], 6, 2),
        ([0.3, 0.1, 0.07, 0.0158, 0.02], 4, 0),
        ([0.3, 0.01, 0.07], 2, 0),
        ([0.3, 0.1, math.nan, 0.0160], None, None),
        ([0.3, math.nan, 0.0], 3, 0),
        ([], None, None),
    ],
)
def test_the_first_epoch_below(losses, first, hidden):
    assert first_at_or_below(losses, TARGET) == first
    assert hidden is None or hidden_epochs(first) == hidden


def test_spread_is_that_of_statistics():
    values = [0.9, 0.7, 0.8, 0.9]
    found = spread(values)
    assert (found.least, found.most, found.n) == (0.7, 0.9, 4)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert math.isnan(spread([0.5]).sd)
    assert spread([0.5]).mean == 0.5
    assert math.isnan(spread([0.5, math.nan]).mean)
    assert spread([]).n == 0


def test_the_posts_figures():
    assert [len(cell.loss) for cell in CELLS] == [3, 3, 3, 3]
    assert TARGET == 0.0159
    losses = [loss for cell in CELLS for loss in cell.loss]
    assert losses == sorted(losses, reverse=True)
    assert set(KERAS_2) == set(TODAY) == {cell.optimizer for cell in CELLS}


@pytest.mark.parametrize(("size", "tolerance"), [(2.0, 1e-4), (1e-3, 2e-4), (1e-5, 0.011)])
def test_adagrad_starts_as_that_keras_did(size, tolerance):
    """p - lr g / (sqrt(a) + 1e-7), a = 0 + g²: a whole rate at once, however small g is."""
    made, _ = optimizer(KERAS_2["adagrad"])
    assert [array(v).tolist() for v in made._accumulators] == [[0.0, 0.0]]
    expected = -0.01 * size / (size + 1e-7)
    moved = step(KERAS_2["adagrad"], [size, -size])
    np.testing.assert_allclose(moved, [expected, -expected], rtol=tolerance)


def test_adagrads_two_epsilons_never_differ_by_more_than_the_root_of_two():
    a = np.concatenate([[0.0], np.geomspace(1e-20, 1.0, 400)])
    ratio = (np.sqrt(a) + 1e-7) / np.sqrt(a + 1e-14)
    assert ratio[0] == 1
    assert ratio.max() <= math.sqrt(2)
    assert ratio[a > 1e-10].max() < 1.01


def test_adagrad_today_starts_at_a_tenth():
    made, _ = optimizer(TODAY["adagrad"])
    assert array(made._accumulators[0]).tolist() == pytest.approx([0.1, 0.1])
    moved = step(TODAY["adagrad"], [0.3, -2.0])
    expected = -0.001 * np.array([0.3, -2.0]) / np.sqrt(0.1 + np.array([0.09, 4.0]))
    np.testing.assert_allclose(moved, expected, rtol=1e-3)


@pytest.mark.parametrize(("recipes", "rate"), [(KERAS_2, 1.0), (TODAY, 0.001)])
def test_adadelta_then_and_today_differ_by_the_rate(recipes, rate):
    """g sqrt(0 + 1e-7) / sqrt(0.05 g² + 1e-7), times the rate."""
    g = np.array([0.3, -2.0])
    expected = -rate * g * np.sqrt(1e-7) / np.sqrt(0.05 * g * g + 1e-7)
    np.testing.assert_allclose(step(recipes["adadelta"], g), expected, rtol=2e-3)


def test_adam_then_and_today_are_the_same():
    then, today = (optimizer(each["adam"])[0].get_config() for each in (KERAS_2, TODAY))
    assert then.pop("name") != today.pop("name")  # Keras numbers them
    assert then == today
    assert then["epsilon"] == 1e-7


def test_compiling_again_keeps_the_weights_and_makes_a_new_optimizer(data):
    model = new_model(SETTINGS, data)
    weights, before = model.get_weights(), model.optimizer
    compile_model(model, replace(SETTINGS, optimizer="adagrad"))
    assert model.optimizer is not before
    assert isinstance(model.optimizer, keras.optimizers.Adagrad)
    for kept, was in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(kept, was)


def test_each_cell_goes_on_from_the_one_before(data, record):
    """Adagrad's first epoch from the trained model, recomputed by hand."""
    scenario = SCENARIOS[0]
    again = story(data)
    again.train("part one", "", 3)
    again.compile(scenario.recipes["adam"])
    again.train("adam", "", 3)
    again.compile(scenario.recipes["adagrad"])
    adagrad = again.train("adagrad", "", 3)
    assert adagrad == record.scenarios["then"][1]
    assert again.epoch == 9


def test_a_record_of_a_seed(record, told):
    assert record.part_one.optimizer == "adam"
    assert set(record.scenarios) == {"then", "today", "hidden"}
    for cells in record.scenarios.values():
        assert [each.cell for each in cells] == ["adam", "adagrad", "adadelta"]
        assert {len(each.loss) for each in cells} == {3}
    rates = {name: [c.learning_rate for c in cells] for name, cells in record.scenarios.items()}
    assert rates["then"] == rates["hidden"] == [0.001, 0.01, 1.0]
    assert rates["today"] == [0.001, 0.001, 0.001]
    # Adam has the same defaults then and today, and goes on from the same model.
    assert record.scenarios["then"][0] == record.scenarios["today"][0]
    assert len(told) == CELLS_PER_SEED
    assert told[0][0] == "seed 3, part one"


def test_the_search_goes_on_from_part_one_to_the_first_epoch_below(data, record):
    search = record.search
    assert search.loss[:3] == record.part_one.loss
    assert min(search.loss[:-1]) > 0.5 >= search.loss[-1]
    assert search.first == len(search.loss) > 4
    assert search.hidden == search.first - 4
    again = story(data)
    longer = again.train("part one", "", search.first - 1)
    assert longer.loss == search.loss[:-1]
    assert longer.test_accuracy == search.test_accuracy
    again.compile(KERAS_2["adam"])
    assert again.train("adam", "", 3) == record.scenarios["hidden"][0]


def test_a_loss_that_part_one_reaches_needs_no_search(data):
    again = story(data)
    part_one = again.train("part one", "", 3)
    weights = again.weights()
    search, before = again.search(part_one, 10.0, 40)
    assert search == HiddenEpochs(part_one.loss, 1, part_one.test_accuracy)
    assert search.hidden == 0
    for kept, was in zip(before, weights, strict=True):
        np.testing.assert_array_equal(kept, was)


def test_a_search_in_vain_leaves_the_scenario_out(two_seeds):
    for found in two_seeds.seeds:
        assert found.search.first is found.search.hidden is found.search.test_accuracy is None
        assert len(found.search.loss) == 5
        assert set(found.scenarios) == {"then", "today"}
    assert two_seeds.spread("hidden", "adam", "loss", 0).n == 0
    document = two_seeds.to_json()
    assert document["seeds"][0]["search"]["hidden"] is None
    assert [each["name"] for each in document["posts"]] == [cell.name for cell in CELLS]


def test_a_replay_sums_up_its_seeds(two_seeds, record):
    first, second = two_seeds.seeds
    assert (first.seed, second.seed) == (3, 4)
    values = [each.scenarios["today"][1].loss[2] for each in two_seeds.seeds]
    assert two_seeds.spread("today", "adagrad", "loss", 2) == spread(values)
    assert two_seeds.spread("today", "part one", "accuracy", 0).n == 2
    assert two_seeds.to_json()["ours"][0]["loss"][0]["mean"] == pytest.approx(
        (first.part_one.loss[0] + second.part_one.loss[0]) / 2
    )
    # A seed says the same whatever it is run with.
    assert first.part_one == record.part_one
    assert first.scenarios["today"] == record.scenarios["today"]


@pytest.mark.slow
def test_part_one_on_mnist_is_the_posts(tmp_path):
    """A floor and a ceiling about each of part one's figures."""
    mnist = load("mnist")
    settings = TrainSettings()
    told = Story(new_model(settings, mnist), settings, mnist, lambda what, logs: None)
    ours: CellRecord = told.train(PART_ONE.name, "", 3)
    np.testing.assert_allclose(ours.loss, PART_ONE.loss, atol=0.012)
    np.testing.assert_allclose(ours.accuracy, PART_ONE.accuracy, atol=0.0035)
    assert 0.965 < ours.test_accuracy < 0.980
