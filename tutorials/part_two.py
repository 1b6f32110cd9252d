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
# # Part two: is one optimizer better than another?
#
# After a first network, everyone plays with its parts: another optimizer, another loss, another
# activation. The post that this tutorial grew from did so, too. Its losses fell from cell to
# cell, and nothing can be concluded from them. This part first does the same and finds out why,
# and then asks the question so that the answer can be believed.
#
# In a hosted notebook, install first, as in [part one](part_one.ipynb).

# %%
import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported
os.environ.setdefault("PJRT_NPROC", "1")  # one thread a training, so that two cores train two

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

import mnistlab
from mnistlab.comparing.posts import KERAS_2, PART_ONE, PART_TWO
from mnistlab.comparing.replay import replay
from mnistlab.data import load
from mnistlab.models.functions import LOSSES
from mnistlab.reporting.replay_figure import replay_figure
from mnistlab.reporting.replay_tables import FAIR, hidden_sentence, table_of_tests
from mnistlab.reporting.style import PALETTE
from mnistlab.training.settings import TrainSettings

train, test = mnistlab.load_data("mnist")
(x_train, y_train), (x_test, y_test) = train, test
x_train, x_test = (keras.utils.normalize(x, axis=1) for x in (x_train, x_test))


def table(header, rows):
    """Show rows of text as a table."""
    lines = [header, ["---"] * len(header), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines))


# %% [markdown]
# ## The unfair comparison
#
# Train with Adam; compile again with Adagrad and train; compile again with Adadelta and train.
# Then the same once more in the opposite order.


# %%
def build():
    """Make part one's network anew, with the same first weights every time."""
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


def one_after_another(optimizers):
    """Train one and the same model with each in turn; give losses and test accuracies."""
    model, losses, tests = build(), [], []
    for optimizer in optimizers:
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        losses += mnistlab.fit(model, x_train, y_train, epochs=3, verbose=0).history["loss"]
        answers = keras.ops.convert_to_numpy(model(x_test)).argmax(axis=1)
        tests.append(np.mean(answers == y_test))
    return losses, tests


orders = [["adam", "adagrad", "adadelta"], ["adadelta", "adagrad", "adam"]]
stories = [one_after_another(order) for order in orders]

figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for axes, order, (losses, _) in zip(panels, orders, stories, strict=True):
    for place, name in enumerate(order):
        epochs = np.arange(3 * place + 1, 3 * place + 4)
        colour = PALETTE[orders[0].index(name)]
        axes.semilogy(epochs, losses[3 * place : 3 * place + 3], "o-", color=colour, label=name)
    axes.set(xlabel="epoch of the one model", ylabel="training loss", xticks=range(1, 10))
    axes.legend(frameon=False)

# %%
table(
    ["order", "training loss after each", "test accuracy after each"],
    [
        [
            " → ".join(order),
            " → ".join(f"{loss:.4f}" for loss in losses[2::3]),
            " → ".join(f"{share:.2%}" for share in tests),
        ]
        for order, (losses, tests) in zip(orders, stories, strict=True)
    ],
)

# %% [markdown]
# What does this say about the optimizers? Nothing, for four reasons.
#
# **It is one model.** `compile` makes a new optimizer and keeps the weights. Each begins where
# the one before it stopped, so whoever comes later looks better: turn the order round, and
# another one "wins". A fair comparison begins with a fresh model each time.
#
# **The learning rates are an accident.** None was chosen; each optimizer ran at the default of
# its Keras. And defaults change: these are the ones of the post's Keras and of the one that runs
# here.

# %%
table(
    ["optimizer", "default rate in the post's Keras", f"in Keras {keras.__version__}"],
    [
        [
            name,
            f"{KERAS_2[name].learning_rate:g}",
            f"{keras.optimizers.get(name).get_config()['learning_rate']:g}",
        ]
        for name in orders[0]
    ],
)

# %% [markdown]
# **Epochs are missing.** In the post, the loss falls by more from part one to part two than an
# epoch can make it fall: the model was trained in between, and the page does not show it. The
# replay below counts the epochs.
#
# **There is no test.** All figures are of the training pictures. The table of our two orders has
# the test beside them: the training loss goes on falling, while the test accuracy hardly moves.
#
# ## The post, replayed
#
# `mnistlab replay` runs the post's cells in their order: with the defaults of that Keras, with
# today's, and after the missing epochs, which it finds by training until the loss is where the
# post's part two begins. Here with one seed:

# %%
replayed = replay(TrainSettings(seed=1), load("mnist"), [1], 20, lambda *_: None)
replay_figure(replayed)

# %%
search = replayed.seeds[0].search
table(
    ["training loss", "last epoch of part one", "next epoch of the same model"],
    [
        ["the post", PART_ONE.loss[-1], PART_TWO[0].loss[0]],
        ["ours", f"{search.loss[2]:.4f}", f"{search.loss[3]:.4f}"],
    ],
)

# %%
table_of_tests(replayed)

# %%
Markdown(f"{hidden_sentence(replayed)}\n\n{FAIR}")

# %% [markdown]
# ## The same question, fairly
#
# What would make it believable?
#
# - a fresh model for every training,
# - a learning rate for each optimizer that was tuned for it, with the same effort for all,
# - on validation pictures, so that the test pictures stay unseen,
# - several seeds, the same ones for all, so that luck can be told from skill,
# - and one test at the end.
#
# That is `mnistlab.compare`. With `quick=True` it trains for one epoch only, which is enough to
# see how it goes.

# %%
study = mnistlab.compare("optimizer", ["adam", "adagrad", "adadelta"], quick=True, progress=False)
study

# %% [markdown]
# The lower table is the answer. A *difference* is the mean over pairs: two optimizers, the same
# first weights, the same order of pictures. Its *interval* holds the differences that would fit
# with what was seen. *p (Holm)* says how often chance alone would show so much if there were no
# difference, given that several pairs were looked at. The *verdict* says it in words, and "can't
# tell" is an honest one: ask again with more seeds. Here is why the rate had to be tuned:

# %%
study.plot("learning-rates")

# %% [markdown]
# Each optimizer has a range in which it works, and they lie apart. At one and the same rate, or
# at the defaults, one would be comparing rates.
#
# ## Losses, and the last layer that belongs to each
#
# A loss expects something of what comes out of the network: probabilities that add up to one, a
# probability for each class by itself, or plain numbers (*logits*). So the last layer and the
# loss are chosen together. `mnistlab` knows what fits and refuses the rest:

# %%
table(
    ["loss", "what it is", "last layer", "trap"],
    [
        [f"`{name}`", loss.what, ", ".join(loss.last_activations), loss.trap]
        for name, loss in LOSSES.items()
        if name in ("sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error")
    ],
)

# %% [markdown]
# The trap of the first can be seen in a few lines. A network is sure, and wrong: the true class
# gets the lower logit. The more wrong it is, the more it should learn, and the more the loss
# should grow. After a softmax it does not, for Keras clips probabilities before it takes their
# logarithm; with `from_logits=True` it does.

# %%
from functools import partial

import jax

gaps = np.linspace(0, 30, 61)


def loss_of(gap, logits):
    """Give the loss where the wrong class leads by `gap`."""
    outputs = jax.numpy.stack([jax.numpy.zeros_like(gap), gap])[None]
    outputs = outputs if logits else keras.ops.softmax(outputs)
    loss = keras.losses.sparse_categorical_crossentropy
    return loss(np.array([0]), outputs, from_logits=logits)[0]


figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for logits, label, colour, line in [
    (False, "softmax, then the loss", PALETTE[1], "-"),
    (True, "the loss takes logits", PALETTE[0], "--"),
]:
    value, slope = jax.vmap(jax.value_and_grad(partial(loss_of, logits=logits)))(gaps)
    for axes, shown, what in zip(panels, (value, slope), ("loss", "gradient"), strict=True):
        axes.plot(gaps, shown, line, color=colour, label=label)
        axes.set(xlabel="how wrong: lead of the wrong class, in logits", ylabel=what)
panels[0].legend(frameon=False)
plt.show()

# %% [markdown]
# Values of different losses cannot be compared with each other; accuracies can. Each loss gets
# its own last layer and its own learning rate. A fifth of the training pictures will do for a
# first look:

# %%
fifth = tuple(array[: len(array) // 5] for array in train)
loss_study = mnistlab.compare(
    "loss",
    ["categorical_crossentropy", "mean_squared_error", "categorical_hinge"],
    dataset=(fifth, test),
    quick=True,
    progress=False,
)
loss_study

# %% [markdown]
# ## Activations
#
# Between the layers stands a function of one number. Without it, layers upon layers would be no
# more than one. These are some of Keras':

# %%
chosen = ["relu", "tanh", "sigmoid"]
x = np.linspace(-4, 4, 161)
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, colour in zip(chosen, PALETTE, strict=False):
    y = np.asarray(keras.activations.get(name)(x.astype("float32")))
    axes.plot(x, y, color=colour, label=name)
axes.set(xlabel="what comes in", ylabel="what goes on")
axes.legend(frameon=False)
plt.show()

# %%
activations = mnistlab.compare(
    "activation", chosen, dataset=(fifth, test), quick=True, progress=False
)
activations

# %%
activations.plot("differences")

# %% [markdown]
# What holds after one short epoch on a fifth of the pictures need not hold after more: the plan
# is part of the answer. Without `quick=True` each training has three epochs, and each arm more
# rates and more seeds. From a shell it is `mnistlab compare optimizer adam adagrad adadelta`,
# which leaves a page with all figures beside the table; `mnistlab list optimizers` says what else
# can be compared. How it is done, and why: [a comparison that can be
# believed](../docs/comparing.md).
