"""The job without Keras: a PyTorch loop written for speed, and scikit-learn's `MLPClassifier`.

Both train on float32 images (n, 784), and both first try one thread and all of them on a few
hundred steps and keep the faster, which neither library does by itself. That trial is not timed.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tutorial.contenders import Measurement, Stopwatch, measurement, peak_mib
from benchmarks.tutorial.job import BATCH_SIZE, WIDTHS, Job, load, load_held_out
from mnistlab.training.environment import cores

CALIBRATION_STEPS = 300


def normalized(images: np.ndarray) -> np.ndarray:
    """Give `keras.utils.normalize(images, axis=1)` as float32 (n, 784)."""
    x = images.astype(np.float32)
    norm = np.sqrt(np.einsum("nrc,nrc->nc", x, x))
    norm[norm == 0] = 1
    x /= norm[:, None, :]
    return x.reshape(len(x), -1)


def faster_threads(seconds_with: Callable[[int], float]) -> tuple[int, dict[str, float]]:
    """Try one thread and one per core; give the faster number and what each took."""
    tried = {n: seconds_with(n) for n in sorted({1, len(cores())})}
    return min(tried, key=tried.__getitem__), {str(n): s for n, s in tried.items()}


def measure_torch_loop(job: Job) -> Measurement:
    """Train with a loop that does no more than it must; see `_torch_epoch`."""
    watch = Stopwatch()
    with watch("import"):
        import torch
    with watch("load"):
        (x, y), (x_test, y_test) = load(job)
        held_out = load_held_out(job)
    with watch("prepare"):
        data = torch.from_numpy(normalized(x)), torch.from_numpy(y.astype(np.int64))
        if held_out is not None:
            held_out = normalized(held_out[0]), held_out[1]
        torch.manual_seed(job.seed)
        network = _torch_network(torch)
    threads, tried = faster_threads(lambda n: _torch_trial(torch, data, n))
    torch.set_num_threads(threads)
    with watch("train"):
        epochs, last = _torch_training(torch, network, data, held_out, job.epochs)
    peak = peak_mib()
    x_test = normalized(x_test)
    with watch("test"):
        test_accuracy = _torch_accuracy(torch, network, x_test, y_test)
    return measurement(
        watch,
        epochs,
        **last,
        test_accuracy=test_accuracy,
        peak_mib=peak,
        threads=threads,
        calibration=tried,
    )


def _torch_network(torch: Any) -> Any:
    nn = torch.nn
    a, b, c, d = WIDTHS
    return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d))


def _torch_training(
    torch: Any, network: Any, data: Any, held_out: Any, epochs: int
) -> tuple[list[float], dict[str, Any]]:
    """Train on `data`, validating on `held_out` if there is any; give seconds and last logs."""
    # Keras' epsilon; the fused step costs a third of the default one at this size.
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7, fused=True)
    seconds: list[float] = []
    logs: dict[str, Any] = {}
    for _ in range(epochs):
        begun = time.perf_counter()
        logs["loss"], logs["accuracy"] = _torch_epoch(torch, network, optimizer, *data)
        val_accuracy = None if held_out is None else _torch_accuracy(torch, network, *held_out)
        logs["val_accuracy"] = val_accuracy
        seconds.append(time.perf_counter() - begun)
    return seconds, logs


def _torch_epoch(torch: Any, network: Any, optimizer: Any, x: Any, y: Any) -> tuple[float, float]:
    """Train one epoch on x (n, 784) and y (n,), both in memory; give mean loss and accuracy.

    Batches are gathered by permuted indices, without a DataLoader; loss and correct answers are
    summed as tensors and read once, at the end.
    """
    loss_of = torch.nn.functional.cross_entropy
    loss_sum, correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)
    for batch in torch.randperm(len(x)).split(BATCH_SIZE):
        labels = y.index_select(0, batch)
        logits = network(x.index_select(0, batch))
        loss = loss_of(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            loss_sum.add_(loss, alpha=len(batch))
            correct += (logits.argmax(1) == labels).sum()
    return float(loss_sum) / len(x), float(correct) / len(x)


def _torch_accuracy(torch: Any, network: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Score on x (n, 784) and y (n,), all as one batch."""
    with torch.inference_mode():
        predicted = network(torch.from_numpy(x)).argmax(1).numpy()
    return float((predicted == y).mean())


def _torch_trial(torch: Any, data: tuple[Any, Any], threads: int) -> float:
    """Time a few hundred steps of a network that is then thrown away."""
    torch.set_num_threads(threads)
    network = _torch_network(torch)
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7, fused=True)
    few = [part[: CALIBRATION_STEPS * BATCH_SIZE] for part in data]
    _torch_epoch(torch, network, optimizer, *(part[: 10 * BATCH_SIZE] for part in data))
    begun = time.perf_counter()
    _torch_epoch(torch, network, optimizer, *few)
    return time.perf_counter() - begun


def measure_scikit_learn(job: Job) -> Measurement:
    """Train `MLPClassifier` with the tutorial's settings and no penalty."""
    watch = Stopwatch()
    with watch("import"):
        import sklearn.neural_network  # noqa: F401
        from threadpoolctl import threadpool_limits
    with watch("load"):
        (x, y), (x_test, y_test) = load(job)
    with watch("prepare"):
        x = normalized(x)

    warnings.filterwarnings("ignore", module="sklearn")  # that three epochs are not convergence
    few = CALIBRATION_STEPS * BATCH_SIZE

    def trial(threads: int) -> float:
        with threadpool_limits(threads):
            return _timed_fit(_classifier(Job(epochs=1)), x[:few], y[:few])[-1]

    threads, tried = faster_threads(trial)
    model = _classifier(job)
    with threadpool_limits(threads), watch("train"):
        epochs = _timed_fit(model, x, y)
    return measurement(
        watch,
        epochs,
        loss=float(model.loss_),
        accuracy=None,  # it does not count the correct answers of training
        peak_mib=peak_mib(),
        test_accuracy=float(model.score(normalized(x_test), y_test)),
        threads=threads,
        calibration=tried,
    )


def _classifier(job: Job) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        WIDTHS[1:-1],
        solver="adam",
        alpha=0,
        batch_size=BATCH_SIZE,
        learning_rate_init=0.001,
        max_iter=job.epochs,
        random_state=job.seed,
        verbose=True,
    )


class _LineTimes:
    """A stdout that notes when lines are begun: `verbose=True` writes one after every epoch."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def write(self, text: str) -> None:
        if text.startswith("Iteration"):
            self.times.append(time.perf_counter())

    def flush(self) -> None:
        """Nothing is held back."""


def _timed_fit(model: Any, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Fit a verbose `model`; give the seconds of every epoch, the first with what precedes it."""
    lines = _LineTimes()
    begun = time.perf_counter()
    with contextlib.redirect_stdout(lines):
        model.fit(x, y)
    return [float(seconds) for seconds in np.diff([begun, *lines.times])]
