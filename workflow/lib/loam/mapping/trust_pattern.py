"""How far a map may be trusted, as a pattern over its pixels: dots, lines, and a grey veil under crossed lines.

The colours of moisture are to be read off the colour bar where the class is ``use`` or ``caution``. ``relative only``
is half faded, for its level is not to be read. ``do not use`` is grey: no colour of moisture or spread is, so that it
differs from them in print and without colour vision. Patterns are made pixel by pixel of the picture: a lone pixel of
a class fades too, and a map of scattered classes costs no more than one of few.
"""

from __future__ import annotations

import numpy as np

from loam.trust.pixel_reasons import AVOID, CAUTION, RELATIVE

VEIL = {RELATIVE: 0.5, AVOID: 0.8}  # how far the colour fades
GREY = {RELATIVE: 237, AVOID: 189}  # what it fades to
INK = (38, 38, 38, 191)  # of dots and lines
STEP, LINE = 0.085, 0.011  # inches between lines, and how thick they are
DOT = 0.016  # inches, side of a dot


def trust_pattern(classes: np.ndarray, shape: tuple[int, int], per_inch: float) -> np.ndarray:
    """What to lay over a picture: [row, column, 4] of ``shape``, red, green, blue and opacity, uint8.

    Args:
        classes: of each pixel of the map [row, column], of ``loam.trust.pixel_reasons``; others have no pattern.
        shape: rows and columns of the result, which covers the same part of the map.
        per_inch: pixels of the result an inch.
    """
    rows, cols = (np.arange(count) * have // count for count, have in zip(shape, classes.shape, strict=True))
    patches = _patches(*(max(1, round(size * per_inch)) for size in (STEP, LINE, DOT)))
    down, right = np.ogrid[: shape[0], : shape[1]]
    found: np.ndarray = patches[classes[np.ix_(rows, cols)], down % patches.shape[1], right % patches.shape[2]]
    return found


def _patches(step: int, line: int, dot: int) -> np.ndarray:
    """What is repeated over the pixels of each class [class, row, column, 4]; sizes in pixels."""
    patches = np.zeros((256, 2 * step, step, 4), np.uint8)
    for value, grey in GREY.items():
        patches[value] = (grey, grey, grey, round(255 * VEIL[value]))
    down, right = np.ogrid[: 2 * step, :step]
    rising, falling = (down + right) % step < line, (down - right) % step < line
    dots = (down % step < dot) & ((right + down // step * (step // 2)) % step < dot)
    for value, ink in ((CAUTION, dots), (RELATIVE, rising), (AVOID, rising | falling)):
        patches[value, ink] = INK
    return patches
