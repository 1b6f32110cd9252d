"""`mnistlab show`: look at the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli.console import download_progress, print_json, results, say
from mnistlab.errors import OptionError, StorageError
from mnistlab.models.augmentation import NONE, Augmentation, parse_augmentation

if TYPE_CHECKING:
    import numpy as np

    from mnistlab.data import Dataset

BLOCK = (3, 8)
"""Rows and columns of varied copies, where one image is looked at."""

ROW = (1, 10)
"""Likewise for each of several images."""


# Long for its options, each with its help; what it does is in the functions that it calls.
def show(
    index: int | None = typer.Argument(
        None, help="Which image, from 0; without it a sheet of samples and the class counts."
    ),
    dataset: str = typer.Option("mnist", help="mnist, fashion-mnist, or a path to your own."),
    split: str = typer.Option("train", help="train or test."),
    normalized: bool = typer.Option(
        False, "--normalized", help="As keras.utils.normalize(x, axis=1) makes it."
    ),
    augment: str = typer.Option(
        NONE,
        help="Beside the image copies as training varies it, as in shift=2,rotate=10; without "
        "INDEX, of one image of each class.",
    ),
    seed: int = typer.Option(1, min=0, max=2**32 - 1, help="Fixes the draws of --augment."),
    out: Path | None = typer.Option(
        None, help="The picture's file (PNG); a name here if not given."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a file that is there already."),
    classes: int | None = typer.Option(None, help="Classes of your own IDX or NPZ, if not 10."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Look at the data: an image as numbers and as a picture, or a sheet of samples.

    Example: mnistlab show 7 --normalized
    """
    from mnistlab.data import load

    if split not in ("train", "test"):
        raise OptionError(f"split is '{split}'; it must be train or test")
    if normalized and index is None:
        raise OptionError("--normalized needs an INDEX, as in: mnistlab show 7 --normalized")
    amounts = parse_augmentation(augment)
    if normalized and amounts:
        raise OptionError("--normalized and --augment are two ways to look; give one of them")
    with download_progress() as progress:
        data = load(dataset, classes=classes, progress=progress)
    stem = f"{data.name}-{split}{'' if index is None else f'-{index}'}"
    if amounts:
        document, picture, tell = _varied(data, split, index, (amounts, seed))
        stem += "-varied"
    elif index is None:
        document, picture, tell = _sheet(data, split)
    else:
        document, picture, tell = _image(data, split, index, normalized)
        stem += "-normalized" if normalized else ""
    target = out or Path(f"{stem}.png")
    save_picture(target, picture, force)
    if json:
        print_json({"dataset": dataset, "split": split, **document, "picture": str(target)})
    else:
        tell()
    say(f"picture: {target}")


Looked = tuple[dict[str, Any], bytes, Callable[[], None]]
"""The JSON document, the picture as PNG, and what prints the same for people."""


def _image(data: Dataset, split: str, index: int, normalized: bool) -> Looked:
    """Look at one image: as NumPy prints it, and its label."""
    from mnistlab.data import normalize_columns

    images, labels = data.split(split)
    _check_index(index, split, len(images))
    array: np.ndarray = images[index]
    if normalized:
        array = normalize_columns(images[index : index + 1])[0]
    name = data.class_names[labels[index]]

    def tell() -> None:
        print(array)
        print("y value:", name if name == str(labels[index]) else f"{labels[index]} ({name})")

    from mnistlab.reporting.figures import digit

    document = {"index": index, "label": int(labels[index]), "array": array.tolist()}
    return document, digit(array, name), tell


def _check_index(index: int, split: str, count: int) -> None:
    if not 0 <= index < count:
        raise OptionError(f"index {index} is outside the {split} split, which has 0 to {count - 1}")


def _sheet(data: Dataset, split: str) -> Looked:
    """Look at a sheet of samples, and how many there are of each class."""
    import numpy as np

    from mnistlab.data import class_counts, sample_sheet
    from mnistlab.reporting.figures import sample_sheet as draw
    from mnistlab.reporting.tables import Table, print_table

    images, labels = data.split(split)
    counts = class_counts(labels, data.num_classes).tolist()
    chosen = sample_sheet(labels, data.num_classes, 12)
    tiles = images[np.maximum(chosen, 0)]
    tiles[chosen < 0] = 0

    def tell() -> None:
        rows = [(name, f"{n:,}") for name, n in zip(data.class_names, counts, strict=True)]
        rows.append(("all", f"{len(labels):,}"))
        print_table(Table(f"{data.name}, {split}", ("class", "images"), tuple(rows)), results())

    document = {"counts": dict(zip(data.class_names, counts, strict=True))}
    return document, draw(tiles, data.class_names, counts), tell


def _varied(data: Dataset, split: str, index: int | None, how: tuple[Augmentation, int]) -> Looked:
    """Look at an image, or one of each class, beside copies varied by amounts and a seed."""
    from mnistlab.reporting.augmentation_figure import Variations
    from mnistlab.reporting.augmentation_figure import variations as draw
    from mnistlab.reporting.tables import Table, print_table

    amounts, seed = how
    images, labels = data.split(split)
    chosen = _one_of_each(data, split) if index is None else [index]
    _check_index(chosen[0], split, len(images))
    names = tuple(data.class_names[label] for label in labels[chosen])
    rows, columns = ROW if index is None else BLOCK
    copies = _copies(images[chosen], rows * columns, how).reshape(-1, rows, columns, 28, 28)
    said = f"varied by {amounts}, seed {seed}"

    def tell() -> None:
        lines = tuple((name, f"{i:,}") for name, i in zip(names, chosen, strict=True))
        print_table(Table(f"{data.name}, {split}", ("class", "image"), lines), results())
        print(said)

    document = {
        "indices": chosen,
        "labels": labels[chosen].tolist(),
        "augment": amounts.given(),
        "seed": seed,
        "copies": rows * columns,
    }
    return document, draw(Variations(names, images[chosen], copies, said)), tell


def _one_of_each(data: Dataset, split: str) -> list[int]:
    """Choose an image of each class that the split has any of."""
    from mnistlab.data import sample_sheet

    chosen = sample_sheet(data.split(split)[1], data.num_classes, 1)[:, 0]
    return [int(index) for index in chosen if index >= 0]


def _copies(images: np.ndarray, count: int, how: tuple[Augmentation, int]) -> np.ndarray:
    """Vary each of images (n, h, w) as training does: uint8 (n * count, h, w)."""
    import jax
    import numpy as np

    from mnistlab.data import cache_dir
    from mnistlab.models.backend import cache_compilations
    from mnistlab.training.augment import augment

    cache_compilations(cache_dir() / "compiled")
    amounts, seed = how
    vary = jax.jit(augment, static_argnums=0)
    return np.asarray(vary(amounts, jax.random.key(seed), np.repeat(images, count, axis=0)))


def save_picture(target: Path, picture: bytes, force: bool) -> None:
    """Write a picture, unless another file has its name."""
    from mnistlab.files import write_atomic

    if target.suffix.lower() != ".png":
        raise OptionError(f"the picture is a PNG; name it so, as in {target.stem or 'digit'}.png")
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise StorageError(f"{target} is not a place for a file")
    if target.exists() and not force and target.read_bytes() != picture:
        raise StorageError(f"{target} exists already and is left as it is; --force replaces it")
    write_atomic(target, picture)
