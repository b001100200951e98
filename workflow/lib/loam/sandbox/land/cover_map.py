"""Land cover in five classes, with irrigated circles along the valleys and the peat country of the wet west.

Forest stands on high and steep ground, crops on gentle low ground, savanna where a random field says; pasture is the
rest. Circles are those of centre-pivot irrigation: their centres are the jittered nodes of a lattice, kept where the
ground is gentle, low, in a valley and dry enough to need water. In the peat country there are no fields: moorland,
which the five classes call savanna, and forest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loam.sandbox.land.ground import Ground, ground_at
from loam.sandbox.lattice import key_of, lattice_field, lattice_uniform

LANDCOVER = {"PAST": 1, "FORE": 2, "AGRI": 3, "SAVA": 4, "IRRI": 5}  # pasture, forest, crops, savanna, irrigated
PIVOT_SPACING = 15  # pixels between nodes of the lattice of circles
PIVOT_RADIUS = (3.5, 6.5)  # pixels
PIVOT_SHARE = 0.9  # of the suitable nodes
DRY_FROM = 0.25  # easting
PEAT_TO, PEAT_EDGE = 0.19, 0.04  # easting of the border of the peat country, and how it wavers
PEAT_STEEPEST = 17.0  # degrees


@dataclass(frozen=True)
class Cover:
    """Land cover of pixels, each field of their shape.

    Args:
        landcover: codes of ``LANDCOVER``, uint8; 0 where there is no land.
        peat: whether the pixel lies in the peat country.
        circle: number of the irrigated circle, int32; -1 outside.
    """

    landcover: np.ndarray
    peat: np.ndarray
    circle: np.ndarray


def cover_at(seed: int, domain: str, ground: Ground) -> Cover:
    """Land cover of the pixels of ``ground``."""

    def field(name: str, length: float, finer: int = 2) -> np.ndarray:
        return lattice_field(key_of(seed, f"{domain} cover {name}"), ground.rows, ground.cols, length, finer)

    relief, slope = ground.height - 0.35 * ground.hollow, ground.slope
    border = PEAT_TO + PEAT_EDGE * field("peat", 25.0)
    peat = ground.land & (ground.easting < border) & (slope < PEAT_STEEPEST + 4.0 * field("peat slope", 12.0))

    moor = field("moor", 18.0)
    forest = 0.75 * relief + 0.06 * (slope - 6.0) + 0.8 * field("forest", 16.0) > 0.75
    crops = -0.4 * relief - 0.12 * (slope - 4.0) + 0.9 * field("crops", 10.0) > 0.85
    cover = np.full(ground.rows.shape, LANDCOVER["PAST"], np.uint8)
    cover[field("savanna", 14.0) - 0.2 * ground.hollow > 0.95] = LANDCOVER["SAVA"]
    cover[crops] = LANDCOVER["AGRI"]
    cover[forest] = LANDCOVER["FORE"]
    cover[peat] = np.where(moor[peat] < 0.6, LANDCOVER["SAVA"], LANDCOVER["FORE"])
    circle = _circles(seed, domain, ground)
    circle[peat | ~ground.land] = -1
    cover[circle >= 0] = LANDCOVER["IRRI"]
    cover[~ground.land] = 0
    return Cover(cover, peat, circle)


def by_class(landcover: np.ndarray, codes: Mapping[str, int], values: Mapping[str, float]) -> np.ndarray:
    """The value of each pixel's class, float64 [row, column]; NaN where it has none."""
    table = np.full(256, np.nan)
    for name, value in values.items():
        table[codes[name]] = value
    return table[np.asarray(landcover, np.uint8)]


def _circles(seed: int, domain: str, ground: Ground) -> np.ndarray:
    """Number of the circle that holds each pixel, -1 for none; where two overlap, the one further north-west."""
    keys = [key_of(seed, f"{domain} pivot {part}") for part in ("row", "column", "radius", "kept")]
    node_row, node_col = ground.rows // PIVOT_SPACING, ground.cols // PIVOT_SPACING
    nodes_across = -(-ground.relief.shape[1] // PIVOT_SPACING) + 2
    circle = np.full(ground.rows.shape, -1, np.int32)
    for down in (1, 0, -1):
        for across in (1, 0, -1):
            row, col = node_row + down, node_col + across
            jitter_row, jitter_col, size, chance = (lattice_uniform(key, row, col) for key in keys)
            centre_row = row * PIVOT_SPACING + 3 + np.floor(jitter_row * (PIVOT_SPACING - 6))
            centre_col = col * PIVOT_SPACING + 3 + np.floor(jitter_col * (PIVOT_SPACING - 6))
            radius = PIVOT_RADIUS[0] + size * (PIVOT_RADIUS[1] - PIVOT_RADIUS[0])
            within = np.hypot(ground.rows - centre_row, ground.cols - centre_col) < radius
            within &= chance < PIVOT_SHARE
            if not within.any():
                continue
            middle = ground_at(ground.relief, centre_row[within], centre_col[within], ground.easting[within])
            suited = middle.land & (middle.slope < 5.5) & (middle.hollow > 0.0) & (middle.height < 0.2)
            suited &= middle.easting > DRY_FROM
            number = (row[within] + 1) * nodes_across + col[within] + 1
            circle[within] = np.where(suited, number, circle[within])
    return circle
