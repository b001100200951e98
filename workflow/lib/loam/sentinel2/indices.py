"""Digital numbers to reflectance, and reflectance to NDVI and NDWI.

NDVI = (B8A - B04) / (B8A + B04), greenness; NDWI = (B8A - B12) / (B8A + B12), water in the leaves (Gao 1996, with
the band of Simonsen's eq. 3). A reflectance of zero or below, which the offset of processing baseline 04.00 leaves of
noise over dark ground, is missing: taken for zero it would make an index of exactly 1 or -1. So both indices lie
between -1 and 1.
"""

from __future__ import annotations

import numpy as np

from loam.sentinel2.tile_pass import SATURATED, Band


def reflectance(numbers: np.ndarray, band: Band) -> np.ndarray:
    """Reflectance, float32, same shape; NaN where the number is no data, saturated or not finite."""
    values = numbers * np.float32(band.scale) + np.float32(band.offset)
    missing = numbers == band.nodata
    if numbers.dtype == np.uint16:
        missing |= numbers == SATURATED
    values[missing] = np.nan
    if numbers.dtype.kind == "f":
        values[~np.isfinite(numbers)] = np.nan
    return values


def normalised_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(first - second) / (first + second) of two reflectances, between -1 and 1; NaN where one is missing or <= 0."""
    positive = (first > 0) & (second > 0)  # not where NaN
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(positive, (first - second) / (first + second), np.float32(np.nan))
