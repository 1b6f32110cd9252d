"""The tutorial's job, side by side: `python -m benchmarks.tutorial`.

The job: MNIST, `keras.utils.normalize(axis=1)`, Flatten, Dense 128 relu twice, Dense 10 softmax,
Adam, sparse categorical cross-entropy, batch 32, 3 epochs over 60,000 images.

Reading order:

1. `job` is the work and its arithmetic.
2. `contenders`, with `by_hand`, are those who do it: one fresh process each, one JSON line.
3. `whole` times shell commands: `mnistlab train` and the tutorial's own `script`.
4. `floor` measures how fast this machine multiplies matrices: what nobody can beat.
5. `processes` starts and watches one process; `__main__` takes turns among all of these.
6. `summary` makes medians, spreads and ratios of what was measured.
"""
