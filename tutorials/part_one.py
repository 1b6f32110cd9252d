# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Part one: handwritten digits with Keras
#
# Load a data set, look at it, prepare it, build a network, train it, **test it**, see where it is
# wrong, and then have it read a digit of your own. First in plain Keras, step by step; then the
# same with `mnistlab`, which gives the same numbers sooner.
#
# In a hosted notebook, install first, in a cell of its own: `%pip install -q PATH`, where `PATH`
# is a clone of mnistlab's repository, or its address with `git+` before it. On a machine where
# mnistlab is installed there is nothing to do.

# %%
import os
import time

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from PIL import Image, ImageDraw

import mnistlab
from mnistlab.evaluation.scores import wilson_interval
from mnistlab.reporting.style import BLUE, MUTED, VERMILION

# %% [markdown]
# ## Load
#
# MNIST is a set of handwritten digits, each a small grey picture with its label. One part is for
# training; the other is put aside for the test. `keras.datasets.mnist.load_data()` gives these
# four arrays. So does `mnistlab.load_data`, which checks every byte of them and knows more places
# to get them from.

# %%
(x_train, y_train), (x_test, y_test) = mnistlab.load_data("mnist")
for name, array in {"x_train": x_train, "y_train": y_train, "x_test": x_test}.items():
    print(f"{name}: {array.shape}, {array.dtype}, from {array.min()} to {array.max()}")

# %% [markdown]
# ## Look
#
# A picture is an array of numbers: no ink is zero, the most ink is the highest number that a byte
# can hold. This is one of them. Can you see what it is?

# %%
with np.printoptions(linewidth=150):
    print(x_train[7])

# %%
plt.imshow(x_train[7], cmap="bone")
plt.colorbar(label="ink")
print("y value:", y_train[7])

# %% [markdown]
# Nobody writes like anybody else. Each column here is one class:

# %%
figure, grid = plt.subplots(4, 10, figsize=(8, 3.4))
for digit in range(10):
    for axes, image in zip(grid[:, digit], x_train[y_train == digit], strict=False):
        axes.imshow(image, cmap="bone")
        axes.axis("off")

# %% [markdown]
# ## Normalise
#
# Networks learn badly from large inputs, so the numbers are made small. There are many ways;
# dividing by the highest value is the usual one. `keras.utils.normalize(x, axis=1)` is another:
# it divides every *column* of a picture by that column's length (the root of its sum of squares).

# %%
normalized_train = keras.utils.normalize(x_train, axis=1)
normalized_test = keras.utils.normalize(x_test, axis=1)

lengths = np.linalg.norm(normalized_train[7], axis=0)
print("lengths of the columns:", np.unique(lengths.round(6)))

# %% [markdown]
# So a column with ink has length one, and one without stays empty. A column with little ink
# becomes as bright as one with much: look at the outermost ends of the strokes.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2))
for axes, image, title in [
    (left, x_train[7], "as it is"),
    (right, normalized_train[7], "normalised"),
]:
    axes.imshow(image, cmap="bone")
    axes.set_title(title)

# %% [markdown]
# ## Build
#
# A stack of layers. `Flatten` makes one long row of the pixels; a `Dense` layer gives each of its
# units a weighted sum of all that comes in; `relu` sets what is negative to zero, without which
# many layers could do no more than one; `softmax` turns ten numbers into ten probabilities.


# %%
def build():
    """Make the network anew, with the same first weights every time."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


model = build()
model.summary(line_length=70)

# %% [markdown]
# ## Train
#
# `compile` says how to learn. The **loss** is what is made small: here how surprised the network
# is by the true label. The **optimizer** makes it small, a step for each batch of pictures. The
# **metric** is for us: the share of pictures that are right. `fit` then goes through all training
# pictures, once an epoch.

# %%
recipe = {
    "optimizer": "adam",
    "loss": "sparse_categorical_crossentropy",
    "metrics": ["accuracy"],
}
model.compile(**recipe)
begun = time.perf_counter()
history = model.fit(normalized_train, y_train, batch_size=32, epochs=3, verbose=2)
keras_seconds = time.perf_counter() - begun

# %% [markdown]
# ## Test
#
# That accuracy is on pictures which the network has just learnt. It may have learnt them by
# heart. What counts is the accuracy on pictures that it has never seen, and which nobody looked
# at while choosing anything. A share of a finite number of pictures has an uncertainty: the
# interval says what accuracies would fit with this result.

# %%
loss, accuracy = model.evaluate(normalized_test, y_test, verbose=0)
right = round(accuracy * len(y_test))
low, high = wilson_interval(right, len(y_test))
Markdown(
    f"**{accuracy:.2%}** of {len(y_test):,} test pictures are right (95 % interval {low:.2%} to "
    f"{high:.2%}); in the last epoch of training it was {history.history['accuracy'][-1]:.2%}. "
    f"Test loss: {loss:.4f}."
)

# %% [markdown]
# ## Where is it wrong?
#
# One number hides a lot. The *confusion matrix* counts what was taken for what. What is right
# lies on the diagonal, and is left out here so that the rest can be seen.

# %%
probabilities = model.predict(normalized_test, verbose=0)
predicted = probabilities.argmax(axis=1)
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (y_test, predicted), 1)
mistakes = confusion * (1 - np.eye(10, dtype=int))

figure, axes = plt.subplots(figsize=(5, 4.4))
axes.imshow(mistakes, cmap="Oranges")
axes.set(xticks=range(10), yticks=range(10), xlabel="taken for", ylabel="true digit")
for true in range(10):
    for taken in range(10):
        if count := mistakes[true, taken]:
            bright = count < mistakes.max() / 2
            colour = "black" if bright else "white"
            axes.text(taken, true, count, ha="center", va="center", color=colour, fontsize=8)

# %%
true, taken = np.unravel_index(mistakes.argmax(), mistakes.shape)
Markdown(
    f"{mistakes.sum()} mistakes in all. The most frequent: a {true} taken for a {taken}, "
    f"{mistakes.max()} times."
)

# %% [markdown]
# And these are the mistakes that it was surest of. Some are the network's fault; of others one
# may wonder whether the label is right.

# %%
wrong = np.flatnonzero(predicted != y_test)
surest = wrong[np.argsort(-probabilities[wrong, predicted[wrong]])][:12]
figure, grid = plt.subplots(2, 6, figsize=(9, 3.6), layout="constrained")
for axes, i in zip(grid.flat, surest, strict=True):
    axes.imshow(x_test[i], cmap="bone")
    axes.set_title(
        f"{y_test[i]}, taken for {predicted[i]}\n{probabilities[i].max():.0%} sure", size=8
    )
    axes.axis("off")

# %% [markdown]
# ## The same with mnistlab
#
# `mnistlab.fit` takes the place of `model.fit`: the same compiled model, the same arguments, the
# same `History`. It runs a whole epoch as one compiled program. From the same first weights and
# the same order of batches it gives the same numbers; the cell would fail if it did not.

# %%
twin = build()
twin.compile(**recipe)
begun = time.perf_counter()
faster = mnistlab.fit(twin, normalized_train, y_train, batch_size=32, epochs=3, verbose=0)
mnistlab_seconds = time.perf_counter() - begun

np.testing.assert_allclose(faster.history["loss"], history.history["loss"], rtol=0.02)
Markdown(
    "\n".join(
        [
            "| epoch | loss, Keras | loss, mnistlab | accuracy, Keras | accuracy, mnistlab |",
            "|--:|--:|--:|--:|--:|",
            *(
                f"| {i + 1} | {history.history['loss'][i]:.4f} | {faster.history['loss'][i]:.4f} | "
                f"{history.history['accuracy'][i]:.4f} | {faster.history['accuracy'][i]:.4f} |"
                for i in range(3)
            ),
        ]
    )
)

# %%
compiling = faster.compile_seconds
Markdown(
    f"Keras' `fit` took {keras_seconds:.1f} s, `mnistlab.fit` {mnistlab_seconds:.1f} s, of which "
    f"{compiling:.1f} s went into compiling, which happens once: "
    f"**{keras_seconds / mnistlab_seconds:.1f} times** as fast with compiling. (On this machine, "
    "at this moment; the README has measurements by turns.)"
)

# %% [markdown]
# From a shell, `mnistlab train` does all of the above: it loads, trains, tests, and leaves a
# folder with the model, its settings, every figure, and a report to open in a browser. `mnistlab
# show 7` prints the picture from above.
#
# ## Your own handwriting
#
# Everyone who has trained such a network draws a digit of their own next, and is disappointed.
# Here is one, drawn as a pen does on grey paper. Change the points, or open a photo of yours with
# `Image.open`.

# %%
strokes = [
    [(390, 95), (480, 90), (545, 92), (520, 160), (480, 240), (455, 330)],
    [(425, 205), (535, 195)],
]
paper = Image.new("L", (640, 420), 205)
pen = ImageDraw.Draw(paper)
for stroke in strokes:
    pen.line(stroke, fill=45, width=13, joint="curve")
plt.imshow(paper, cmap="gray", vmin=0, vmax=255)
plt.axis("off")
plt.show()

# %% [markdown]
# The network has only ever seen digits as MNIST's makers prepared them: bright on black, the
# ink's box scaled to a certain size by averaging, and the centre of its mass in the middle of the
# picture. To it, a photo that is only made small is something never seen. `mnistlab.read` finds
# the ink, cuts out each digit, and prepares it in just that way.

# %%
reading = mnistlab.read(paper)
found = reading.digits[0]

shrunk = np.asarray(paper.resize((28, 28), Image.Resampling.BICUBIC))
inverted = 255 - shrunk
prepared = found.image

figure, panels = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
titles = ["only made small", "small, and dark on light turned", "as MNIST made its own"]
for axes, image, title in zip(panels, [shrunk, inverted, prepared], titles, strict=True):
    answer = model.predict(keras.utils.normalize(image[None], axis=1), verbose=0)[0]
    right = answer.argmax() == found.digit
    axes.imshow(image, cmap="bone", vmin=0, vmax=255)
    axes.set_title(title, size=9, color=MUTED)
    axes.set_xlabel(
        f"our network: {answer.argmax()}, {answer.max():.0%} sure",
        color=BLUE if right else VERMILION,
    )
    axes.set(xticks=[], yticks=[])

# %% [markdown]
# The three pictures hold the same digit. Preparing is the difference between a test score and a
# tool. `mnistlab.read` also has a network of its own, which was shown many kinds of paper and
# pens, and knows what is no digit:

# %%
likeliest = ", ".join(f"{digit} ({share:.1%})" for digit, share in found.alternatives)
Markdown(
    f"`mnistlab.read` says **{reading.text}**, {found.confidence:.1%} sure. It found the digit at "
    f"{found.box} (left, top, width, height). Likeliest: {likeliest}."
)

# %% [markdown]
# From a shell: `mnistlab read photo.jpg`, or `mnistlab serve` for a page to draw on.
#
# [Part two](part_two.ipynb) asks which optimizer is best, first as such questions are often
# asked, and then fairly.
