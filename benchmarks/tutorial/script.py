"""The tutorial's cells as a user's script: `python benchmarks/tutorial/script.py [EPOCHS]`.

`whole` runs it on each backend. It needs nothing of mnistlab or of this folder.

Keras takes `mnist.npz` in its cache only if the file's hash is the one that it knows. A machine
without a network has the arrays but not that very file; MNIST_NPZ_SHA256 then says which hash to
check, so that the same work is done on the same bytes.
"""

from __future__ import annotations

import os
import sys

import keras
import matplotlib.pyplot as plt

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 3


def expect_hash(sha256: str) -> None:
    """Have `keras.datasets.mnist.load_data` check its file against `sha256`."""
    from keras.src.datasets import mnist

    get_file = mnist.get_file
    mnist.get_file = lambda fname, origin, file_hash: get_file(fname, origin, file_hash=sha256)


if "MNIST_NPZ_SHA256" in os.environ:
    expect_hash(os.environ["MNIST_NPZ_SHA256"])

# Load and look.
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
print(x_train[7])
plt.imshow(x_train[7], cmap="bone")
print("y value: ", y_train[7])

# Normalise.
x_train = keras.utils.normalize(x_train, axis=1)
x_test = keras.utils.normalize(x_test, axis=1)
print(x_train[7])
plt.imshow(x_train[7], cmap="bone")

# Build.
model = keras.models.Sequential()
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(128, activation="relu"))
model.add(keras.layers.Dense(128, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))

# Train.
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=EPOCHS)

# Test.
loss, accuracy = model.evaluate(x_test, y_test)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
