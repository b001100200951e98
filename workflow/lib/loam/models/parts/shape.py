"""The sizes of what a network reads and answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes of a network's inputs and of its answer.

    Args:
        static: static features.
        steps: steps of the sequence and of the patch; 0 without either.
        variables: variables of the sequence.
        outputs: numbers a step of the answer: one a layer of soil, two where the loss asks for a spread (mean of each
            layer, then the logarithm of its variance).
        patch: pixels a side of the patch; 0 without one.
        bands: bands of the patch.
    """

    static: int
    steps: int
    variables: int
    outputs: int
    patch: int = 0
    bands: int = 0
