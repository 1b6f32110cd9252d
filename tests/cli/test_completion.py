"""What the shell is told when it asks; nothing heavy is loaded for it."""

from __future__ import annotations

import pytest

from mnistlab.models.functions import LOSSES, OPTIMIZERS


@pytest.fixture
def completed(inside, monkeypatch):
    def complete(words: str) -> list[str]:
        """Ask as bash does: the last word is begun, empty where the line ends in a space."""
        monkeypatch.setenv("_MNISTLAB_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
        done = inside()
        assert done.code == 0, done.err
        return done.out.split()

    return complete


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mnistlab re", ["replay", "read", "report"]),
        ("mnistlab train --optimizer adag", ["adagrad"]),
        ("mnistlab train --model cnn", ["cnn-fast", "cnn-best"]),
        ("mnistlab train --dataset f", ["fashion-mnist"]),
        ("mnistlab compare l", ["loss", "learning-rate"]),
        ("mnistlab compare optimizer adam ad", [n for n in OPTIMIZERS if n.startswith("ad")]),
        ("mnistlab compare loss poi", ["poisson"] if "poisson" in LOSSES else []),
        ("mnistlab list act", ["activations"]),
        ("mnistlab list activations rel", ["relu", "relu6"]),
        ("mnistlab data get m", ["mnist"]),
    ],
)
def test_names_are_completed(completed, words, expected):
    assert completed(words) == expected


def test_what_cannot_be_chosen_is_not_offered(completed):
    refused = [name for name, choice in LOSSES.items() if choice.refused]
    assert refused
    assert not set(refused) & set(completed("mnistlab train --loss "))


def test_a_completion_loads_nothing_heavy():
    import subprocess
    import sys

    heavy = "('numpy keras jax scipy matplotlib'.split())"
    code = (
        "import sys\nfrom mnistlab.cli import completion\ncompletion.known('losses')\n"
        f"print([n for n in {heavy} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
