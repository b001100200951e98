"""What may be wrong with a pixel of a pass: the bits of band ``validity``; 0 is a good pixel."""

from __future__ import annotations

import enum


class Validity(enum.IntFlag):
    """Why a pixel of a pass is not to be trusted, or is missing."""

    OUTSIDE_SWATH = 1  # the image does not reach there; missing
    BORDER = 2  # only pixels of the image's noisy border fall there; missing
    NO_ELEVATION = 4  # the elevation model does not reach there or has a hole; missing
    LAYOVER = 8  # several places fall together in the image
    SHADOW = 16  # the radar does not see the place
    NOISE_DOMINATED = 32  # a channel's backscatter is below its noise


MISSING = Validity.OUTSIDE_SWATH | Validity.BORDER | Validity.NO_ELEVATION
