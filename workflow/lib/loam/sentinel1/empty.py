"""Images, and parts of images, that hold no amplitude: what a downlink or a processor lost of one polarisation.

An amplitude of 0 is no measurement; over the darkest water the noise alone gives tens. So where one polarisation of a
product has zeros and the other has not, something was lost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from loam.sentinel1.annotation import Annotation
from loam.sentinel1.measurement import open_measurement

log = logging.getLogger("loam")

ROWS = 512  # lines that are read at a time
EVERY = 8  # lines between those that two polarisations are compared in
TOLD = 0.01  # share of a line's samples from which on their loss is told


class Held(NamedTuple):
    """A polarisation's measurement as a file."""

    polarisation: str
    path: str
    annotation: Annotation


def holds_anything(path: str, annotation: Annotation) -> bool:
    """Whether an image has any amplitude."""
    with open_measurement(path, annotation) as measurement:
        return any(
            measurement.read(begin, min(ROWS, annotation.lines - begin), 0, annotation.samples).any()
            for begin in range(0, annotation.lines, ROWS)
        )


def warn_of_losses(product: str, images: Sequence[Held]) -> None:
    """Warn of the part of a polarisation that holds nothing where the other one of the product does.

    Args:
        product: its name.
        images: its polarisations; of two sizes, they are not compared.
    """
    for own, other in permutations(images, 2):
        lines, samples = own.annotation.lines, own.annotation.samples
        if (other.annotation.lines, other.annotation.samples) != (lines, samples):
            continue
        looked_at = range(min(EVERY, lines) // 2, lines, EVERY)
        with open_measurement(own.path, own.annotation) as mine, open_measurement(other.path, other.annotation) as its:
            share = np.array([
                np.mean((mine.read(line, 1, 0, samples) == 0) & (its.read(line, 1, 0, samples) > 0))
                for line in looked_at
            ])  # fmt: skip
        lost = np.flatnonzero(share > TOLD)
        if len(lost):
            log.warning(
                "%s: %s holds no amplitude in %.1f %% of the image, at lines %d to %d, where %s does; it is missing "
                "there, %s is kept",
                product, own.polarisation.upper(), 100 * share.mean(), looked_at[lost[0]], looked_at[lost[-1]],
                other.polarisation.upper(), other.polarisation.upper(),
            )  # fmt: skip
