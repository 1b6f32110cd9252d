"""From a record's raw measurements to medians, spreads and ratios; pure, and the same each time.

A ratio to mnistlab is taken within a round, where both met the same state of the machine, and then
has its median and spread over the rounds. A spread is the least and the most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.tutorial.job import flops_per_image

REFERENCE = "mnistlab"
Measured = Mapping[str, Any]


def summarize(record: Mapping[str, Any]) -> dict[str, Any]:
    """Summarize the lists `training`, `whole_process` and `floor` of a record.

    Returns three dicts of the same names; the first two by contender, in order of appearance.
    """
    floor = summarize_floor(record["floor"], record["job"])
    training = summarize_all(record["training"], TRAINING)
    for each in training.values():
        each["ratio_to_floor"] = None
        if floor["one_core"] is not None:
            seconds = floor["one_core"]["seconds"]
            each["ratio_to_floor"] = each["compile_apart"]["median"] / seconds
    whole = summarize_all(record["whole_process"], WHOLE)
    return {"training": training, "whole_process": whole, "floor": floor}


def warm_epoch(measured: Measured) -> float:
    """Give the median of the epochs after the first; of a single epoch, what is not compiling."""
    epochs = measured["epochs"]
    if len(epochs) > 1:
        return median(epochs[1:])
    return epochs[0] - (measured.get("compile_seconds") or 0.0)


def compile_apart(measured: Measured) -> float:
    """Give the seconds of all epochs, had each been a warm one."""
    return len(measured["epochs"]) * warm_epoch(measured)


TRAINING: dict[str, Callable[[Measured], float]] = {
    "warm_epoch": warm_epoch,
    "compile_apart": compile_apart,
    "epochs_as_they_came": lambda measured: sum(measured["epochs"]),
    "whole_call": lambda measured: measured["seconds"]["train"],
    "test_accuracy": lambda measured: measured["test_accuracy"],
    "peak_mib": lambda measured: measured["peak_mib"],
}
WHOLE: dict[str, Callable[[Measured], float]] = {
    "seconds": lambda measured: measured["seconds"],
    "peak_mib": lambda measured: measured["peak_mib"],
}
NO_RATIO = ("warm_epoch", "test_accuracy")


def summarize_all(
    measurements: Sequence[Measured], quantities: Mapping[str, Callable[[Measured], float]]
) -> dict[str, Any]:
    """Summarize by contender each of `quantities`, and its ratios to the reference's."""
    good = [each for each in measurements if "error" not in each]
    summary: dict[str, Any] = {}
    for name in dict.fromkeys(each["contender"] for each in good):
        own = {each["round"]: each for each in good if each["contender"] == name}
        reference = {each["round"]: each for each in good if each["contender"] == REFERENCE}
        summary[name] = {"n": len(own)}
        for quantity, value in quantities.items():
            summary[name][quantity] = spread(value(each) for each in own.values())
            if quantity not in NO_RATIO:
                rounds = own.keys() & reference.keys()
                ratios = [value(own[r]) / value(reference[r]) for r in sorted(rounds)]
                summary[name][f"{quantity}_ratio"] = spread(ratios)
    return summary


def spread(values: Iterable[float]) -> dict[str, float] | None:
    """Give median, min and max; None of no values.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0}
    """
    values = list(values)
    if not values:
        return None
    return {"median": median(values), "min": min(values), "max": max(values)}


def summarize_floor(measurements: Sequence[Measured], job: Mapping[str, int]) -> dict[str, Any]:
    """Give the best GFLOP/s over all rounds, and the job's seconds at that speed."""
    flops = flops_per_image() * job["images"] * job["epochs"]
    floor: dict[str, Any] = {"gflop": flops / 1e9}
    for cores in ("one_core", "all_cores"):
        speeds = [s for each in measurements if cores in each for s in each[cores].values()]
        floor[cores] = None
        if speeds:
            floor[cores] = {"gflops": max(speeds), "seconds": flops / 1e9 / max(speeds)}
    return floor
