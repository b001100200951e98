"""Why a pixel of a map is to be trusted less, and how far it may be trusted.

Pure functions: what a pixel's features, its dissimilarity index and the map say goes in, a number of reasons (bits) and
one of four classes come out. A reason has a gravity, that of the class that it leads to; a pixel's class is the gravest
of its reasons' (docs/explanation/trust.md says what each contributes where the truth is known).

Bits stand in two bands of bytes, at most seven in each, so that no sum of them is the value of a missing pixel, 255:
``INPUTS`` of what the model reads there, ``PLACE`` of the place, the day and the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loam.covariates.features import FeatureSet

USE, CAUTION, RELATIVE, AVOID = range(4)  # classes
MEANING = {
    USE: "use",
    CAUTION: "caution",
    RELATIVE: "relative only: changes in time may be used, the level not",
    AVOID: "do not use",
}


@dataclass(frozen=True)
class Reason:
    """A bit of one of the two bands.

    Args:
        name: as reports tell it.
        bit: 1, 2, 4, ... 64.
        gravity: class that it leads to.
    """

    name: str
    bit: int
    gravity: int


INPUTS = {
    reason.name: reason for reason in (
        Reason("static_range", 1, CAUTION),  # a static feature lies outside the range of the training data
        Reason("daily_range", 2, CAUTION),  # a daily one
        Reason("class_range", 4, RELATIVE),  # a class that no training row had, or none of the classes
        Reason("series_range", 8, CAUTION),  # a step of the sequence, or of the pixels around
        Reason("rim_of_area", 16, RELATIVE),  # in the area of applicability, as far as one training point of four is
        Reason("outside_area", 32, AVOID),  # beyond it
        Reason("missing", 64, AVOID),  # an input is missing: there is no moisture
    )
}  # fmt: skip
PLACE = {
    reason.name: reason for reason in (
        Reason("organic_soil", 1, AVOID),  # organic carbon of at least ORGANIC
        Reason("frozen", 2, AVOID),  # mean air temperature of the day at or below FROZEN
        Reason("open_water", 4, AVOID),  # most of the pixel
        Reason("steep", 8, CAUTION),  # slope of at least STEEP
        Reason("wide_interval", 16, CAUTION),  # 90 % interval, or spread of the members, wider than WIDE to a side
        Reason("bounded", 32, AVOID),  # the model's moisture was below 0 or above what the soil holds
    )
}  # fmt: skip
ORGANIC = 12.0  # % organic carbon: the least that soil material has to be called organic (IPCC, 2006, annex 3A.5)
FROZEN = 0.0  # degC
STEEP = 15.0  # degrees: above it slope water and radar geometry are those of no probe's site
WIDE = 0.15  # m3 m-3
WATER = 0.5  # share
KELVIN = 150.0  # temperatures whose training data are all above it are in kelvin
SPREAD = 1.645  # standard deviations that hold 90 % to both sides
BY_KIND = {
    "static": "static_range", "daily": "daily_range", "season": "daily_range", "class": "class_range",
    "sequence": "series_range",
}  # fmt: skip


class Place:
    """Finds the reasons of ``PLACE`` that features tell: organic soil, frost, open water, steep slopes.

    Args:
        features: what the model reads; a reason whose feature is not among them is never given.
        lowest: least value of each feature over the training rows [feature], which tells kelvin from degC.
        resolution: side of a pixel, m; None where the grid's units are no lengths: slopes are not looked at.
    """

    def __init__(self, features: FeatureSet, lowest: np.ndarray, resolution: float | None = None) -> None:
        columns = {feature.column: place for place, feature in enumerate(features.static)}
        self._carbon = [place for name, place in columns.items() if name == "soc" or name.startswith("soc_")]
        self._water = [columns[name] for name in ("landcover_WATER", "landcover_share_WATER") if name in columns]
        mean = next((columns[name] for name in ("tavg_0", "tmean_0") if name in columns), None)
        both = [columns[name] for name in ("tmin_0", "tmax_0") if name in columns]
        self._air = [mean] if mean is not None else both if len(both) == 2 else []
        self._kelvin = 273.15 if self._air and min(lowest[self._air]) > KELVIN else 0.0
        self._elevation = next((columns[name] for name in ("elevation", "dem") if name in columns), None)
        self._slope = columns.get("slope")
        self._resolution = resolution

    @property
    def known(self) -> list[str]:
        """Names of the reasons that can be found."""
        slopes = self._slope is not None or (self._elevation is not None and self._resolution is not None)
        found = {"organic_soil": self._carbon, "frozen": self._air, "open_water": self._water, "steep": slopes}
        return [name for name, told in found.items() if told]

    def bits(self, static: np.ndarray, pixel: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Reasons of the pixels of a tile: [pixel], uint8.

        Args:
            static: features [pixel, feature].
            pixel: positions in the tile, counted row by row [pixel].
            shape: rows and columns of the tile.
        """
        found = np.zeros(len(static), np.uint8)
        if self._carbon:
            found |= _bit("organic_soil", static[:, self._carbon].max(axis=1, initial=-np.inf) >= ORGANIC)
        if self._air:
            found |= _bit("frozen", static[:, self._air].mean(axis=1) - self._kelvin <= FROZEN)
        if self._water:
            found |= _bit("open_water", static[:, self._water].max(axis=1, initial=0) >= WATER)
        if self._slope is not None:
            found |= _bit("steep", static[:, self._slope] >= STEEP)
        elif self._elevation is not None and self._resolution is not None:
            found |= _bit("steep", slope_of(static[:, self._elevation], pixel, shape, self._resolution) >= STEEP)
        return found


def _bit(name: str, where: np.ndarray) -> np.ndarray:
    return where.astype(np.uint8) * np.uint8(PLACE[name].bit)


def slope_of(elevation: np.ndarray, pixel: np.ndarray, shape: tuple[int, int], resolution: float) -> np.ndarray:
    """Slope of the pixels of a tile, degrees [pixel]: of the differences to the pixels on either side, or on one side
    at the edge of the tile and where the other has no value; 0 where neither has.
    """
    heights = np.full((shape[0] + 2, shape[1] + 2), np.nan)
    heights[pixel // shape[1] + 1, pixel % shape[1] + 1] = elevation
    squared = np.zeros(shape)
    for axis in (0, 1):
        step = np.diff(heights, axis=axis)[(slice(1, -1), slice(None))[:: 1 if axis else -1]]
        before, after = (step[:, :-1], step[:, 1:]) if axis else (step[:-1], step[1:])
        known = np.isfinite(before).astype(int) + np.isfinite(after)
        squared += (np.nansum([before, after], axis=0) / np.maximum(known, 1) / resolution) ** 2
    return np.degrees(np.arctan(np.sqrt(squared)))[pixel // shape[1], pixel % shape[1]]


def bits_of_index(index: np.ndarray, edge: float, threshold: float) -> np.ndarray:
    """Reasons of ``INPUTS`` that the dissimilarity index tells: [pixel], uint8.

    Args:
        index: [pixel].
        edge, threshold: where the rim of the area of applicability begins and where the area ends; NaN where not known.
    """
    outside = index > threshold
    rim = (index > edge) & ~outside
    return outside * np.uint8(INPUTS["outside_area"].bit) | rim * np.uint8(INPUTS["rim_of_area"].bit)


def bits_of_result(half_width: np.ndarray, spread: np.ndarray, bounded: np.ndarray) -> np.ndarray:
    """Reasons of ``PLACE`` that the map itself tells: [pixel], uint8.

    Args:
        half_width: of the 90 % interval [pixel, layer] or [layer], m3 m-3; NaN where not known.
        spread: standard deviation over the members [pixel, layer], likewise.
        bounded: whether the model left what is possible [pixel].
    """
    wide = ((half_width > WIDE) | (SPREAD * spread > WIDE)).any(axis=1)
    return _bit("wide_interval", wide) | _bit("bounded", bounded)


def classify(inputs: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Class of pixels from their reasons of ``INPUTS`` and of ``PLACE``, both [pixel], uint8: [pixel], uint8."""
    return np.maximum(_GRAVITY["inputs"][inputs], _GRAVITY["place"][place])


def _gravity(reasons: Mapping[str, Reason]) -> np.ndarray:
    """Class of every sum of bits [128]."""
    sums = np.arange(128)
    return np.max([np.where(sums & reason.bit, reason.gravity, USE) for reason in reasons.values()], axis=0).astype(
        np.uint8
    )


_GRAVITY = {"inputs": _gravity(INPUTS), "place": _gravity(PLACE)}


def names_of(bits: int, reasons: Mapping[str, Reason]) -> Sequence[str]:
    """The reasons that a sum of bits tells, by name."""
    return [name for name, reason in reasons.items() if bits & reason.bit]
