"""The newest record of scaling as text, for docs/scaling.md: with `--write FILE` or `--check FILE`.

What was measured, and by arithmetic from it what many nodes and a million trials would do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmarks import markdown
from benchmarks.markdown import Unusable, figure
from benchmarks.record import newest
from mnistlab.comparing.batches import batch_size

MARKERS = "<!-- scaling:begin -->", "<!-- scaling:end -->"
NONE = "There is no record yet: `python -m benchmarks.scaling` makes one."
CORES = 16
"""Of a node, on paper."""
TRIALS = 1_000_000
DATA_MB, LINK_MB = 55.0, 125.0
"""MNIST as uint8, and what a link of 1 Gbit/s moves in a second."""


def render(record: Mapping[str, Any] | None) -> str:
    """Make the text of a record's summary. Raises Unusable for one of a reduced job."""
    if record is None:
        return NONE
    if record["reduced"]:
        raise Unusable(f"the record of {record['date']} is of a reduced job: a trial, not a result")
    return f"{measured(record)}\n\n{on_paper(record['summary'])}"


def measured(record: Mapping[str, Any]) -> str:
    """Make the table of what was measured, and the line under it."""
    found, hardware = record["summary"], record["hardware"]
    rates, cost = found["rows_a_second"], found["core_ms_a_batch"]
    trials = record["studies"][0]["batches"]
    name = {"here": "built-in executor", "ray": "Ray, one node", "nodes": "Ray, two nodes"}
    rows = [
        [f"{trials} trainings, {name[on]}, s", figure(found["seconds"][on], ".1f")] for on in name
    ]
    rows += [[f"the same, {name[on]}, × built-in", figure(found["times_here"][on], ".3f")]
             for on in ("ray", "nodes")]  # fmt: skip
    rows += [[f"start, {name[on]}, s", figure(found["start_seconds"][on], ".1f")] for on in name]
    rows += [
        ["a trial in itself, built-in, core-ms", figure(cost["here 1"], ".2f")],
        *([f"a batch of {n}, Ray, core-ms", figure(cost[f"ray {n}"], ".2f")] for n in (1, 10, 100)),
        ["rows committed a second, one by one", f"{min(rates['1']):,.0f}"],
        ["rows committed a second, by hundreds", f"{min(rates['100']):,.0f}"],
        ["bytes of file a row", f"{found['bytes_a_row']:,.0f}"],
        ["driver, CPU ms a trial", f"{found['driver_cpu_ms_a_trial']:.2f}"],
        ["driver, MiB a thousand trials", f"{found['driver_mib_a_thousand']:.1f}"],
    ]
    return (
        f"{markdown.table(['', 'median (least–most)'], rows)}\n\n"
        f"{found['n']} rounds by turns, {record['workers']} workers; {hardware['processor']}, "
        f"{hardware['cores']} cores; {record['date'][:10]}. `{record['command']}`"
    )


def on_paper(found: Mapping[str, Any]) -> str:
    """Make the table of what follows for a million trials on nodes of CORES cores."""
    rows = [row(nodes, found) for nodes in (1, 100, 1000)]
    head = ("nodes", "cores' time", "batch, trials", "batches", "driver's time", "file's time",
            "data to all nodes", "bound by")  # fmt: skip
    return (
        f"On paper, {TRIALS:,} trainings of {found['core_seconds_a_training']:.2f} s on nodes of "
        f"{CORES} cores:\n\n{markdown.table(head, rows)}\n\n"
        f"The file has {TRIALS * found['bytes_a_row'] / 1e9:.1f} GB in the end, the driver "
        f"{TRIALS / 1000 * found['driver_mib_a_thousand'] / 1024:.1f} GiB of records."
    )


def row(nodes: int, found: Mapping[str, Any]) -> list[str]:
    """Work out one size of cluster, as `RayExecutor` cuts its batches."""
    training, cores = found["core_seconds_a_training"], nodes * CORES
    size = batch_size(training, TRIALS, cores)
    batches = TRIALS / size
    seconds = {
        "cores": TRIALS * training / cores,
        "driver": TRIALS * found["driver_cpu_ms_a_trial"] / 1000
        + batches * found["core_ms_a_batch"]["ray 1"]["median"] / 1000,
        "file": commits(size, found) * TRIALS,
        "data": nodes * DATA_MB / LINK_MB,
    }
    spoken = {name: hours(value) for name, value in seconds.items()}
    bound = max(seconds, key=lambda name: seconds[name])
    return [f"{nodes:,}", spoken["cores"], str(size), f"{batches:,.0f}", spoken["driver"],
            spoken["file"], spoken["data"], bound]  # fmt: skip


def commits(size: int, found: Mapping[str, Any]) -> float:
    """Give the seconds a row where `size` rows are committed together: a commit's own time, and
    a row's, from the rates of ones and of hundreds."""
    one, hundred = (1 / min(found["rows_a_second"][n]) for n in ("1", "100"))
    commit = max(0.0, (one - hundred) * 100 / 99)
    return commit / size + max(0.0, one - commit)


def hours(seconds: float) -> str:
    """Write a time shortly.

    >>> hours(40), hours(400), hours(40_000)
    ('40 s', '7 min', '11.1 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; give the exit status."""
    prog = "python -m benchmarks.scaling.table"
    return markdown.command(
        lambda: [(render(newest("scaling")), MARKERS)], prog, __doc__, arguments
    )


if __name__ == "__main__":
    sys.exit(main())
