"""The takes of the synthetic Sentinel-1 over the region, in the order of time: known from the settings alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from odc.geo.geobox import GeoBox

from loam.raster.grid import crs_of, project
from loam.sandbox.radar.frame import Frame, frame_over
from loam.sandbox.radar.radar_orbit import orbit_over, passes_over
from loam.sandbox.radar.radar_product import Name, name_of

HEIGHTS = (-50.0, 1700.0)  # m above the ellipsoid that an image leaves room for


@dataclass(frozen=True)
class Take:
    """One product to be: its frame and name."""

    frame: Frame
    name: Name


def takes_of(
    geobox: GeoBox, first: date, last: date, *, incidence: float, direction: str, every: int, identity: str,
    directions: Sequence[str] = ("ascending", "descending"),
) -> list[Take]:  # fmt: skip
    """The takes of a region from ``first`` to ``last``.

    The satellite sees the region's middle on the first day; what else it sees of it, on 12 days and again, follows.

    Args:
        geobox: the region.
        first, last: days (UTC), both included.
        incidence: of the first take at the region's middle, degrees, 30 to 45.
        direction: of the first take, ``ascending`` or ``descending``.
        every: keep each so many-th take.
        identity: what else the frames follow from (the region), so that other products have other names.
        directions: of the takes that count.

    Raises:
        ConfigError: no orbit sees the region so.
    """
    rows, columns = geobox.shape
    longitude, latitude = project(*(geobox.transform @ (columns / 2, rows / 2)), crs_of(geobox), "EPSG:4326")
    orbit = orbit_over(longitude, latitude, first.isoformat(), incidence=incidence, direction=direction)
    passes = passes_over(orbit, longitude, latitude, first.isoformat(), last.isoformat())
    wanted = [each for each in passes if each.direction in directions][::every]
    frames = [frame_over(orbit, each, geobox, HEIGHTS) for each in wanted]
    return [Take(frame, name_of(frame, identity)) for frame in frames]
