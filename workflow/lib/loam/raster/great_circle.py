"""Distances on the Earth taken as a sphere."""

from __future__ import annotations

import numpy as np

EARTH_RADIUS = 6371.0088  # km, mean (IUGG)


def distances(
    latitude: float | np.ndarray,
    longitude: float | np.ndarray,
    latitudes: float | np.ndarray,
    longitudes: float | np.ndarray,
) -> np.ndarray:
    """Great-circle distances (km) from places to others by the haversine formula; degrees, of shapes that broadcast."""
    here, there = np.radians(latitude), np.radians(latitudes)
    east = np.radians(longitudes - longitude)
    half = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(east / 2) ** 2
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
