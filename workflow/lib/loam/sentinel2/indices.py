"""Digital numbers to reflectance, and reflectance to NDVI and NDWI.

NDVI = (B8A - B04) / (B8A + B04), greenness; NDWI = (B8A - B12) / (B8A + B12), water in the leaves (Gao 1996, with
the band of Simonsen's eq. 3). Reflectance below zero is noise about zero and counts as zero: products before
processing baseline 04.00 could not hold it, so that a series does not jump where the baseline does, and both
indices stay in [-1, 1].
"""

from __future__ import annotations

import numpy as np

from loam.sentinel2.product import SATURATED, Band


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
    """(first - second) / (first + second) of two reflectances, in [-1, 1]; NaN where one is missing or both <= 0."""
    first, second = np.maximum(first, 0), np.maximum(second, 0)  # NaN stays NaN
    total = first + second
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (first - second) / total, np.float32(np.nan))
