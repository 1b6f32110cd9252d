"""Others' networks. `python -m benchmarks.sprint.contenders NAME` prints one JSON line.

    convnet-*   https://keras.io/examples/vision/mnist_convnet: 32 and 64 channels of 3x3, pools,
                dropout; Adam, batch 128, the last tenth held out; `fit` as it is written there
    torch       https://github.com/pytorch/examples/tree/main/mnist: 32 and 64 channels, Dense 128,
                dropout; Adadelta from 1.0, times 0.7 an epoch, batch 64; in a loop that keeps the
                data in memory, channels last, without a DataLoader

The JSON: `epochs`, the seconds of each, as it came, so that the first contains compilation;
`compile_seconds` where it is known apart; `test_accuracy` after the last, untimed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

COLD = {"JAX_ENABLE_COMPILATION_CACHE": "false"}  # compiling is stated, so it must happen
Measurement = dict[str, Any]


@dataclass(frozen=True)
class Contender:
    """One network and how it is trained, and the module that it cannot do without."""

    label: str
    module: str
    measure: Callable[[int, int], Measurement]
    backend: str = "jax"


def measure_convnet(epochs: int, seed: int, ours: bool = False) -> Measurement:
    """Train Keras' example as it stands, with its own `fit` or with mnistlab's."""
    import keras

    fit: Any = keras.Model.fit
    if ours:
        from mnistlab.training.engine import fit
    keras.utils.set_random_seed(seed)
    (x, y), (x_test, y_test) = _data()
    x, x_test = (a.astype("float32")[..., None] / 255 for a in (x, x_test))
    y, y_test = (keras.utils.to_categorical(a, 10) for a in (y, y_test))
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    clock = _clock(keras)
    options = {"batch_size": 128, "epochs": epochs, "validation_split": 0.1, "verbose": 0}
    history = fit(model, x, y, callbacks=[clock], **options)
    return {
        "epochs": clock.seconds,
        "compile_seconds": getattr(history, "compile_seconds", None),
        "val_accuracy": history.history["val_accuracy"][-1],
        "test_accuracy": model.evaluate(x_test, y_test, verbose=0)[1],
    }


def _clock(keras: Any) -> Any:
    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.begun = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds.append(time.perf_counter() - self.begun)

    return Clock()


def measure_torch(epochs: int, seed: int) -> Measurement:
    """Train PyTorch's example network, with all of its own settings, in a good loop."""
    import torch

    torch.manual_seed(seed)
    (x, y), (x_test, y_test) = _data()
    x, x_test = (
        torch.from_numpy((a.astype("float32") / 255 - 0.1307) / 0.3081)[:, None]
        .contiguous(memory_format=torch.channels_last)
        for a in (x, x_test)
    )  # fmt: skip
    y, y_test = (torch.from_numpy(a.astype(np.int64)) for a in (y, y_test))
    nn = torch.nn
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    seconds = []
    for _ in range(epochs):
        begun = time.perf_counter()
        network.train()
        for batch in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        scheduler.step()
        seconds.append(time.perf_counter() - begun)
    network.eval()
    with torch.inference_mode():
        said = torch.cat([network(part).argmax(1) for part in x_test.split(1000)])
    return {"epochs": seconds, "test_accuracy": float((said == y_test).float().mean())}


def _data() -> Any:
    from mnistlab.data import load_data

    return load_data("mnist")


CONTENDERS = {
    "convnet-mnistlab": Contender(
        "Keras' `mnist_convnet`, `mnistlab.fit`", "jax", partial(measure_convnet, ours=True)
    ),
    "convnet-jax": Contender("Keras' `mnist_convnet`, `fit` on JAX", "jax", measure_convnet),
    "convnet-tensorflow": Contender(
        "Keras' `mnist_convnet`, `fit` on TensorFlow", "tensorflow", measure_convnet, "tensorflow"
    ),
    "convnet-torch": Contender(
        "Keras' `mnist_convnet`, `fit` on PyTorch", "torch", measure_convnet, "torch"
    ),
    "torch": Contender("PyTorch's example network, a good loop", "torch", measure_torch),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one contender in this process and print its JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    contender = CONTENDERS[options.name]
    os.environ.update({"KERAS_BACKEND": contender.backend, **COLD})
    print(json.dumps(contender.measure(options.epochs, options.seed)))


if __name__ == "__main__":
    main()
