"""A line's pieces of ink → digits: cut where they run together, joined where one is broken.

Every piece that may be several digits is cut wherever there is little ink to cut; what lies side by
side, cut or not, may be one digit. Of all ways to read the line the network's likeliest is taken:
over-segmentation and the cheapest path, as for postal codes (Casey & Lecolinet 1996,
https://doi.org/10.1109/34.506792).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mnistlab.reading.digits import Line, Piece, cuts, is_bar, is_cut_off, usual_height
from mnistlab.reading.ink import Ink
from mnistlab.reading.network import DIGITS, SEVERAL, Network
from mnistlab.reading.normalize import normalized

RUN_TOGETHER, VERY_WIDE = 0.2, 2.2
"""A piece is cut that is several digits with this probability, or so wide for its height."""
NARROWEST, WIDEST = 0.12, 1.5  # of a digit that is cut off or put together, in heights of the line
WITH_BAR = 2.4
"""A 5 whose bar was written apart, and far, is so wide."""
NEAR = 0.25
"""Parts of one digit are no further apart, in heights of the line."""
MOST_PARTS = 4
A_DIGIT = 0.7  # what each digit costs besides its -log(probability), of which no more counts than
AT_MOST = 4.0
A_JOIN = 2.0  # and each piece that it is put together of, but the first
A_REST = 4.0  # what it costs to leave a part of a piece unread
A_FRAGMENT = 1.5  # and what the picture's side cuts off; this more to join it to what is whole

Span = tuple[int, int]


@dataclass(frozen=True)
class Atom:
    """Ink that is not cut further, the number of the piece that it is of, and whether that is a
    fragment: cut off by the picture's side, while others are not."""

    piece: Piece
    of: int
    fragment: bool


def segmented(line: Line, ink: Ink, network: Network) -> Line:
    """Give the pieces of a line, from left to right, of which each is likely one digit."""
    height = usual_height(line)
    several = _outputs(line, ink, network)[:, SEVERAL]
    fragments = [is_cut_off(piece, ink.mask.shape) for piece in line]
    atoms = [
        Atom(part, number, fragments[number] and not all(fragments))
        for number, (piece, share) in enumerate(zip(line, several, strict=True))
        for part in _atoms(piece, height, float(share))
    ]
    spans = _spans(atoms, height)
    if len(spans) == len(line):
        return line
    outputs = _outputs(list(spans.values()), ink, network)
    likely = np.maximum(outputs[:, :DIGITS].max(axis=1), 1e-12)
    costs = {
        span: A_DIGIT + _joining(atoms[slice(*span)]) + min(surprise, AT_MOST)
        for span, surprise in zip(spans, -np.log(likely), strict=True)
    }
    return [spans[span] for span in _cheapest(atoms, costs)]


def _joining(atoms: list[Atom]) -> float:
    pieces = {atom.of: atom.fragment for atom in atoms}
    mixed = len(set(pieces.values())) > 1
    return A_JOIN * (len(pieces) - 1) + A_FRAGMENT * mixed


def _outputs(pieces: Line, ink: Ink, network: Network) -> npt.NDArray[np.float64]:
    return network.outputs(np.stack([normalized(ink, piece) for piece in pieces]))


def _atoms(piece: Piece, height: float, several: float) -> list[Piece]:
    """Cut a piece wherever it might be, if it may be more than one digit."""
    if several < RUN_TOGETHER and piece.width <= VERY_WIDE * max(height, piece.height):
        return [piece]
    parts = [piece.part(*ends) for ends in pairwise([0, *cuts(piece, height), piece.width])]
    return [part for part in parts if part is not None]


def _spans(atoms: list[Atom], height: float) -> dict[Span, Piece]:
    """Give what may be one digit: atoms from i up to j, put together."""
    counts = np.bincount([atom.of for atom in atoms])
    found: dict[Span, Piece] = {}
    for i, first in enumerate(atoms):
        whole = first.piece
        for j in range(i, min(i + MOST_PARTS, len(atoms))):
            atom = atoms[j]
            if j > i:
                if atom.of != atoms[j - 1].of and atom.piece.left - whole.right > NEAR * height:
                    break
                whole = whole.joined(atom.piece)
            most = WITH_BAR if is_bar(atom.piece, height) else WIDEST
            if j > i and whole.width > most * max(height, whole.height):
                break
            entire = j - i + 1 == counts[first.of] and atom.of == first.of
            tall, wide = whole.height / height, whole.width / height
            if entire or (tall >= 0.4 and wide >= NARROWEST):
                found[i, j + 1] = whole
    return found


def _cheapest(atoms: list[Atom], costs: dict[Span, float]) -> list[Span]:
    """Give the spans that cover the atoms and whose costs add up to the least.

    Part of a piece may be left out, as a speck at its side, at a price.
    """
    best: list[tuple[float, list[Span]]] = [(0.0, [])]
    for j in range(1, len(atoms) + 1):
        ways = [
            (best[i][0] + costs[i, j], [*best[i][1], (i, j)])
            for i in range(max(0, j - MOST_PARTS), j)
            if (i, j) in costs
        ]
        rest = A_FRAGMENT if atoms[j - 1].fragment else A_REST
        ways.append((best[j - 1][0] + rest + A_DIGIT, best[j - 1][1]))
        best.append(min(ways, key=lambda way: way[0]))
    return best[-1][1]
