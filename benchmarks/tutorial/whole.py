"""Whole processes, as the shell sees them: `mnistlab train` beside the tutorial's own script.

Everything counts: starting Python, importing, loading, training, testing, and for mnistlab the
saved run and its report. Caches are warm: each has run once, for one epoch, before it is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.tutorial.job import Job
from benchmarks.tutorial.processes import Finished, has_module, run

# Name, as in CONTENDERS, to the module that it cannot do without.
MODULES = {
    "mnistlab": "jax",
    "keras-jax": "jax",
    "keras-tensorflow": "tensorflow",
    "keras-torch": "torch",
}
SCRIPT = Path(__file__).with_name("script.py")


@dataclass(frozen=True)
class Place:
    """A temporary folder with Keras' cache in it, and the digest of its `mnist.npz`."""

    folder: Path
    digest: str

    @property
    def archive(self) -> Path:
        """Where Keras looks for MNIST."""
        return self.folder / "keras" / "datasets" / "mnist.npz"


@contextmanager
def prepared_place(job: Job) -> Iterator[Place]:
    """Make the folder, for the time of the measurements."""
    with TemporaryDirectory(prefix="benchmark-") as name:
        place = Place(Path(name), "")
        place.archive.parent.mkdir(parents=True)
        command = [sys.executable, "-m", "benchmarks.tutorial.archive", str(place.archive)]
        yield replace(place, digest=run([*command, *job.options()]).stdout.strip())


def interpreter(name: str, core_python: str) -> str:
    """Choose `core_python` where it has what `name` needs, else the interpreter of this process.

    `import keras` also imports TensorFlow's and scikit-learn's parts where those are installed,
    which a user of Keras on JAX does not have to have.
    """
    return core_python if has_module(core_python, MODULES[name]) else sys.executable


def run_whole(name: str, python: str, job: Job, place: Place) -> Finished:
    """Run `mnistlab train` or the script once. Raises ProcessFailed."""
    if name == "mnistlab":
        with TemporaryDirectory(dir=place.folder) as folder:
            return run(_mnistlab_train(python, job, place, Path(folder) / "run"))
    environment = {
        "KERAS_BACKEND": name.removeprefix("keras-"),
        "KERAS_HOME": str(place.archive.parents[1]),
        "MNIST_NPZ_SHA256": place.digest,
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    return run([python, str(SCRIPT), str(job.epochs)], environment)


def _mnistlab_train(python: str, job: Job, place: Place, out: Path) -> list[str]:
    """Give the command: with no option but --out, unless the job is a reduced one."""
    command = [str(Path(python).with_name("mnistlab")), "train", f"--out={out}"]
    if job.images != Job.images:
        command.append(f"--dataset={place.archive}")
    if job.epochs != Job.epochs:
        command.append(f"--epochs={job.epochs}")
    return command
