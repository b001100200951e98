"""The slices of a pass: products cut from one take along the flight, put in order, each once."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from loam.errors import RasterError
from loam.sentinel1.annotation import Annotation
from loam.sentinel1.product import Product

log = logging.getLogger("loam")

SAME_PASS = np.timedelta64(30, "m")
SAME_SLICE = 0.5  # share of the shorter one's duration that is common


def slices_of(products: Sequence[Product]) -> list[Product]:
    """The slices of a pass in order of time; where two show the same, the one of the newer processor.

    A take that crosses the equator northwards has two relative orbits, two takes of a pass have one; either is enough.

    Raises:
        RasterError: they are not of one pass.
    """
    slices: list[Product] = []
    for product in sorted(products, key=lambda each: (each.start, each.processor, each.name)):
        first = slices[0] if slices else product
        same_take = _annotation(product).data_take == _annotation(first).data_take
        same_orbit = product.relative_orbit == first.relative_orbit
        near = product.start - first.start < SAME_PASS
        if product.mission != first.mission or not (same_take or same_orbit) or not near:
            raise RasterError(
                f"is of another pass than {first.name}", where=product.safe.path,
                expected="slices of one satellite, relative orbit and time",
            )  # fmt: skip
        if slices and _overlap(slices[-1], product) > SAME_SLICE:
            older, newer = sorted((slices[-1], product), key=lambda each: (each.processor, each.name))
            log.warning("%s: shows the same as %s; left out", older.name, newer.name)
            slices[-1] = newer
            continue
        slices.append(product)
    return slices


def _annotation(product: Product) -> Annotation:
    return next(iter(product.channels.values())).annotation


def _overlap(first: Product, second: Product) -> float:
    """The time that two products have in common, as a share of the shorter one's."""
    begin = max(first.start, second.start)
    durations = [_annotation(each).stop - _annotation(each).start for each in (first, second)]
    ends = [
        each.start + np.timedelta64(round(duration * 1e9), "ns")
        for each, duration in zip((first, second), durations, strict=True)
    ]
    return float((min(ends) - begin) / np.timedelta64(1, "s")) / max(min(durations), 1e-6)
