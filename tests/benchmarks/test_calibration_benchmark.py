"""The calibration: pools read, studies drawn, winners counted, the record written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibration.__main__ import main
from benchmarks.calibration.studies import (
    Design,
    Pool,
    UnusablePool,
    attainable_level,
    calibrate,
    draw_study,
    read_pool,
)

from mnistlab.evaluation.scores import wilson_interval


def make_pool(n: int = 60, seed: int = 0) -> Pool:
    counts = np.random.default_rng(seed).normal(9750, 15, n).round()
    return Pool("adam", tuple(range(n)), tuple((counts / 10_000).tolist()))


def write_pool(path: Path, pool: Pool) -> Path:
    rows = [f"{pool.arm},{s},{a},x" for s, a in zip(pool.seeds, pool.accuracies, strict=True)]
    path.write_text("\n".join(["arm,seed,test_accuracy,state", *rows, "sgd,0,0.9,x", "sgd,1,,x"]))
    return path


def test_a_pool_is_one_arm(tmp_path: Path) -> None:
    path = write_pool(tmp_path / "pool.csv", make_pool())
    assert read_pool(path, "adam") == make_pool()
    assert read_pool(path, "sgd") == Pool("sgd", (0,), (0.9,))  # the other diverged
    with pytest.raises(UnusablePool, match="found adam, sgd"):
        read_pool(path)
    with pytest.raises(UnusablePool, match="found none"):
        read_pool(path, "lion")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arm,seed\na,1\n", "no column test_accuracy"),
        ("", "no column arm, seed, test_accuracy"),
        ("arm,seed,test_accuracy\na,1,high\n", "cannot be read"),
        ("arm,seed,test_accuracy\na,1,0.9\na,1,0.8\n", "2 trials of 1 seeds"),
    ],
)
def test_a_pool_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pool.csv"
    path.write_text(text)
    with pytest.raises(UnusablePool, match=message):
        read_pool(path)
    with pytest.raises(UnusablePool, match="cannot be read"):
        read_pool(tmp_path / "absent.csv")


def test_a_study_takes_each_seed_once() -> None:
    # Six values, three of each arm: 1, 2, 4 ... make every sum of signs another one.
    accuracies = np.array([2.0**i for i in range(6)]) / 100
    rng = np.random.default_rng(0)
    found = {draw_study(accuracies, Design(seeds=3, examples=100), rng) for _ in range(200)}
    assert found == {0.25, 0.5, 0.75, 1.0}


def test_the_level_that_can_be_had() -> None:
    assert attainable_level(10) == 50 / 1024
    assert attainable_level(6) == 2 / 64
    assert attainable_level(5) == 0.0


def test_equal_arms_win_as_often_as_chance_lets_them() -> None:
    found = calibrate(make_pool(), Design(studies=2000))
    assert found["interval"] == list(wilson_interval(found["false_positives"], 2000))
    assert found["rate"] == found["false_positives"] / found["n"]
    assert found["interval"][0] <= found["attainable"] <= found["interval"][1]
    assert calibrate(make_pool(), Design(studies=50)) == calibrate(make_pool(), Design(studies=50))


def test_a_pool_of_equal_trials_has_no_winner() -> None:
    pool = Pool("adam", tuple(range(20)), (0.97,) * 20)
    assert calibrate(pool, Design(studies=20))["false_positives"] == 0
    with pytest.raises(UnusablePool, match="takes 30 seeds; the pool has 20"):
        calibrate(pool, Design(arms=3))


def test_the_command_leaves_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool, out = write_pool(tmp_path / "pool.csv", make_pool()), tmp_path / "records" / "record.json"
    words = ["--pool", str(pool), "--arm", "adam", "--studies", "100", "--arms", "3"]
    assert main([*words, "--out", str(out)]) == 0
    record = json.loads(out.read_text())
    assert record["command"] == (
        "python -m benchmarks.calibration --pool=POOL --arm=adam --studies=100 --arms=3"
        " --seeds=10 --examples=10000 --random-seed=1"
    )
    assert record["summary"] == calibrate(make_pool(), Design(studies=100, arms=3))
    assert record["pool"]["test_accuracy"] == list(make_pool().accuracies)
    assert record["pool"]["summary"]["n"] == 60
    assert {"versions", "hardware", "git", "date"} <= set(record)
    assert "of 100 studies found a winner" in capsys.readouterr().out


def test_the_command_says_what_it_cannot_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--pool", str(tmp_path / "absent.csv")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    for wrong in (["--studies", "0"], ["--seeds", "1"], ["--arms", "1"]):
        with pytest.raises(SystemExit, match="2"):
            main(["--pool", "pool.csv", *wrong])
