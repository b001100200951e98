"""What a synthetic world is made from: the config's section ``sandbox`` and a seed.

What no world can have is refused by the section; a region where the projection is not used, here, and stations that
find no place, where they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.config.read import checked
from loam.config.sandbox import CRS, PIXEL
from loam.config.sections.sandbox import Sandbox
from loam.config.wrong import Path
from loam.errors import ConfigError
from loam.raster.grid import crs_of, project

# west, south, east, north, degrees: the zone, a degree beside it, and its latitudes
AREA = (143.0, -60.0, 151.0, -10.0)
INCIDENCE = (29.0, 46.0)  # degrees that the radar's wide swath is seen at
NO_SCENES = {"sentinel1": None, "sentinel2": None}


class WorldSettings(Sandbox):
    """The section ``sandbox`` of the config, with the seed that every random draw follows from."""

    seed: int

    @property
    def geobox(self) -> GeoBox:
        """The grid of the target region."""
        x, y = (float(part) for part in self.corner)
        return GeoBox((self.rows, self.columns), Affine(PIXEL, 0, x, 0, -PIXEL, y), CRS)

    @property
    def first_day(self) -> date:
        """The first day of the target's records."""
        return date.fromisoformat(self.period.target[0])

    @property
    def last_day(self) -> date:
        """The last day of the target's records."""
        return date.fromisoformat(self.period.target[1])

    @property
    def source_first_day(self) -> date:
        """The first day of the source's records."""
        return date.fromisoformat(self.period.source[0])

    @property
    def source_last_day(self) -> date:
        """The last day of the source's records."""
        return date.fromisoformat(self.period.source[1])

    @property
    def start(self) -> date:
        """The first day of the target's simulation."""
        return self.first_day - timedelta(days=self.spin_up_days)

    @property
    def source_start(self) -> date:
        """The first day of the source's simulation."""
        return self.source_first_day - timedelta(days=self.spin_up_days)


def settings_of(seed: int, sandbox: Mapping[str, Any]) -> WorldSettings:
    """Settings from the config's section ``sandbox``; scenes, which do not change the world, are checked and left out.

    Raises:
        ConfigError: no world can be so.
    """
    checked(Sandbox, sandbox, where_in_sandbox, "config section 'sandbox'")
    settings = checked(WorldSettings, {**sandbox, "scenes": NO_SCENES, "seed": seed}, where_in_sandbox)
    _check_place(settings)
    return settings


def where_in_sandbox(path: Path) -> str:
    """A key of the section as errors name it."""
    return f"config key '{'.'.join(['sandbox', *map(str, path)])}'"


def _check_place(settings: WorldSettings) -> None:
    """Refuse a region that lies where its projection does not: far from the middle of its zone, or off the Earth."""
    along = np.linspace(0.0, 1.0, 9)
    columns = np.concatenate([along, along, np.zeros(9), np.ones(9)]) * settings.columns
    rows = np.concatenate([np.zeros(9), np.ones(9), along, along]) * settings.rows
    geobox = settings.geobox
    longitude, latitude = project(*(geobox.transform @ (columns, rows)), crs_of(geobox), "EPSG:4326")
    west, south, east, north = AREA
    inside = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    if not inside.all():
        x, y = settings.corner
        raise ConfigError(
            f"puts the region where {CRS} is not used (x {x:.0f} to {x + PIXEL * settings.columns:.0f} m, "
            f"y {y - PIXEL * settings.rows:.0f} to {y:.0f} m)", where="config key 'sandbox.corner'",
            expected=f"a region between {west:g} and {east:g} degrees east, {-south:g} and {-north:g} degrees south",
        )  # fmt: skip
