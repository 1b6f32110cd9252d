"""Read pictures that nothing was trained on: of digits, and of what is no digit.

`python -m benchmarks.reading --help`. MNIST's test split, drawn alone and in lines; scikit-learn's
`load_digits` (43 writers in Turkey, 8x8) written large; letters, scribbles, clothes, photographs,
empty paper. Beside it the same network behind what one would do otherwise: the picture made 28x28.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.reading import others, pages, speed
from benchmarks.reading.pages import Array, Paper
from benchmarks.record import circumstances, record_path, save
from mnistlab.evaluation.scores import wilson_interval

if TYPE_CHECKING:
    from mnistlab.reading.read import Reading

PAPERS = {
    "plain": Paper(shade=False, rules=False, noise=False),
    "shade": Paper(rules=False, noise=False),
    "rules": Paper(shade=False, noise=False),
    "noise": Paper(shade=False, rules=False),
    "shade, rules and noise": Paper(),
}
IN_A_LINE = 6
HIGH = 120
"""`load_digits` is written at least so high, in pixels."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read everything, save the record."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--singles", type=int, default=10_000, help="digits alone in a picture")
    parser.add_argument("--lines", type=int, default=1000, help="lines of six, of each paper")
    parser.add_argument("--others", type=int, default=1000, help="of each kind of no digit")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--skip-speed", action="store_true", help="measure no seconds")
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    given = [f"--singles={options.singles}", f"--lines={options.lines}",
             f"--others={options.others}"]  # fmt: skip
    record = circumstances("reading", given)
    if not options.skip_speed:  # first, while nothing else runs
        record["speed"] = speed.measure()
    with ProcessPoolExecutor(options.workers) as pool:
        record["singles"] = singles(options.singles, pool)
        record["lines"] = lines(options.lines, pool)
        record["load_digits"] = load_digits(pool)
        record["no_digits"] = no_digits(options.others, pool)
    save(record, options.out or record_path(record))
    shown = {key: value for key, value in record.items() if key not in ("versions", "hardware")}
    print(json.dumps({**shown, "singles": _without_curve(record["singles"])}, indent=1))


def _without_curve(singles: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in singles.items() if name != "answers"}


def say(message: str) -> None:
    """Tell how far it is."""
    print(message, file=sys.stderr, flush=True)


@lru_cache(maxsize=1)
def test_split() -> tuple[Array, Array]:
    """Give MNIST's test images (n, 28, 28) and labels (n,)."""
    import mnistlab

    return mnistlab.load_data("mnist")[1]


def share(right: int, n: int) -> dict[str, Any]:
    """Give a rate with n and its 95 % interval."""
    return {"rate": right / n, "n": n, "interval": list(wilson_interval(right, n))}


def singles(count: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Read digits alone, of any size and colours, and the same digits as they are in the file."""
    say(f"{count} digits alone")
    found = list(pool.map(_single, range(count), chunksize=50))
    labels = test_split()[1][np.arange(count) % 10_000]
    as_is, likeliest, drawn, top, sure, naive = (
        np.array(each) for each in zip(*found, strict=True)
    )
    answered = drawn >= 0
    return {
        "originals": share(int((as_is == labels).sum()), count),
        "originals_without_abstention": share(int((likeliest == labels).sum()), count),
        "drawn": share(int((drawn == labels).sum()), count),
        "drawn_without_abstention": share(int((top == labels).sum()), count),
        "naive": share(int((naive == labels).sum()), count),
        "answered": share(int(answered.sum()), count),
        "right_of_answered": share(int((drawn == labels)[answered].sum()), int(answered.sum())),
        "calibration_error": calibration_error(sure[answered], (drawn == labels)[answered]),
        "answers": packed(sure, top == labels),
    }  # fmt: skip


def packed(sure: Array, right: Array) -> dict[str, str]:
    """Put what is known of each answer into two lines of a record, not into thousands.

    >>> packed(np.array([0.98766, 1]), np.array([True, False]))
    {'confidence': '0.9877 1.0000', 'right': '10'}
    """
    return {
        "confidence": " ".join(f"{p:.4f}" for p in sure),
        "right": "".join(str(int(each)) for each in right),
    }


def _single(number: int) -> tuple[int, int, int, int, float, int]:
    """Read one: as it is and drawn, each its answer (-1 for none) and the likeliest; naively."""
    from mnistlab.reading.network import load_network
    from mnistlab.reading.read import read

    image = test_split()[0][number % 10_000]
    drawn = pages.alone(image, np.random.default_rng([1, number]))
    naive = int(load_network().shares(naively(drawn)[None])[0].argmax())
    as_is, likeliest, _ = _answer(read(image))
    return as_is, likeliest, *_answer(read(drawn)), naive


def _answer(reading: Reading) -> tuple[int, int, float]:
    """Give the only digit that was read (-1 for none), the likeliest, and how sure that is."""
    if len(reading.digits) != 1:
        return -1, -1, 0.0
    digit = reading.digits[0]
    said = -1 if digit.digit is None else digit.digit
    return said, digit.alternatives[0][0], digit.confidence


def naively(picture: Array) -> Array:
    """Make a picture 28x28 as tutorials do: gray, resized, turned so that the ground is dark."""
    from PIL import Image

    gray = np.asarray(Image.fromarray(picture).convert("L").resize((28, 28)), np.uint8)
    edges = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    return np.asarray(255 - gray if np.median(edges) > 127 else gray)


def calibration_error(sure: Array, right: Array, bins: int = 15) -> float:
    """Give the expected calibration error, bins of equal counts (Naeini et al. 2015)."""
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, bins)
    gaps = [len(part) * abs(sure[part].mean() - right[part].mean()) for part in parts if len(part)]
    return float(sum(gaps) / len(sure))


def lines(count: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Read lines of six on each paper: lines fully right, and digits wrong by edit distance."""
    found = {}
    for number, (name, paper) in enumerate(PAPERS.items()):
        say(f"{count} lines: {name}")
        read = list(pool.map(partial(_line, number, paper), range(count), chunksize=20))
        right = sum(said == wanted for said, wanted in read)
        wrong = sum(edit_distance(said, wanted) for said, wanted in read)
        found[name] = {
            "fully_right": share(right, count),
            "digit_error_rate": wrong / (count * IN_A_LINE),
            "abstained": sum(said.count("?") for said, _ in read) / (count * IN_A_LINE),
        }
    return found


def _line(paper_number: int, paper: Paper, number: int) -> tuple[str, str]:
    from mnistlab.reading.read import read

    images, labels = test_split()
    rng = np.random.default_rng([2, paper_number, number])
    which = rng.integers(0, len(images), IN_A_LINE)
    said = read(pages.line([images[i] for i in which], paper, rng)).text
    return said, "".join(map(str, labels[which]))


def edit_distance(first: str, second: str) -> int:
    """Count insertions, deletions and changes that make one of the other (Levenshtein 1966)."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def load_digits(pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Read scikit-learn's digits, written large."""
    say("load_digits")
    found = list(pool.map(_loaded, range(len(_digits().target)), chunksize=50))
    n = len(found)
    answered = [said == wanted for said, wanted in found if said.isdecimal() and len(said) == 1]
    return {
        "answered": share(len(answered), n),
        "right_of_answered": share(sum(answered), len(answered)),
    }


@lru_cache(maxsize=1)
def _digits() -> Any:
    from sklearn import datasets

    return datasets.load_digits()


def _loaded(number: int) -> tuple[str, str]:
    from PIL import Image

    from mnistlab.reading.read import read

    rng = np.random.default_rng([3, number])
    image = np.rint(_digits().images[number] * 255 / 16).astype(np.uint8)
    side = round(HIGH * rng.uniform(1, 2))
    # Of a sheet of 32x32 dots: the 8x8 are counts of ink in blocks of 4x4.
    ink = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC), float)
    ink = np.pad(ink / 255, rng.integers(20, 80, (2, 2)))
    page = 240 - ink * 200
    return read(page.astype(np.uint8)).text, str(_digits().target[number])


def no_digits(count: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Count pictures of no digit of which any is read as a digit."""
    found: dict[str, Any] = {}
    for name in KINDS:
        say(f"{count} pictures: {name}")
        read = list(pool.map(partial(_other, name), range(count), chunksize=20))
        digits = [sum(map(str.isdecimal, text)) for text in read]
        found[name] = {
            "read_as_a_digit": share(sum(map(bool, digits)), count),
            "digits": sum(digits),
            "unknown": sum(text.count("?") for text in read),
        }
    counted = [found[name]["read_as_a_digit"] for name in KINDS if name != "letters like digits"]
    answered = sum(round(each["rate"] * each["n"]) for each in counted)
    found["all but letters like digits"] = share(answered, sum(each["n"] for each in counted))
    return found


KINDS = ("letters", "letters like digits", "scribbles", "Fashion-MNIST", "photographs",
         "empty paper")  # fmt: skip


@lru_cache(maxsize=1)
def _makers() -> dict[str, Callable[[np.random.Generator], Array]]:
    import mnistlab

    return dict(others.makers(mnistlab.load_data("fashion-mnist")[1][0]))


def _other(name: str, number: int) -> str:
    from mnistlab.reading.read import read

    rng = np.random.default_rng([4, KINDS.index(name), number])
    return read(_makers()[name](rng)).text


if __name__ == "__main__":
    main()
