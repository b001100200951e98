"""OzFlux towers: the netCDF files of processing levels 3 to 6 that PyFluxPro writes (Isaac et al. 2017).

A file holds one tower at its local standard time; a time stamp is the end of its interval. Soil moisture is ``Sws``
and one variable a sensor, ``Sws_10cma``; attribute ``height`` gives the depth, negative below ground, and
``<variable>_QCFlag`` the provider's flag: 0 passed, 10, 20, ... corrected or filled, others rejected or missing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
import xarray as xr

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.netcdf import open_netcdf, values_of
from loam.io.tables import check_table
from loam.probes.instants import check_instants
from loam.probes.left_out import leave_out
from loam.probes.reader_settings import check_offset, complete_stations, source_files, utc_offset
from loam.probes.readings import READINGS, Probes
from loam.probes.station_facts import warn_of_places

log = logging.getLogger("loam")

SOIL = {"Sws": "soil_moisture", "Ts": "soil_temperature"}
AIR = {"Ta": "air_temperature", "Precip": "precipitation"}
MISSING = -9999.0
EXPECTED = "netCDF files of a tower at level 3 to 6, with dimension time and variable Sws or Sws_<depth>"
# Statistics other than the mean, and series that are no probe's: models, reanalyses, fillings.
NOT_MEASURED = re.compile(r"_(QCFlag|Sd|Vr|Mx|Mn|ACCESS|ERA\w*|BIOS\w*|AWS|LTI|SOLO|MDS|CLIM\w*|mrg)(_|\d|$)", re.I)
DEPTH_IN_NAME = re.compile(r"_(\d+(?:p\d+|\.\d+)?)(cm|mm|m)(?![a-z]{2})", re.I)
NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(mm|cm|m)?", re.I)
CENTIMETRES = {"mm": 0.1, "cm": 1.0, "m": 100.0}
DEEPEST = 1000.0  # cm; a larger number in `height` is no depth
LONGEST_STEP = pd.Timedelta(hours=3)
UNIT_NAMES = {"frac": "fraction"}


@dataclass(frozen=True)
class Tower:
    """One file: its station, clock and the variables to read with variable and depths (cm)."""

    path: Path
    station: str
    offset: pd.Timedelta
    first: pd.Timestamp
    last: pd.Timestamp
    series: dict[str, tuple[str, float, float]]


def read_ozflux(settings: ProbeFiles) -> Probes:
    """Stations and readings of a tower's file or a folder of them.

    Where a file holds single sensors, the variable that combines them (``Sws``, ``Ts``) is left out. Readings come one
    variable at a time; ``sensor`` is the variable's name, ``flag`` its QC flag as a number.

    Args:
        settings: ``path`` of the file or folder; ``stations``, a station table whose values win; ``utc_offset``
            ("+10:00") where a file has no ``time_zone``; ``include`` and ``bounds`` choose stations.

    Raises:
        TableError: no file is an OzFlux netCDF with depth and time zone (one among others is left out with a warning),
            or two files of a tower overlap in time.
    """
    towers, places, found = [], {}, {}
    refused: list[TableError] = []
    offset = utc_offset(settings)
    for path in source_files(settings, [".nc"], expected=EXPECTED):
        try:
            with open_netcdf(path, kind=TableError) as data:
                tower, place = _tower(path, data, offset), _place(data)
        except TableError as error:
            leave_out(error, refused)
            continue
        towers.append(tower)
        places.setdefault(tower.station, place)
        found.setdefault(tower.station, []).append((path, place["latitude"], place["longitude"]))
    if not towers:
        raise refused[0]
    warn_of_places(found)
    _check_overlap(towers)
    stations = pd.DataFrame([{"station": name, **place} for name, place in sorted(places.items())])
    stations = complete_stations(stations, settings)
    chosen = set(stations["station"])
    towers = sorted((tower for tower in towers if tower.station in chosen), key=lambda item: (item.station, item.first))
    return Probes(stations, _readings(towers), daily=False, source=f"OzFlux netCDF {settings.path}")


def depth_of(name: str, height: object) -> tuple[float, float] | None:
    """Depths from and to in cm, by attribute ``height`` ("-0.1m", "-10cm", "0 to -0.15m"), else by the name; or None.

    A number without unit is in m. The sign is not looked at: the variables asked for are those of the soil.
    """
    found = (
        [(float(number), unit.lower()) for number, unit in NUMBER.findall(str(height))] if height is not None else []
    )
    if 1 <= len(found) <= 2:
        unit = found[-1][1] or "m"
        ends = sorted(round(number * CENTIMETRES[own or unit], 4) for number, own in found)
        return ends[0], ends[-1]
    if match := DEPTH_IN_NAME.search(name):
        depth = round(float(match[1].replace("p", ".")) * CENTIMETRES[match[2].lower()], 4)
        return depth, depth
    return None


def _tower(path: Path, data: xr.Dataset, offset: pd.Timedelta | None) -> Tower:
    if "time" not in data.dims or "time" not in data.variables or data["time"].dtype.kind != "M":
        raise TableError("no time in it", where=path, expected="time with units like 'days since 1800-01-01'")
    if data.sizes["time"] == 0:
        raise TableError("no readings", where=path, expected=EXPECTED)
    times = _local_times(data)
    station = str(data.attrs.get("site_name", "")).strip()
    if not station:
        raise TableError("no name of the tower", where=path, expected="global attribute site_name")
    if not times.is_monotonic_increasing or times.has_duplicates:
        raise TableError("times do not increase", where=path, expected="each time once, in order")
    if len(times) > 1 and (step := (times[1:] - times[:-1]).to_series().median()) > LONGEST_STEP:
        raise TableError(f"steps of {step}", where=path, expected="half-hourly or hourly values, not means of days")
    if offset is None:
        offset = _standard_offset(data.attrs.get("time_zone"), times[0], path)
    check_instants(times.to_numpy() - offset.to_numpy(), where=path)
    series = _soil_series(data, path)
    if not any(variable == "soil_moisture" for variable, _, _ in series.values()):
        raise TableError("no soil moisture in it", where=path, expected=EXPECTED)
    series |= {name: (variable, 0.0, 0.0) for name, variable in AIR.items() if name in data}
    for name in series:
        if not str(data[name].attrs.get("units", "")).strip():
            raise TableError(f"variable {name} has no unit", where=path, expected="attribute units")
    return Tower(path, station, offset, times[0] - offset, times[-1] - offset, series)


def _place(data: xr.Dataset) -> dict[str, Any]:
    """Coordinates, elevation, vegetation and soil, as far as the file tells them."""
    place: dict[str, Any] = {name: _number(data.attrs.get(name)) for name in ("latitude", "longitude")}
    place["elevation"] = _number(data.attrs.get("altitude", data.attrs.get("elevation")))
    for name, attribute in (("landcover", "vegetation"), ("soil", "soil")):
        place[name] = str(data.attrs.get(attribute, "")).strip() or None
    return place


def _soil_series(data: xr.Dataset, path: Path) -> dict[str, tuple[str, float, float]]:
    """Variables of the soil to read, with variable and depths; the combined one only where it stands alone."""
    series = {}
    for stem, variable in SOIL.items():
        names = [str(name) for name in data.data_vars if str(name) == stem or str(name).startswith(f"{stem}_")]
        names = [name for name in names if not NOT_MEASURED.search(name)]
        depths = {name: depth_of(name, data[name].attrs.get("height")) for name in names}
        single = [name for name in names if name != stem and depths[name] is not None]
        if unknown := [name for name in names if name != stem and depths[name] is None]:
            log.warning("%s: no depth of %s: not read", path, ", ".join(unknown))
        if not single and stem in names:
            if depths[stem] is None:
                raise TableError(f"no depth of {stem}", where=path, expected="attribute height, as '-0.1m'")
            single = [stem]
        for name in single:
            by_name = depth_of(name, None)
            if by_name is not None and by_name[0] != 0 and not depths[name][0] <= by_name[0] <= depths[name][1]:
                log.warning("%s: %s has height %s: taken", path, name, data[name].attrs.get("height"))
            series[name] = (variable, *depths[name])
    return series


def _local_times(data: xr.Dataset) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(data["time"].values).as_unit("ns").round("s")


def _standard_offset(zone: object, time: pd.Timestamp, path: Path) -> pd.Timedelta:
    """The offset of the zone's standard time from UTC; ``zone`` is a name like "Australia/Sydney", or hours."""
    text = str(zone if zone is not None else "").strip()
    if (hours := _number(text)) == hours:  # not NaN
        return check_offset(hours, where=f"{path}, time_zone")
    try:
        moment = time.to_pydatetime().replace(tzinfo=ZoneInfo(text))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TableError(
            f"time zone {text!r} is unknown",
            where=path,
            expected="global attribute time_zone, as 'Australia/Sydney'",
            fix="or set probes.<domain>.utc_offset, as '+10:00'",
        ) from None
    return pd.Timedelta(moment.utcoffset() - moment.dst())


def _check_overlap(towers: Sequence[Tower]) -> None:
    ordered = sorted(towers, key=lambda tower: (tower.station, tower.first))
    for one, two in zip(ordered, ordered[1:], strict=False):
        if one.station == two.station and two.first <= one.last:
            raise TableError(
                f"holds times that {one.path.name} holds too",
                where=two.path,
                expected=f"one processing level of {one.station}, each time once",
                fix="take one of the two out",
            )


def _readings(towers: Sequence[Tower]) -> Iterator[pd.DataFrame]:
    for tower in towers:
        with open_netcdf(tower.path, kind=TableError) as data:
            times = _local_times(data) - tower.offset
            for name, (variable, top, bottom) in tower.series.items():
                unit = str(data[name].attrs["units"]).strip()
                values = _along_time(data, name, tower.path).astype(float)
                flags: Any = ""
                if f"{name}_QCFlag" in data:
                    numbers = _along_time(data, f"{name}_QCFlag", tower.path).astype(float)
                    flags = pd.Series(numbers).map(lambda flag: "" if np.isnan(flag) else f"{flag:.0f}").to_numpy()
                frame = pd.DataFrame(
                    {
                        "station": tower.station,
                        "sensor": name,
                        "variable": variable,
                        "depth_from_cm": top,
                        "depth_to_cm": bottom,
                        "time": times,
                        "value": np.where(values == MISSING, np.nan, values),
                        "unit": UNIT_NAMES.get(unit, unit),
                        "flag": flags,
                    }
                )
                yield check_table(frame, READINGS, where=f"{tower.path}, variable {name}")


def _along_time(data: xr.Dataset, name: str, path: Path) -> np.ndarray:
    """A variable without its dimensions of one place (latitude, longitude)."""
    series = data[name]
    if "time" not in series.dims or series.size != data.sizes["time"] or series.dtype.kind not in "fiu":
        raise TableError(
            f"variable {name} has dimensions {dict(series.sizes)}",
            where=path,
            expected="numbers over time at one place",
        )
    return values_of(series, path, kind=TableError).ravel()


def _number(text: object) -> float:
    """The number that a text begins with ("25m"), or NaN."""
    match = re.match(r"\s*([+-]?\d+(?:\.\d+)?)\s*(?:m|deg\w*)?\s*$", str(text)) if text is not None else None
    return float(match[1]) if match else float("nan")
