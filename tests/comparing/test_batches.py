"""How trials become batches, and travel: no Ray is started here."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnistlab.comparing import batches
from mnistlab.comparing.batches import RETRIES, Waiting, batch_size
from mnistlab.comparing.plan import Protocol, Trial, make_arms
from mnistlab.comparing.question import Question, ray_address
from mnistlab.comparing.ray_worker import difference, portable
from mnistlab.data import load
from mnistlab.errors import MissingExtraError, OptionError, UnknownNameError
from mnistlab.training.settings import TrainSettings

BASE = TrainSettings(validation=100, backend="jax", epochs=1, model="linear")


def waiting_of(count: int, base: TrainSettings = BASE) -> Waiting:
    arms = make_arms("optimizer", ["adam", "sgd"], base)
    trials = [(str(n), Trial(arms[n % 2], n, 0.1 + n % 4 // 2, True)) for n in range(count)]
    return Waiting(trials, {arm: place for place, arm in enumerate(arms)})


def test_batches_share_a_program_and_get_smaller_towards_the_end() -> None:
    waiting, sizes = waiting_of(100), []
    while waiting.count:
        batch = waiting.take(lambda kind, left: max(1, left // 4))
        assert len({job.arm for job in batch.jobs}) == 1
        sizes.append(len(batch.jobs))
    assert sum(sizes) == 100
    assert sizes[0] == 25
    assert sizes[-4:] == [1, 1, 1, 1]


def test_a_schedule_is_compiled_in_with_its_rate() -> None:
    waiting = waiting_of(100, replace(BASE, schedule="cosine"))
    while waiting.count:
        jobs = waiting.take(lambda kind, left: 100).jobs
        assert len(jobs) == 25
        assert len({(job.arm, job.learning_rate) for job in jobs}) == 1


def test_a_lost_trial_goes_first_and_alone_and_is_given_up_in_the_end() -> None:
    waiting = waiting_of(10)
    lost = waiting.take(lambda kind, left: 3)
    for _ in range(RETRIES):
        assert all(waiting.back(lost.kind, job) for job in lost.jobs)
        assert waiting.count == 10
        assert [waiting.take(lambda kind, left: 9).jobs for _ in lost.jobs] == [
            [job] for job in lost.jobs
        ]
    assert not any(waiting.back(lost.kind, job) for job in lost.jobs)
    assert waiting.count == 7


@pytest.mark.parametrize(
    ("seconds", "waiting", "workers", "size"),
    [
        (None, 10**6, 2, 1),
        (0.1, 10**6, 2, 20),  # two seconds
        (5.0, 10**6, 2, 1),
        (0.001, 10**6, 2, batches.LARGEST),
        (1.0, 10**6, 16_000, 31),  # 62 waiting for each; 80 s, for 200 batches a second
        (0.1, 40, 4, 5),
        (0.1, 3, 4, 1),
    ],
)
def test_the_size_of_a_batch(seconds: Any, waiting: int, workers: int, size: int) -> None:
    assert batch_size(seconds, waiting, workers) == size


def test_an_own_model_goes_where_its_file_is_not(glyphs: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "import keras\ndef model():\n    return keras.Sequential([keras.Input((28, 28)),"
        "keras.layers.Flatten(), keras.layers.Dense(10, activation='softmax')])\n"
    )
    base = TrainSettings(model=f"{path}:model", backend="jax", last_activation="softmax")
    arm, _ = make_arms("optimizer", ["adam", "sgd"], base)
    there = pickle.loads(pickle.dumps(portable(arm)))
    assert Trial(there, 1, 0.1, True).key("d", {}) == Trial(arm, 1, 0.1, True).key("d", {})
    before = path.read_text()
    path.unlink()
    model = there.build(there.settings, load(glyphs))
    assert model.count_params() == 7850
    path.write_text(before + "# another\n")
    changed, _ = make_arms("optimizer", ["adam", "sgd"], base)
    assert Trial(changed, 1, 0.1, True).key("d", {}) != Trial(arm, 1, 0.1, True).key("d", {})


def test_other_versions_are_named() -> None:
    said = difference({"keras": "4.0", "jax": "1"}, {"keras": "3.1", "jax": "1", "torch": "2"})
    assert said == "keras 3.1, not 4.0; torch 2, not installed"


def test_where_trials_run() -> None:
    assert ray_address(None, None) is None
    assert ray_address("ray", None) == "local"
    assert ray_address("ray", "auto") == ray_address(None, "auto") == "auto"
    with pytest.raises(UnknownNameError, match="unknown place to run trials 'spark'"):
        ray_address("spark", None)
    with pytest.raises(OptionError, match="is empty"):
        ray_address("ray", " ")


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mnistlab\[ray\]'"):
        Question("optimizer", [], Protocol(), ray="local").check()
