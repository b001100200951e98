"""What a synthetic world is made from: its size and place, its period, its seed, and how its domains differ.

What the config asks for and no world can have is refused here; stations that find no place, where they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.config.sandbox import CRS, PIXEL
from loam.errors import ConfigError
from loam.grid import crs_of, project

AREA = (
    143.0,
    -60.0,
    151.0,
    -10.0,
)  # west, south, east, north, degrees: the zone, a degree beside it, and its latitudes
INCIDENCE = (29.0, 46.0)  # degrees that the radar's wide swath is seen at


@dataclass(frozen=True)
class WorldSettings:
    """Settings of a world.

    Args:
        seed: every random draw follows from it.
        rows, columns: of the target region, in pixels of 80 m.
        corner: x and y of its north-western corner, m, EPSG:28355.
        coast: ``corner``: the sea covers the south-eastern corner; ``island``: it surrounds the land; ``none``.
        first_day, last_day: of the target domain's period.
        source_first_day, source_last_day: of the source domain's period.
        drought_year, wet_year: of the target, None for none; those of the source follow from its own period.
        spin_up_days: before the first day, for the soil to forget how it began.
        target_stations, source_stations: how many.
        long_records: target stations with more than a year of record; the others have less.
        domain_distance: how far apart the two domains are: 0 the same soils and climate, 1 the default, 2 far.
    """

    seed: int
    rows: int = 300
    columns: int = 300
    corner: tuple[float, float] = (540_000.0, 5_360_000.0)
    coast: str = "corner"
    first_day: date = date(2020, 1, 1)
    last_day: date = date(2022, 12, 31)
    source_first_day: date = date(2016, 1, 1)
    source_last_day: date = date(2020, 12, 31)
    drought_year: int | None = 2020
    wet_year: int | None = 2022
    spin_up_days: int = 730
    target_stations: int = 39
    source_stations: int = 39
    long_records: int = 6
    domain_distance: float = 1.0

    @property
    def geobox(self) -> GeoBox:
        """The grid of the target region."""
        return GeoBox((self.rows, self.columns), Affine(PIXEL, 0, self.corner[0], 0, -PIXEL, self.corner[1]), CRS)

    @property
    def start(self) -> date:
        """The first day of the target's simulation."""
        return self.first_day - timedelta(days=self.spin_up_days)

    @property
    def source_start(self) -> date:
        """The first day of the source's simulation."""
        return self.source_first_day - timedelta(days=self.spin_up_days)


def settings_of(seed: int, sandbox: Mapping[str, Any]) -> WorldSettings:
    """Settings from the config's section ``sandbox``.

    Keys: ``rows``, ``columns``, ``corner``, ``coast``, ``period`` {source, target: [first, last]}, ``drought_year``,
    ``wet_year``, ``spin_up_days``, ``source_stations``, ``target_stations``, ``long_records``, ``domain_distance``;
    one that is left out has its default. ``scenes``, which do not change the world, is checked and left out.

    Raises:
        ConfigError: no world can be so.
    """
    given = dict(sandbox)
    scenes = given.pop("scenes", None) or {}
    periods = given.pop("period", None) or {}
    for domain, prefix in (("source", "source_"), ("target", "")):
        if period := periods.get(domain):
            first, last = days_of_period(period, f"period.{domain}")
            given[f"{prefix}first_day"], given[f"{prefix}last_day"] = first, last
    if "corner" in given:
        given["corner"] = tuple(float(part) for part in given["corner"])
    settings = WorldSettings(seed=seed, **given)
    _check_years(settings, [name for name in ("drought_year", "wet_year") if given.get(name) is not None])
    _check_counts(settings)
    _check_place(settings)
    for satellite, wanted in scenes.items():
        if wanted:
            _check_scenes(settings, satellite, wanted)
    return settings


def days_of_period(period: Sequence[str], key: str) -> tuple[date, date]:
    """First and last day of the period that a config key gives.

    Raises:
        ConfigError: no days, or the last before the first.
    """
    try:
        first, last = (date.fromisoformat(str(day)) for day in period)
    except ValueError as error:
        raise _refused(key, f"holds what is no day ({error})", "first and last day, YYYY-MM-DD") from None
    if last < first:
        raise _refused(key, f"ends on {last}, before it begins on {first}", "the first day, then the last")
    return first, last


def _check_years(settings: WorldSettings, names: list[str]) -> None:
    first, last = settings.first_day.year, settings.last_day.year
    for name in names:
        if not first <= getattr(settings, name) <= last:
            raise _refused(
                name, f"{getattr(settings, name)} is no year of sandbox.period.target", f"{first} to {last}, or null"
            )
    if names and settings.drought_year == settings.wet_year:
        raise _refused("wet_year", f"{settings.wet_year} is the drought year too", "another year, or null for one")


def _check_counts(settings: WorldSettings) -> None:
    if settings.spin_up_days < 0:
        raise _refused("spin_up_days", f"is {settings.spin_up_days}", "0 or more")
    if settings.long_records > settings.target_stations:
        raise _refused(
            "long_records",
            f"is {settings.long_records}",
            f"at most sandbox.target_stations, {settings.target_stations}",
        )


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
        raise _refused(
            "corner",
            f"puts the region where {CRS} is not used (x {x:.0f} to {x + PIXEL * settings.columns:.0f} m, "
            f"y {y - PIXEL * settings.rows:.0f} to {y:.0f} m)",
            f"a region between {west:g} and {east:g} degrees east, {-south:g} and {-north:g} degrees south",
        )


def _check_scenes(settings: WorldSettings, satellite: str, wanted: Mapping[str, Any]) -> None:
    key = f"scenes.{satellite}"
    first, last = days_of_period(wanted["period"], f"{key}.period")
    if first < settings.first_day or last > settings.last_day:
        raise _refused(
            f"{key}.period", f"{first} to {last} is not within sandbox.period.target",
            f"days from {settings.first_day} to {settings.last_day}",
        )  # fmt: skip
    low, high = INCIDENCE
    if not low <= wanted.get("incidence", low) <= high:
        raise _refused(f"{key}.incidence", f"is {wanted['incidence']:g} degrees", f"{low:g} to {high:g}")


def _refused(key: str, what: str, expected: str) -> ConfigError:
    return ConfigError(what, where=f"config key 'sandbox.{key}'", expected=expected)
