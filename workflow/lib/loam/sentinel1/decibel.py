"""Backscatter in decibels.

Where the noise was taken off, backscatter may be negative, and it is kept so until it has been averaged (MPC-0392,
6.2). A logarithm has no place for it: what is below a floor becomes the floor, here and nowhere earlier.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-5  # -50 dB, far below the noise of any product


def to_decibel(backscatter: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """Backscatter in dB, of the same shape and dtype; NaN stays NaN.

    Args:
        backscatter: linear, any shape, averaged before.
        floor: linear; what is below, negative or zero, becomes this.

    Raises:
        ValueError: the floor is not positive.
    """
    if not floor > 0:
        raise ValueError(f"floor {floor}: expected a positive backscatter, linear")
    return 10 * np.log10(np.maximum(backscatter, np.asarray(floor, backscatter.dtype)))
