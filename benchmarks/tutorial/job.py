"""The job that every contender does, and the arithmetic of its matrix products.

A Dense layer from k to m, for one image, costs 2km floating-point operations (a multiplication
and an addition) for its output, 2km for the gradient of its weights, and 2km for the gradient of
its input, which the first layer does not need:

    layers               784x128 + 128x128 + 128x10 = 118,016 weights
    forward              2 x 118,016                = 236,032
    weight gradients     2 x 118,016                = 236,032
    input gradients      2 x (128x128 + 128x10)     =  35,328
    one image                                         507,392
    60,000 images x 3                                  91.33 GFLOP

At 85 GFLOP/s that takes 1.07 s, 0.36 s an epoch. Biases, relu, softmax, Adam and the gathering of
batches come on top; the floor leaves them out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

WIDTHS = (784, 128, 128, 10)
BATCH_SIZE = 32
IMAGES = 60_000
EPOCHS = 3


@dataclass(frozen=True)
class Job:
    """How much of the tutorial's job is done; `seed` differs from round to round.

    `held_out` images, those after the ones trained on, are validated on after each epoch.
    """

    images: int = IMAGES
    epochs: int = EPOCHS
    seed: int = 0
    held_out: int = 0

    @property
    def reduced(self) -> bool:
        """Whether this is not the tutorial's: good for a trial only, or for another benchmark."""
        return (self.images, self.epochs, self.held_out) != (IMAGES, EPOCHS, 0)

    @property
    def flops(self) -> int:
        """Operations in the matrix products of all images and epochs."""
        return flops_per_image() * self.images * self.epochs

    def options(self) -> list[str]:
        """Give the command-line options that `add_options` reads."""
        return [
            f"--{each.name.replace('_', '-')}={getattr(self, each.name)}" for each in fields(self)
        ]


def flops_per_image(widths: tuple[int, ...] = WIDTHS) -> int:
    """Count the operations of one image's matrix products, forward and backward.

    >>> flops_per_image()
    507392
    """
    products = [a * b for a, b in pairwise(widths)]
    return 2 * (2 * sum(products) + sum(products[1:]))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that make the job smaller, for trials."""
    parser.add_argument("--images", type=int, default=IMAGES, help="train on the first N only")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--held-out", type=int, default=0, help="images to validate on")


def job_of(options: argparse.Namespace) -> Job:
    """Make the job that the options ask for."""
    return Job(options.images, options.epochs, options.seed, options.held_out)


def load(job: Job) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Load uint8 images (n, 28, 28) and labels (n,): the job's to train on, all to test on."""
    from mnistlab.data import load_data

    (x, y), test = load_data()
    return (x[: job.images], y[: job.images]), test


def load_held_out(job: Job) -> tuple[Any, Any] | None:
    """Load the images and labels that the job is validated on, as `load` does; None of none.

    Raises ValueError where there are not so many.
    """
    from mnistlab.data import load_data

    (x, y), _ = load_data()
    part = slice(job.images, job.images + job.held_out)
    if not job.held_out:
        return None
    if len(x[part]) != job.held_out:
        raise ValueError(f"there are no {job.held_out} images after the first {job.images}")
    return x[part], y[part]
