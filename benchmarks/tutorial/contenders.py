"""Those who do the job. `python -m benchmarks.tutorial.contenders NAME` prints one JSON line.

Everybody gets the same arrays, and prints nothing while training (`verbose=0`: a progress bar at
every step would slow Keras' own `fit` further). The Keras contenders, mnistlab among them, share
one model and one array; only what stands in the place of `model.fit` differs.

The JSON: `seconds` of import, load, prepare, train (the whole call that trains), and test;
`epochs`, the seconds of each, as it came, so that the first contains compilation where that is
lazy, and each its validation where the job has one; `compile_seconds` where it is known apart;
`loss`, `accuracy` and `val_accuracy` of the last epoch; `test_accuracy`, measured afterwards;
`peak_mib` up to the end of training; `versions`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.tutorial.job import Job, add_options, job_of, load, load_held_out

LIBRARIES = ("keras", "jax", "tensorflow", "torch", "sklearn", "numpy")
COLD = {"JAX_ENABLE_COMPILATION_CACHE": "false"}  # compiling is counted, so it must happen
Measurement = dict[str, Any]


@dataclass(frozen=True)
class Contender:
    """One way to do the job, and the module that it cannot do without."""

    label: str
    module: str
    measure: Callable[[Job], Measurement]
    environment: dict[str, str] = field(default_factory=dict)


class Stopwatch:
    """Seconds by the name of what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun


def start_keras() -> tuple[Any, Any]:
    """Import Keras on the backend of the environment; give it and its `fit`."""
    import keras

    return keras, keras.Model.fit


def start_mnistlab() -> tuple[Any, Any]:
    """Start as a user's own program does; give Keras and mnistlab's `fit`."""
    from mnistlab.models.backend import use_backend

    keras = use_backend("jax")
    from mnistlab.training.engine import fit

    return keras, fit


def measure_keras(
    job: Job, start: Callable[[], tuple[Any, Any]] = start_keras, steps_per_execution: int = 1
) -> Measurement:
    """Build the tutorial's model in Keras and train it with what `start` gives."""
    watch = Stopwatch()
    with watch("import"):
        keras, fit = start()
    with watch("load"):
        (x, y), (x_test, y_test) = load(job)
        held_out = load_held_out(job)
    # `keras.utils.set_random_seed` would import TensorFlow and torch, where they are installed.
    random.seed(job.seed)
    with watch("prepare"):
        x = keras.utils.normalize(x, axis=1)
        if held_out is not None:
            held_out = keras.utils.normalize(held_out[0], axis=1), held_out[1]
        model = tutorial_model(keras, steps_per_execution)
    epochs, clock = _epoch_clock(keras)
    with watch("train"):
        history = fit(
            model, x, y, epochs=job.epochs, verbose=0, callbacks=[clock], validation_data=held_out
        )
    peak = peak_mib()
    x_test = keras.utils.normalize(x_test, axis=1)
    with watch("test"):
        test_accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    return measurement(
        watch,
        epochs,
        compile_seconds=getattr(history, "compile_seconds", None),
        loss=history.history["loss"][-1],
        accuracy=history.history["accuracy"][-1],
        val_accuracy=history.history.get("val_accuracy", [None])[-1],
        test_accuracy=test_accuracy,
        peak_mib=peak,
    )


def tutorial_model(keras: Any, steps_per_execution: int = 1) -> Any:
    """Build and compile the tutorial's model."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    return model


def _epoch_clock(keras: Any) -> tuple[list[float], Any]:
    """Give a list, and the callback that puts every epoch's seconds there."""
    epochs: list[float] = []

    class Clock(keras.callbacks.Callback):
        """Keras has the epoch's logs, and so the device's last step, before on_epoch_end."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.begun = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            epochs.append(time.perf_counter() - self.begun)

    return epochs, Clock()


def measurement(watch: Stopwatch, epochs: list[float], **results: Any) -> Measurement:
    """Put together what a contender prints."""
    loaded = {name: sys.modules[name].__version__ for name in LIBRARIES if name in sys.modules}
    return {"seconds": watch.seconds, "epochs": epochs, **results, "versions": loaded}


def peak_mib() -> float:
    """Give this process's peak resident memory so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, KiB on Linux


def _by_hand(name: str, job: Job) -> Measurement:
    from benchmarks.tutorial import by_hand

    return getattr(by_hand, name)(job)


def _keras(backend: str, label: str, steps_per_execution: int = 1) -> Contender:
    measure = partial(measure_keras, steps_per_execution=steps_per_execution)
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", **COLD}
    return Contender(label, backend, measure, environment)


CONTENDERS = {
    "mnistlab": Contender("mnistlab", "jax", partial(measure_keras, start=start_mnistlab), COLD),
    "keras-jax": _keras("jax", "Keras `fit`, JAX"),
    "keras-jax-50": _keras("jax", "Keras `fit`, JAX, `steps_per_execution=50`", 50),
    "keras-tensorflow": _keras("tensorflow", "Keras `fit`, TensorFlow"),
    "keras-tensorflow-50": _keras(
        "tensorflow", "Keras `fit`, TensorFlow, `steps_per_execution=50`", 50
    ),
    "keras-torch": _keras("torch", "Keras `fit`, PyTorch"),
    "torch-loop": Contender(
        "hand-written PyTorch loop", "torch", partial(_by_hand, "measure_torch_loop")
    ),
    "scikit-learn": Contender(
        "scikit-learn `MLPClassifier`", "sklearn", partial(_by_hand, "measure_scikit_learn")
    ),
}
"""Name to contender, in the order of the table."""


def main() -> None:
    """Run one contender and print its JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tutorial.contenders")
    parser.add_argument("name", choices=CONTENDERS)
    add_options(parser)
    options = parser.parse_args()
    if options.held_out and options.name == "scikit-learn":
        parser.error("scikit-learn's MLPClassifier takes no images to validate on")
    contender = CONTENDERS[options.name]
    os.environ.update(contender.environment)
    print(json.dumps(contender.measure(job_of(options))))


if __name__ == "__main__":
    main()
