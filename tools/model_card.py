"""The model that comes with the package, and its card, `docs/model-card.md`.

python -m tools.model_card --write --from RUN   take the model of that finished run
python -m tools.model_card --write              only the card, out of the committed records
python -m tools.model_card --check              exit 1 where the card is stale
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.record import all_of, commit_of

from mnistlab.files import atomic_file
from mnistlab.reading import network
from mnistlab.training.runs import Run
from mnistlab.training.shipped import FILES, FOLDER
from tools.pages import keep

LARGEST = 1_000_000  # bytes
PAGE = """# The model that comes with mnistlab

`mnistlab.load_model()` gives a trained `{settings[model]}`: plain Keras, {kib:.0f} KiB, from raw
28 × 28 images, white ink on black as MNIST has them, to ten probabilities.

| | |
|---|---|
| file | `src/mnistlab/shipped/cnn-best/model.keras`, {size:,} bytes |
| SHA-256 | `{digest}` |
| data | the 60,000 training images of MNIST (LeCun, Cortes & Burges; CC BY-SA 3.0), \
digest `{data}` |
| made by | `{command}` at commit {commit}, then `python -m tools.model_card --write --from RUN` |
| seed | {settings[seed]}, the first of the [climb](../benchmarks/README.md#the-climb); not chosen |
| training | {minutes:.1f} minutes, {versions[processor]}, {cores}; \
Keras {versions[keras]}, JAX {versions[jax]} |
| test accuracy | **{accuracy:.2f} %**, n = {n:,}, 95 % interval {low:.2f}–{high:.2f} |
| mean of {seeds} seeds | {mean:.2f} %, 95 % interval {mean_low:.2f}–{mean_high:.2f} |

## Recipe

| setting | value |
|---|---|
{recipe}

It was chosen by six-fold cross-validation over the training split. The test split was used once for
each network, after its last epoch.

The same command at that commit, on the same machine and versions, gives the same weights;
elsewhere, and with other seeds, a test accuracy that scatters as the recipe's seeds do (standard
deviation {sd:.3f} points).

## Limits

- It knows MNIST: single digits, written in the United States, cut out, centred and scaled as NIST
  did. A photograph or a scan needs the same treatment before: the reader, below, gives it.
- It has no answer for what is no digit: a letter or a blank image gets ten probabilities too.
- Its probabilities are those of a network trained with smoothed labels: right digits have about
  {smoothed:.0f} %, rarely more. They order what is certain and what is not; they are no rates.
- A few of MNIST's labels are wrong or cannot be told; no network gets those right but by chance.

# The network that reads

`mnistlab read` and `mnistlab serve` have one of their own, two networks of the same kind whose
answers are averaged, with twelve answers: the ten digits, "no digit", and "several digits that run
together".

| | |
|---|---|
| file | `src/mnistlab/reading/network/digits.onnx`, {reader_size:,} bytes |
| SHA-256 | `{reader[sha256]}` |
| made by | `python -m tools.reader data reader.npz`, then `{reader_command}`, then \
`python -m tools.reader finish RUN reader.npz FINISHED`, then \
`python -m tools.reader take FINISHED reader.npz` |
| data | SHA-256 of reader.npz `{reader[data_sha256]}` |
| temperature | {reader[temperature]}, which makes the labels of what it was chosen on likeliest |
| vouches for | what has at least {least:.0f} % |

It learnt from MNIST's training split but for its last 5,000 images; from the same drawn on paper,
photographed, and found again by the reader; from digits drawn in the forms that MNIST has few of
(the 1 with a flag and a foot, the 7 with a bar, the open 4); from half of the pen movements of 44
writers in Turkey (Alpaydin & Alimoglu 1998, CC BY 4.0), and from 3,023 digits on forms by 30 others
(Alpaydin & Kaynak 1998, CC BY 4.0; scikit-learn's `load_digits` are by 13 who are not among them);
from Hershey's and matplotlib's fonts; from letters and signs of all scripts, scribbles, shapes,
stains, parts of digits and digits that touch; and from what the reader finds in scikit-image's
photographs and in light on squared paper. All is drawn by `tools/reader`, through the reader's own
path: drawn again by a later version of it, pictures differ a little.

Chosen on pictures of the same making, of other digits:

| | n | answered, % | rightly, % of all |
|---|--:|--:|--:|
{sources}

How it does on what it was not chosen on: the [benchmark](../README.md#read).
"""


def page() -> str:
    """Render the card out of the shipped run and the climb that it is of."""
    run = Run.open(FOLDER)
    metrics, document = run.document("metrics.json"), run.document("settings.json")
    climb = climb_of(document["settings"])
    test, reached = metrics["test"], climb["summary"]["test_accuracy"]
    size = run.checked_model().stat().st_size
    reader = json.loads((network.FOLDER / "about.json").read_text(encoding="utf-8"))
    settings, versions = document["settings"], document["versions"]
    low, high = _percent(test["accuracy_interval"])
    mean_low, mean_high = _percent(reached["interval"])
    return PAGE.format(
        settings=settings, versions=versions, data=document["data"]["digest"],
        command=f"{document['command']} --seed {settings['seed']}".replace(" --backend jax", ""),
        kib=size / 1024, size=size, digest=metrics["model"]["sha256"],
        commit=commit_of(climb),
        cores="one core" if versions["cores"] == "1" else f"{versions['cores']} cores",
        minutes=sum(run.read_history()["seconds"]) / 60,
        accuracy=100 * test["accuracy"], n=test["n"], low=low, high=high,
        mean=100 * reached["mean"], seeds=reached["n"], mean_low=mean_low, mean_high=mean_high,
        sd=100 * reached["sd"], recipe=_rows(settings),
        smoothed=100 * (1 - 0.9 * settings["label_smoothing"]),
        reader=reader, reader_size=(network.FOLDER / "digits.onnx").stat().st_size,
        reader_command=reader["command"].replace(" --backend jax", ""),
        least=100 * reader["least"], sources=_sources(reader["chosen_on"]),
    )  # fmt: skip


def climb_of(settings: dict[str, Any]) -> dict[str, Any]:
    """Give the newest record of a climb by networks of these settings."""
    for record in all_of("climb"):
        if record["runs"][0]["config"] == settings:
            return record
    raise SystemExit("there is no record yet of such networks: run python -m benchmarks.climb")


def _percent(interval: list[float]) -> tuple[float, ...]:
    return tuple(100 * end for end in interval)


def _rows(settings: dict[str, Any]) -> str:
    said = {name: value for name, value in settings.items() if value is not None}
    return "\n".join(f"| `{name}` | `{value}` |" for name, value in said.items())


def _sources(chosen_on: dict[str, dict[str, float]]) -> str:
    return "\n".join(
        f"| {name} | {found['n']:,} | {100 * found['answered']:.1f} "
        f"| {100 * found['right_of_all']:.1f} |"
        for name, found in chosen_on.items()
    )


def take(folder: Path) -> None:
    """Copy the records and the model of a finished run to where the package has its own."""
    run = Run.open(folder)
    size = run.checked_model().stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{folder} has a model of {size:,} bytes; at most {LARGEST:,} are shipped")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        with atomic_file(FOLDER / name) as temporary:
            shutil.copyfile(run.path / name, temporary)


if __name__ == "__main__":
    if "--from" in sys.argv:
        take(Path(sys.argv[sys.argv.index("--from") + 1]))
    raise SystemExit(keep("docs/model-card.md", page()))
