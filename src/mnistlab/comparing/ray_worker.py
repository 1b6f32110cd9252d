"""What a Ray worker does: one process, one core (or one GPU), trials one batch after another.

The process keeps its executor, and with it the programs that it compiled, from batch to batch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from mnistlab.comparing import plan as planning
from mnistlab.comparing.plan import Arm, Build, Trial
from mnistlab.comparing.results import TrialRecord
from mnistlab.comparing.start import start_keras
from mnistlab.data import Dataset
from mnistlab.errors import MnistlabError, OptionError
from mnistlab.models.functions import is_own
from mnistlab.training.environment import versions

_kept: dict[str, Any] = {}
"""The executor of the one study that this process works for."""


class Job(NamedTuple):
    """A trial as it travels: its arm is a place among the study's arms."""

    key: str
    arm: int
    seed: int
    learning_rate: float
    tested: bool

    def keyed(self, arms: Sequence[Arm]) -> tuple[str, Trial]:
        """Give the key and the trial."""
        return self.key, Trial(arms[self.arm], self.seed, self.learning_rate, self.tested)


@dataclass(frozen=True)
class Answer:
    """A batch's records; or why it is refused, which holds for the whole study."""

    records: list[TrialRecord]
    refused: str = ""


def deciding_versions() -> dict[str, str]:
    """Name the versions here of all that must be alike where one study's trials run."""
    found = versions()
    alike = {name: found[name] for name in planning.DEPENDS_ON if name in found}
    return {"python": ".".join(found["python"].split(".")[:2]), **alike}


def look() -> tuple[dict[str, str], bool]:
    """Tell of this node: its versions, and whether JAX has what drives a GPU."""
    return deciding_versions(), bool(metadata.entry_points(group="jax_plugins"))


def run_batch(
    study: str, dataset: Dataset, arms: Sequence[Arm], expected: dict[str, str], jobs: list[Job]
) -> Answer:
    """Run the trials of `jobs` here. `study` names what `dataset` and `expected` belong to."""
    try:
        executor = _executor(study, dataset, arms[0].settings.backend, expected)
        found = executor.run([job.keyed(arms) for job in jobs])
        return Answer([record for batch in found for record in batch])
    except MnistlabError as error:  # errors of ours do not all survive a journey
        return Answer([], str(error))


def _executor(study: str, dataset: Dataset, backend: str | None, expected: dict[str, str]) -> Any:
    if study not in _kept:
        here = deciding_versions()
        if here != expected:
            raise OptionError(difference(expected, here))
        start_keras(backend)
        from mnistlab.comparing.executor import LocalExecutor, on_gpu

        _kept.clear()
        _kept[study] = LocalExecutor(dataset, None if on_gpu() else 1)
    return _kept[study]


def difference(expected: dict[str, str], here: dict[str, str]) -> str:
    """Say which versions are not those expected."""
    other = (
        f"{name} {here.get(name, 'missing')}, not {expected.get(name, 'installed')}"
        for name in sorted(expected.keys() | here.keys())
        if expected.get(name) != here.get(name)
    )
    return "; ".join(other)


@dataclass(frozen=True)
class OwnFile:
    """Builds from a copy of the user's `path.py:function`: a node may not have the file."""

    source: bytes
    function: str
    build: Build

    def __call__(self, settings: Any, dataset: Any) -> Any:
        """Build the model as `build` does, the file in a temporary place."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.py"
            path.write_bytes(self.source)
            return self.build(replace(settings, model=f"{path}:{self.function}"), dataset)


def portable(arm: Arm) -> Arm:
    """Give an arm that can be built where its file is not."""
    if not is_own(arm.settings.model):
        return arm
    from mnistlab.training.train import build_compiled

    file, _, function = arm.settings.model.rpartition(":")
    own = OwnFile(Path(file).read_bytes(), function, arm.build or build_compiled)
    return replace(arm, build=own)
