"""Numbers that other programs write for "missing" (-999, 65535, 1e20) and that nobody marked: they stand apart.

A code is recognised by its figures and by its distance from all other values: one that lies among them is a value like
any other. So a batch is judged by its ends, and a file that is read in blocks when it has been read to its end. A
number beyond ``LARGEST`` needs no others: no covariate is larger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

LARGEST = 1e15
SINGLE = 3e38  # beyond it single precision has no numbers
CODE = re.compile(
    r"-9{2,}(\.9+)?|9{3,}(\.9+)?|-8{2,}(\.8+)?|8{3,}(\.8+)?|-?[67]9{2,}|-?3276[78]|-?6553[4-6]|-12[78]|25[45]|"
    r"-?(1|9\.96921)(\.0)?e\+?\d+"
)
UNMISTAKABLE = re.compile(
    r"-9{3,}(\.9+)?|-99\.9+|9{4,}(\.9+)?|-8{3,}(\.8+)?|-?[67]9{3}|-?3276[78]|-?6553[4-6]|-12[78]|"
    r"-?(1|9\.96921)(\.0)?e\+?\d+"
)
FAR = 3.0  # spans of the other values that a code lies away from them; an unmistakable one, a single span
FEW = 10  # different values from which on a span says something; of an unmistakable code, 2
BELOW = 0.1  # share of a negative code that the lowest of the others is above, where they tell it without a span


def is_code(value: float, *, unmistakable: bool = False) -> bool:
    """Whether a number has the figures of a code, as it is written in double or, if it is such a one, single precision
    (-99.9 of a file in single precision is -99.9000015258789).
    """
    value, texts = float(value), [f"{value:.15g}"]
    if abs(value) < SINGLE and float(np.float32(value)) == value:
        texts.append(str(np.float32(value)).removesuffix(".0"))
    pattern = UNMISTAKABLE if unmistakable else CODE
    return any(pattern.fullmatch(text) for text in texts)


def stands_apart(code: float, low: float, high: float, different: int) -> bool:
    """Whether a code lies far from all other values.

    Args:
        code: the number, with the figures of a code.
        low, high: least and greatest of the others; NaN where there are none.
        different: how many different values they are.
    """
    if abs(code) > LARGEST:
        return True
    if code < 0 and is_code(code, unmistakable=True) and not low <= BELOW * code:
        return True  # nothing below zero but the code, or nearly so; also where there is nothing else
    if not different:
        return False
    if code < 0 and different >= FEW and low > BELOW * code:
        return True
    known = is_code(code, unmistakable=True)
    if different < (2 if known else FEW):
        return False
    span = max(high - low, 1e-3 * max(abs(low), abs(high)))
    gap = low - code if code < low else code - high
    return gap > (1.0 if known else FAR) * span


@dataclass(frozen=True)
class Suspect:
    """A number with the figures of a code: how often it is there, and where first, as the block's reader says it."""

    value: float
    count: int
    first: object
    place: tuple[int, ...]


class Codes:
    """Codes among the values of one variable that are read in blocks, told from values when all have been read."""

    def __init__(self) -> None:
        self.low, self.high, self.different = np.nan, np.nan, 0
        self._suspects: dict[float, Suspect] = {}

    def see(self, values: np.ndarray, where: object = None) -> None:
        """Take a block (any shape, NaN where missing) into account; ``where`` is given back with what is found."""
        known = np.isfinite(values)
        while known.any():
            low, high = values.min(where=known, initial=np.inf), values.max(where=known, initial=-np.inf)
            codes = [end for end in {low, high} if is_code(end)]
            if not codes:
                self._widen(low, high, values, known)
                return
            for code in codes:
                here = known & (values == code)
                self._suspect(code, here, where)
                known &= ~here

    def found(self) -> Iterator[Suspect]:
        """The codes that stand apart from all that was seen."""
        for suspect in self._suspects.values():
            if stands_apart(suspect.value, self.low, self.high, self.different):
                yield suspect

    def _widen(self, low: float, high: float, values: np.ndarray, known: np.ndarray) -> None:
        self.low, self.high = np.fmin(self.low, float(low)), np.fmax(self.high, float(high))
        if self.different < FEW:
            self.different = max(self.different, len(np.unique(values[known])))

    def _suspect(self, code: float, here: np.ndarray, where: object) -> None:
        place = tuple(int(index) for index in np.argwhere(here)[0])
        before = self._suspects.get(code)
        count = int(here.sum()) + (before.count if before else 0)
        first = (before.first, before.place) if before else (where, place)
        self._suspects[code] = Suspect(code, count, *first)
