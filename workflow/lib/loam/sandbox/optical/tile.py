"""Where and when the synthetic Sentinel-2 looks: the tile's name and pixels of 20 m, the days, and how cloudy they are.

A tile lies in the UTM zone of the region's middle, named by the military grid's square there, and holds the region and
no more. Two satellites pass every five days at half past ten local time. Sights follow from the region and the days
alone; how cloudy one is, from the day and the world's seed: many are nearly clear or wholly covered, as is so over
Tasmania.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.raster.grid import crs_of, project
from loam.sandbox.lattice import random_numbers

PIXEL = 20.0  # m
MARGIN = 200.0  # m around the region
REVISIT = 5  # days
LOCAL_HOUR = 10.5
CLOUD_SHAPE = (0.55, 0.75)  # of the beta distribution of cloud cover
PLATFORMS = ("S2A", "S2B")
RELATIVE_ORBIT, BASELINE = 16, "05.09"
BANDS_OF_LATITUDE = "CDEFGHJKLMNPQRSTUVWX"
COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
ROWS = "ABCDEFGHJKLMNPQRSTUV"


@dataclass(frozen=True)
class Sight:
    """One take of the tile.

    Args:
        name: of the item.
        platform: ``S2A`` or ``S2B``.
        time: of sensing, UTC, without a zone.
        tile: of the military grid, ``55GEN``.
    """

    name: str
    platform: str
    time: datetime
    tile: str


def tile_of(geobox: GeoBox) -> tuple[str, GeoBox]:
    """Name and 20 m pixels of the tile over a region."""
    longitude, latitude = _middle(geobox)
    zone = int((longitude + 180.0) // 6.0) % 60 + 1
    crs = f"EPSG:{326 if latitude >= 0 else 327}{zone:02d}"
    rows, columns = geobox.shape
    share = np.linspace(0, 1, 17)
    column = np.concatenate([share, share, np.zeros(17), np.ones(17)]) * columns
    row = np.concatenate([np.zeros(17), np.ones(17), share, share]) * rows
    x, y = project(*(geobox.transform @ (column, row)), crs_of(geobox), crs)
    west, south = (np.floor((side.min() - MARGIN) / PIXEL) * PIXEL for side in (x, y))
    east, north = (np.ceil((side.max() + MARGIN) / PIXEL) * PIXEL for side in (x, y))
    shape = round((north - south) / PIXEL), round((east - west) / PIXEL)
    easting, northing = project(np.array(longitude), np.array(latitude), "EPSG:4326", crs)
    square = (
        COLUMNS[(zone - 1) % 3][int(easting // 1e5) - 1]
        + ROWS[(int(northing // 1e5) + 5 * (zone % 2 == 0)) % len(ROWS)]
    )
    band = BANDS_OF_LATITUDE[min(max(int((latitude + 80.0) // 8.0), 0), len(BANDS_OF_LATITUDE) - 1)]
    return f"{zone:02d}{band}{square}", GeoBox(shape, Affine(PIXEL, 0, west, 0, -PIXEL, north), crs)


def sights_of(geobox: GeoBox, first: date, last: date, *, every: int, identity: str) -> list[Sight]:
    """The takes of a region's tile from ``first`` to ``last``.

    Args:
        geobox: the region.
        first, last: days, both included.
        every: days between takes; rounded up to whole revisits of five.
        identity: what else the scenes follow from (the region), so that other scenes have other names.
    """
    longitude, _ = _middle(geobox)
    tile, _ = tile_of(geobox)
    hour = (LOCAL_HOUR - longitude / 15.0) % 24.0
    step = -(-every // REVISIT) * REVISIT
    sights = []
    for number in range((last - first).days // step + 1):
        when = datetime.combine(first + timedelta(days=number * step), time()) + timedelta(seconds=round(hour * 3600))
        platform = PLATFORMS[when.toordinal() // REVISIT % 2]
        begin = f"{platform}_T{tile}_{when:%Y%m%dT%H%M%S}_L2A"
        unique = zlib.crc32(f"{begin} {identity}".encode()) & 0xFFFF
        sights.append(Sight(f"{begin}_{unique:04X}", platform, when, tile))
    return sights


def cloud_cover_on(seed: int, day: date) -> float:
    """Share of the tile under cloud on a day, percent."""
    return round(100.0 * float(random_numbers(seed, "cloud cover", day.toordinal()).beta(*CLOUD_SHAPE)), 2)


def sun_at(when: datetime, longitude: float, latitude: float) -> tuple[float, float]:
    """Elevation and azimuth (from north, eastwards) of the sun, degrees: declination from the day of the year."""
    moment = when.replace(tzinfo=UTC)
    day = moment.timetuple().tm_yday
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (day + 10) / 365.25)
    hour = np.radians(15.0 * ((moment.hour + moment.minute / 60 + longitude / 15.0 - 12.0 + 12.0) % 24.0 - 12.0))
    at = np.radians(latitude)
    sine = np.sin(at) * np.sin(declination) + np.cos(at) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(at) * np.sin(declination) - np.sin(at) * np.cos(declination) * np.cos(hour)
    return float(np.degrees(np.arcsin(sine))), float(np.degrees(np.arctan2(east, north)) % 360.0)


def _middle(geobox: GeoBox) -> tuple[float, float]:
    rows, columns = geobox.shape
    x, y = geobox.transform @ (columns / 2, rows / 2)
    longitude, latitude = project(np.array(x), np.array(y), crs_of(geobox), "EPSG:4326")
    return float(longitude), float(latitude)
