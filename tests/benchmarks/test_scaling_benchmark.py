"""Scaling's summary and its arithmetic for many nodes, from hand-made measurements."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.markdown import Unusable
from benchmarks.scaling import table
from benchmarks.scaling.__main__ import summarize


def study(turn: int, on: str, seconds: float) -> dict[str, Any]:
    return {"round": turn, "on": on, "seconds": seconds, "connect_seconds": 3.0,
            "warm_seconds": 1.0, "batches": 100, "trial_seconds": 200.0}  # fmt: skip


def tiny(on: str, size: int, seconds: float) -> dict[str, Any]:
    return {"on": on, "size": size, "seconds": seconds, "trial_seconds": 1.0, "batches": 500}


@pytest.fixture
def record() -> dict[str, Any]:
    """Two rounds, the second on a machine twice as slow."""
    made = {
        "date": "2026-01-02T00:00:00+00:00", "command": "python", "reduced": False, "workers": 2,
        "hardware": {"processor": "abacus", "cores": 2},
        "studies": [study(0, "here", 100), study(0, "ray", 103), study(0, "nodes", 105),
                    study(1, "here", 200), study(1, "ray", 208), study(1, "nodes", 204)],
        "batches": [tiny("here", 1, 1.0), tiny("ray", 1, 1.5), tiny("ray", 10, 2.0),
                    tiny("ray", 100, 3.0)],
        "file": {
            "commits": [{"batch": 1, "rows": 500, "mb": 1.0, "rows_a_second": 100.0},
                        {"batch": 100, "rows": 1000, "mb": 1.5, "rows_a_second": 5000.0}],
            "study": {"cpu_ms_a_trial": 0.5, "mib_a_thousand": 2.0},
        },
    }  # fmt: skip
    return {**made, "summary": summarize(made)}


def test_the_summary(record: dict[str, Any]) -> None:
    found = record["summary"]
    assert found["times_here"]["ray"]["median"] == pytest.approx(1.035)  # 1.03 and 1.04
    assert found["times_here"]["nodes"] == pytest.approx(
        {"median": 1.035, "min": 1.02, "max": 1.05}
    )
    assert found["start_seconds"]["ray"]["median"] == 4.0
    assert found["core_seconds_a_training"] == 2.0
    # Two cores for 1.5 s, less 1 s of trials: 2 s for 500 batches.
    assert found["core_ms_a_batch"]["ray 1"]["median"] == 4.0
    assert found["bytes_a_row"] == 1500


def test_a_million_trials_on_paper(record: dict[str, Any]) -> None:
    one, _, thousand = (table.row(nodes, record["summary"]) for nodes in (1, 100, 1000))
    # 2,000,000 s on 16 cores; batches of one; 500 s of driver and 4 ms a batch; 10 ms a row.
    assert one == ["1", "34.7 h", "1", "1,000,000", "75 min", "2.8 h", "0 s", "cores"]
    # 16,000 cores: 31 trials each wait, batches of 80 s at most.
    assert thousand[1:4] == ["2 min", "31", "32,258"]
    assert thousand[-1] == "driver"


def test_what_may_be_shown(record: dict[str, Any]) -> None:
    assert table.render(None) == table.NONE
    assert "× built-in | 1.035 (1.030–1.040) |" in table.render(record)
    with pytest.raises(Unusable, match="reduced"):
        table.render({**record, "reduced": True})
