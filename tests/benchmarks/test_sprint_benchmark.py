"""The sprints' summary and table from hand-made measurements; the ensembles' arithmetic."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import pytest
from benchmarks.climb import table as climb_table
from benchmarks.climb.__main__ import check_settings, ensembles, setting
from benchmarks.record import all_of, newest, record_path
from benchmarks.seeds import run_folder, seeds_for
from benchmarks.sprint import table
from benchmarks.sprint.__main__ import main, summarize

from mnistlab.training.runs import Run
from mnistlab.training.settings import TrainSettings


def run(accuracy: float, train: float, compiling: float) -> dict[str, Any]:
    return {"test_accuracy": accuracy, "seconds": {"train": train, "compile": compiling}}


@pytest.fixture
def record() -> dict[str, Any]:
    """Three seeds; two rounds, in the second of which the machine is twice as slow."""
    made = {
        "date": "2026-01-02T00:00:00+00:00",
        "git": {"commit": "0123456789", "dirty": False},
        "hardware": {"processor": "abacus", "cores": 2},
        "commands": {"99.0": ["mnistlab", "train", "--model=cnn-fast"]},
        "sprints": {"99.0": [run(0.99, 2.0, 4.0), run(0.991, 3.0, 0.5), run(0.992, 2.5, 0.5)]},
        "contenders": [
            {"round": 0, "contender": "convnet-mnistlab", "epochs": [9.0, 2.0, 2.0]},
            {"round": 0, "contender": "convnet-jax", "epochs": [20.0, 6.0, 8.0]},
            {"round": 1, "contender": "convnet-mnistlab", "epochs": [9.0, 4.0, 4.0]},
            {"round": 1, "contender": "convnet-jax", "epochs": [20.0, 12.0, 12.0]},
            {"round": 1, "contender": "torch", "error": "it fell over"},
        ],
    }
    return {**made, "summary": summarize(made)}


def test_the_summary(record):
    sprint = record["summary"]["sprints"]["99.0"]
    assert sprint["test_accuracy"]["mean"] == pytest.approx(0.991)
    assert sprint["test_accuracy"]["n"] == 3
    assert sprint["training_seconds"] == {"median": 2.5, "min": 2.0, "max": 3.0}
    assert sprint["compile_seconds_cold"] == 4.0  # the first, with nothing cached
    times = record["summary"]["times_mnistlab"]  # within a round: 7 / 2 and 12 / 4
    assert times["convnet-jax"] == {"median": 3.25, "min": 3.0, "max": 3.5}
    assert set(times) == {"convnet-mnistlab", "convnet-jax"}


def test_the_table(record):
    lines = table.render([record]).splitlines()
    assert lines[2].startswith("| 99.0 % | **99.10** (98.85–99.35) | 3 | 2.50 (2.00–3.00) | 4.0 |")
    assert lines[2].endswith("| abacus, 2 cores, 2026-01-02, 0123456 |")
    assert lines[-1] == "| Keras' `mnist_convnet`, `fit` on JAX | 9.5 (7.0–12.0) | 3.2 (3.0–3.5) |"


def test_a_record_of_a_gpu_names_it_and_is_no_processors_newest(record, tmp_path):
    later = json.loads(json.dumps(record)) | {"date": "2026-01-03T00:00:00+00:00"}
    later["hardware"]["accelerators"] = ["Loom 9000"]
    paths = [record_path({**each, "benchmark": "sprint"}).name for each in (record, later)]
    assert paths == ["sprint-2026-01-02-abacus-2c.json", "sprint-2026-01-03-loom-9000.json"]
    for name, each in zip(paths, (record, later), strict=True):
        (tmp_path / name).write_text(json.dumps(each))
    found = [each["date"] for each in all_of("sprint", tmp_path)]
    assert found == [later["date"], record["date"]]
    assert newest("sprint", tmp_path)["date"] == record["date"]
    assert table.render([later]).splitlines()[2].endswith("| Loom 9000, 2026-01-03, 0123456 |")


def test_the_climbs_table(record):
    summary = {
        "test_accuracy": {"mean": 0.997, "interval": [0.9968, 0.9972], "n": 5},
        "training_seconds": {"mean": 330},
    }
    everyone = {"members": 5, "test_accuracy": 0.9977, "n": 10_000, "interval": [0.9966, 0.9985]}
    together = {"members": 3, "choices": 10, "mean": 0.9975, "least": 0.9973, "most": 0.9977}
    climb = {
        **record, "summary": summary, "ensembles": {**together, "all": everyone},
        "runs": [{"config": {"devices": 2}}], "command": "python -m benchmarks.climb",
    }  # fmt: skip
    lines = climb_table.render(climb).splitlines()
    assert lines[2].endswith("| **99.70** (99.68–99.72) | 5 | 5.5 |")
    assert lines[3].endswith("| **99.75** (99.73–99.77) | 10 of 5 networks |  |")
    assert lines[4].endswith("(95 % interval over 10,000 images) | 99.77 (99.66–99.85) | 1 |  |")
    assert lines[-1] == "abacus, 2 cores; 2026-01-02, commit 0123456. `python -m benchmarks.climb`"
    alone = climb_table.render({**climb, "runs": [{"config": {"devices": 1}}]}).splitlines()
    assert alone[-1].startswith("abacus, 2 cores, each network on one of them; 2026-01-02")


def test_ensembles_are_geometric_means_of_all_choices():
    labels = np.array([0, 0, 1])
    one = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]  # wrong in the second
    two = [[0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]  # wrong in the third
    three = [[0.1, 0.9], [0.6, 0.4], [0.1, 0.9]]  # wrong in the first
    found = ensembles(np.array([one, two, three]), labels, members=2)
    # one and two: all right; one and three: 0.09 to 0.09 is a tie, taken for 0, and right;
    # 0.24 to 0.24 likewise; two and three: wrong in the first alone.
    assert found["choices"] == 3
    assert (found["least"], found["most"]) == (pytest.approx(2 / 3), 1.0)
    assert found["all"]["members"] == 3
    assert found["all"]["test_accuracy"] == 1.0


def test_runs_of_other_settings_are_not_gone_on_with(tmp_path):
    Run.create(tmp_path / "run", TrainSettings(epochs=18, augment="shift=1"), {})
    check_settings(tmp_path / "run", ["--epochs=18", "--augment=shift=1", "--devices=1"])
    with pytest.raises(SystemExit, match="not trained with --epochs=20; give another folder"):
        check_settings(tmp_path / "run", ["--epochs=20"])


@pytest.mark.parametrize("text", ["epochs", "epoch=3", "seed=3", "model=mlp", "=3", ""])
def test_what_is_no_setting_of_a_climb(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not NAME=VALUE"):
        setting(text)
    assert setting("learning-rate=0.1") == "learning-rate=0.1"


def test_of_one_machine_the_newest_record_is_shown(record):
    later = {**record, "date": "2026-01-03T00:00:00+00:00"}
    lines = table.render([later, record]).splitlines()
    assert [line for line in lines if line.startswith("| 99.0 %")] == [lines[2]]
    assert lines[2].endswith("| abacus, 2 cores, 2026-01-03, 0123456 |")


@pytest.mark.parametrize(
    ("model", "seeds"),
    [("cnn-fast", [1, 2, 3]), ("ensemble", [1, 101, 201]), ("ensemble:members=100", [1, 101, 201])],
)
def test_no_two_trainings_of_a_sprint_have_a_seed_in_common(model, seeds):
    assert list(seeds_for(model, 3)) == seeds


def test_a_sprint_does_not_begin_where_its_networks_are_kept_already(tmp_path, capsys):
    run_folder(tmp_path, "cnn-fast", 2).mkdir()
    with pytest.raises(SystemExit):
        main(["--targets=99.0", "--seeds=2", "--rounds=0", f"--runs={tmp_path}"])
    assert "cnn-fast-2 is there already; --runs takes another folder" in capsys.readouterr().err
