"""The arithmetic of the tutorial's benchmark, and its harness on a job made small."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.tutorial import __main__ as command
from benchmarks.tutorial.by_hand import normalized
from benchmarks.tutorial.job import Job, flops_per_image, load_held_out
from benchmarks.tutorial.processes import ProcessFailed, rotated, run
from benchmarks.tutorial.summary import spread, summarize

from benchmarks import markdown, table
from mnistlab.data import load_data


def trained(name: str, turn: int, epochs: list[float], call: float, **more: object) -> dict:
    return {
        "round": turn,
        "contender": name,
        "seconds": {"train": call},
        "epochs": epochs,
        "test_accuracy": 0.97 + turn / 1000,
        "peak_mib": 400.0 if name == "mnistlab" else 800.0,
        **more,
    }


@pytest.fixture
def record() -> dict:
    """Two rounds of two contenders; the second time the machine is twice as slow."""
    measured = {
        "date": "2026-11-22T20:00:00+00:00",
        "command": "python -m benchmarks.tutorial",
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "versions": {"python": "3.11.7", "keras": "3.15.1", "jax": "0.10.2"},
        "hardware": {"processor": "Some CPU", "cores": 2, "memory_gib": 23.6},
        "reduced": False,
        "rounds": 2,
        "job": {"images": 60_000, "epochs": 3},
        "training": [
            trained("mnistlab", 0, [3.0, 0.5, 0.7], 4.5, compile_seconds=2.4),
            trained("keras-jax", 0, [4.0, 2.4, 1.2], 8.0),
            trained("keras-jax", 1, [8.0, 3.0, 3.0], 16.0),
            trained("mnistlab", 1, [5.0, 1.2, 1.2], 8.0, compile_seconds=3.0),
            {"round": 1, "contender": "keras-torch", "error": "no memory"},
        ],
        "whole_process": [
            {"round": 0, "contender": "mnistlab", "seconds": 5.0, "peak_mib": 500.0},
            {"round": 0, "contender": "keras-jax", "seconds": 15.0, "peak_mib": 1000.0},
        ],
        "floor": [
            {"round": 0, "one_core": {"numpy square": 80.0}, "all_cores": {"jax square": 120.0}},
            {"round": 1, "one_core": {"numpy square": 91.33056}, "all_cores": {}},
        ],
    }
    return {**measured, "summary": summarize(measured)}


def test_the_operations_of_an_image_by_hand() -> None:
    forward = 2 * (784 * 128 + 128 * 128 + 128 * 10)
    input_gradients = 2 * (128 * 128 + 128 * 10)
    assert flops_per_image() == 2 * forward + input_gradients == 507_392
    assert Job().flops == 91_330_560_000


def test_floor_is_of_the_best_speed_on_one_core(record: dict) -> None:
    floor = record["summary"]["floor"]
    assert floor["gflop"] == pytest.approx(91.33056)
    assert floor["one_core"] == {"gflops": 91.33056, "seconds": pytest.approx(1.0)}
    assert floor["all_cores"]["seconds"] == pytest.approx(91.33056 / 120)
    # 2.7 s is the median of mnistlab's 1.8 and 3.6.
    assert record["summary"]["training"]["mnistlab"]["ratio_to_floor"] == pytest.approx(2.7)


def test_compiling_apart_and_counted(record: dict) -> None:
    ours = record["summary"]["training"]["mnistlab"]
    assert ours["n"] == 2
    assert ours["warm_epoch"] == pytest.approx({"median": 0.9, "min": 0.6, "max": 1.2})
    assert ours["compile_apart"] == pytest.approx({"median": 2.7, "min": 1.8, "max": 3.6})
    assert ours["epochs_as_they_came"] == pytest.approx({"median": 5.8, "min": 4.2, "max": 7.4})
    assert ours["whole_call"] == pytest.approx({"median": 6.25, "min": 4.5, "max": 8.0})
    assert ours["test_accuracy"]["median"] == pytest.approx(0.9705)


def test_ratios_are_taken_within_a_round(record: dict) -> None:
    theirs = record["summary"]["training"]["keras-jax"]
    # Round 0: 3 x 1.8 / (3 x 0.6); round 1: 3 x 3.0 / (3 x 1.2).
    assert theirs["compile_apart_ratio"] == pytest.approx({"median": 2.75, "min": 2.5, "max": 3})
    # 8 / 4.5 and 16 / 8.
    assert theirs["whole_call_ratio"]["min"] == pytest.approx(16 / 9)
    assert theirs["whole_call_ratio"]["max"] == 2.0
    assert record["summary"]["whole_process"]["keras-jax"]["seconds_ratio"]["median"] == 3.0


def test_a_single_epoch_without_its_compiling_is_the_warm_one(record: dict) -> None:
    record["training"] = [trained("mnistlab", 0, [3.0], 4.0, compile_seconds=2.5)]
    assert summarize(record)["training"]["mnistlab"]["warm_epoch"]["median"] == 0.5


def test_failures_are_kept_out_and_no_reference_means_no_ratio(record: dict) -> None:
    assert "keras-torch" not in record["summary"]["training"]
    record["training"] = record["training"][1:3]
    assert summarize(record)["training"]["keras-jax"]["compile_apart_ratio"] is None
    assert spread([]) is None


def test_the_table(record: dict) -> None:
    lines = table.render(record).splitlines()
    assert lines[2] == (
        "| **mnistlab** | 2.70 (1.80–3.60) | 1 | 6.25 (4.50–8.00) | 400 | 97.05 (97.00–97.10) "
        "| 5.00 | 500 |"
    )
    assert lines[3] == (
        "| Keras `fit`, JAX | 7.20 (5.40–9.00) | 2.8 (2.5–3.0) | 12.00 (8.00–16.00) | 800 "
        "| 97.05 (97.00–97.10) | 15.00 | 1000 |"
    )
    assert "2 rounds by turns; 3 epochs of 60,000 images" in lines[5]
    assert "Some CPU, 2 cores, 24 GiB" in lines[5]
    assert "commit 0123456." in lines[5]
    assert "1.00 s on one core at the 91 GFLOP/s" in lines[7]
    assert "2.7 times" in lines[7]


def test_write_then_check_then_stale(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<begin>\nold\n<end>\nafter\n")
    markers = "<begin>", "<end>"
    with pytest.raises(table.Unusable, match="stale"):
        markdown.check("new", readme, markers)
    for _ in range(2):
        markdown.write("new", readme, markers)
        markdown.check("new", readme, markers)
        assert readme.read_text() == "before\n<begin>\nnew\n<end>\nafter\n"
    readme.write_text("no markers\n")
    for action in (markdown.write, markdown.check):
        with pytest.raises(table.Unusable, match="there must be one"):
            action("new", readme, markers)
    assert readme.read_text() == "no markers\n"


def test_no_record_and_a_reduced_one_are_refused(record: dict) -> None:
    assert table.presentable(record) == table.render(record)
    with pytest.raises(table.Unusable, match="reduced"):
        table.presentable({**record, "reduced": True})
    with pytest.raises(table.Unusable, match="no record yet"):
        table.presentable(None)


def test_everybody_is_first_in_turn() -> None:
    names = ["a", "b", "c"]
    assert [rotated(names, turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert rotated([], 3) == []


def test_a_process_is_watched() -> None:
    code = "import time; a = bytearray(200 << 20); time.sleep(0.2); print('done')"
    finished = run([sys.executable, "-c", code])
    assert finished.stdout == "done\n"
    assert 0.2 < finished.seconds < 30
    # A child's peak begins at what its parent held when it forked: this test's, here.
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert 200 < finished.peak_mib < max(400, held + 10)
    with pytest.raises(ProcessFailed, match=r"ended with 3:\nwhy"):
        run([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])


def test_columns_are_normalised_as_keras_does() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    images[:, :, 3] = 0
    norm = np.sqrt((images.astype(float) ** 2).sum(axis=1, keepdims=True))
    expected = images / np.where(norm == 0, 1, norm)
    assert np.allclose(normalized(images), expected.reshape(5, 784), atol=1e-7)


def test_held_out_images_are_the_next_and_scored_after_each_epoch() -> None:
    job = Job(images=640, epochs=2, held_out=320)
    command = [sys.executable, "-m", "benchmarks.tutorial.contenders", "mnistlab"]
    measured = json.loads(run([*command, *job.options()]).stdout)
    assert len(measured["epochs"]) == 2
    right = 320 * measured["val_accuracy"]
    assert right == pytest.approx(round(right), abs=1e-3)
    assert 0.3 < measured["val_accuracy"] < 1
    (images, _), ((x, _), _) = load_held_out(job), load_data()
    assert np.array_equal(images, x[640:960])
    assert job.reduced
    for count in (-1, 60_000):
        with pytest.raises(ValueError, match=f"no {count} images after the first 640"):
            load_held_out(replace(job, held_out=count))


@pytest.mark.slow
def test_the_harness_measures_mnistlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "record.json"
    options = ["--only", "mnistlab", "--rounds=1", "--images=640", "--epochs=1", f"--out={out}"]
    monkeypatch.setattr(sys, "argv", ["benchmark", *options, "--skip-whole-process"])
    command.main()
    record = json.loads(out.read_text())
    (measured,) = record["training"]
    assert record["reduced"] is True
    assert measured["contender"] == "mnistlab"
    assert len(measured["epochs"]) == 1
    assert 0 < measured["compile_seconds"] < measured["epochs"][0] < measured["seconds"]["train"]
    assert 0.3 < measured["test_accuracy"] < 0.95
    assert measured["peak_mib"] > 100
    assert record["summary"]["training"]["mnistlab"]["compile_apart"]["median"] < 2
    assert record["floor"][0]["one_core"]["numpy square"] > 1
    assert record["command"].startswith("python -m benchmarks.tutorial --rounds=1")
