"""Make the network that reads: `src/mnistlab/reading/network`.

python -m tools.reader data reader.npz      draw the pictures (half an hour on two cores)
mnistlab train --dataset reader.npz --classes 12 --epochs 12 --seed 1 --out runs/reader \\
    --model ensemble:members=2,filters=48x96x128x192 --batch-norm running --views 1 \\
    --augment shift=1,rotate=10,scale=0.1,shear=0.1,elastic=0.4
python -m tools.reader finish runs/reader reader.npz runs/finished    three epochs as they are
python -m tools.reader take runs/finished reader.npz   calibrate it, and put it in its place

Nothing of MNIST's test split is used, nor anything that `benchmarks.reading` judges by. Needs the
extras onnx and bench.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import mnistlab
from mnistlab.files import atomic_file, sha256, write_atomic
from mnistlab.models.backend import use_backend
from mnistlab.reading import network
from mnistlab.training.export import export_model
from mnistlab.training.runs import Run
from tools.reader.pictures import NONE, data_set

F64 = npt.NDArray[np.float64]
TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(3), 200))
RATE, EPOCHS, BATCH = 1e-3, 3, 128
"""Of the training on pictures as they are."""
USUAL = 0.05
"""What share of a page is no digit, before anything is known of it."""
NO_DIGITS, FALSE = ("others", "scenes"), 0.03
"""Of these, each alone on a page, so many may be answered."""
CANDIDATES = np.linspace(0.3, 0.8, 51)
"""For the confidence below which the reader does not vouch for a digit."""


def write_data(target: Path) -> None:
    """Write the pictures as `mnistlab train` takes them; those to choose on are its test split."""
    (x, y), chosen = data_set()
    sources = np.repeat(list(chosen), [len(labels) for _, labels in chosen.values()])
    x_test, y_test = (np.concatenate(each) for each in zip(*chosen.values(), strict=True))
    with atomic_file(target) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream, x_train=x, y_train=y, x_test=x_test, y_test=y_test, sources=sources
        )
    print(f"{target}: {len(x):,} to learn from, {len(x_test):,} to choose on; {sha256(target)}")


def finish(folder: Path, data: Path, target: Path) -> None:
    """Train a finished run's networks on, on pictures as they are; a copy of the run gets it.

    Varied pictures have another spread than those that will be read, and the normalisation layers
    had learnt that one: with it a sixth of what is no digit was taken for one.
    """
    use_backend("jax")
    import keras

    from mnistlab.models.zoo import members_of, without_probabilities
    from mnistlab.training.train import load_model

    run, arrays = Run.open(folder), np.load(data)
    whole = load_model(run)
    images, labels = arrays["x_train"], keras.utils.to_categorical(arrays["y_train"])
    keras.utils.set_random_seed(run.settings.seed)
    rates = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * (len(images) // BATCH))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.02)
    for member in members_of(without_probabilities(whole)):
        member.compile(keras.optimizers.Adam(rates), loss)
        mnistlab.fit(member, images, labels, batch_size=BATCH, epochs=EPOCHS)
    shutil.copytree(folder, target)
    whole.save(target / "model.keras")
    metrics = run.document("metrics.json")
    metrics["model"]["sha256"] = sha256(target / "model.keras")
    write_atomic(target / "metrics.json", json.dumps(metrics))


def take(folder: Path, data: Path) -> None:
    """Export a finished run, calibrate it on the pictures to choose on, and say how it does."""
    run, arrays = Run.open(folder), np.load(data)
    target = network.FOLDER / "digits.onnx"
    target.unlink(missing_ok=True)
    export_model(run, target)
    settings = run.document("settings.json")
    # Wherever they lay there.
    command = f"{settings['command']} --seed {settings['settings']['seed']}".replace(
        settings["settings"]["dataset"], "reader.npz"
    )
    about: dict[str, Any] = {
        "sha256": sha256(target), "temperature": 1.0, "none": 0.5, "usual": USUAL, "least": 0.5,
        "command": command,
        "data_sha256": sha256(data), "versions": settings["versions"],
    }  # fmt: skip
    _save(about)
    logs, labels = outputs(arrays["x_test"]), arrays["y_test"]
    about["temperature"] = round(temperature(logs, labels), 3)
    about["none"] = round(float((arrays["y_train"] >= NONE).mean()), 3)
    _save(about)  # for what follows
    shares = alone(logs / about["temperature"])
    about["least"] = least(shares[np.isin(arrays["sources"], NO_DIGITS)])
    about["chosen_on"] = by_source(shares, labels, arrays["sources"], about["least"])
    _save(about)
    print(json.dumps(about, indent=2))


def _save(about: dict[str, Any]) -> None:
    write_atomic(network.FOLDER / "about.json", json.dumps(about, indent=2) + "\n")
    network.load_network.cache_clear()


def outputs(images: npt.NDArray[np.uint8]) -> F64:
    """Give the logarithms of the network's probabilities (n, 12), not yet calibrated."""
    session = network.load_network().session
    parts = [
        session.run(["probabilities"], {"images": images[at : at + 1000]})[0]
        for at in range(0, len(images), 1000)
    ]
    return np.log(np.maximum(np.concatenate(parts), 1e-12)).astype(float)


def temperature(logs: F64, labels: npt.NDArray[np.uint8]) -> float:
    """Give the temperature at which the labels are likeliest."""
    return float(min(TEMPERATURES, key=lambda t: surprise(logs / t, labels)))


def surprise(logs: F64, labels: npt.NDArray[np.uint8]) -> float:
    """Give the mean of -log p of the labels."""
    total = np.log(np.exp(logs - logs.max(axis=1, keepdims=True)).sum(axis=1)) + logs.max(axis=1)
    return float((total - logs[np.arange(len(labels)), labels]).mean())


def alone(logs: F64) -> F64:
    """Give the digits' probabilities (n, 10), each picture being all that there is on a page."""
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares = (shares / shares.sum(axis=1, keepdims=True))[:, :NONE]
    together = network.load_network().together
    return np.concatenate([together(each[None]) for each in shares])


def least(no_digits: F64) -> float:
    """Give the lowest confidence to vouch for at which no more than FALSE of no digits are."""
    few = [each for each in CANDIDATES if (no_digits.max(axis=1) >= each).mean() <= FALSE]
    return round(float(few[0] if few else CANDIDATES[-1]), 2)


def by_source(
    shares: F64, labels: npt.NDArray[np.uint8], sources: npt.NDArray[np.str_], least: float
) -> dict[str, dict[str, float]]:
    """Say of each source how many are answered, and how many answers are right."""
    said, answered = shares.argmax(axis=1), shares.max(axis=1) >= least
    found = {}
    for name in dict.fromkeys(sources):
        here = sources == name
        right = (said == labels)[here & answered]
        found[str(name)] = {
            "n": int(here.sum()),
            "answered": round(float(answered[here].mean()), 4),
            "right_of_all": round(float(right.sum() / here.sum()), 4),
        }
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["finish", folder, file, finished]:
            finish(Path(folder), Path(file), Path(finished))
        case ["data", file]:
            write_data(Path(file))
        case ["take", folder, file]:
            take(Path(folder), Path(file))
        case _:
            raise SystemExit(__doc__)
