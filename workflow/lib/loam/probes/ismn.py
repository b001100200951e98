"""Downloads of the International Soil Moisture Network, both layouts, zip or unpacked (Dorigo et al. 2011, 2021).

Folders ``network/station`` hold one ``.stm`` a sensor and a ``static_variables.csv``. The package ``ismn`` (TU Wien)
opens the archive and reads the files; its file handlers are used without its ``ISMN_Interface``, which would collect
the metadata of the whole archive at once and write them beside the data. Nothing is written into the user's folder.

The ISMN's terms forbid passing the data on.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from ismn.base import IsmnRoot
from ismn.const import LANDCOVER
from ismn.filehandlers import DataFile, StaticMetaFile

from loam.errors import TableError
from loam.probes.readings import Probes
from loam.probes.settings import complete_stations, source_path

log = logging.getLogger("loam")

# As in file names; the network delivers these units.
VARIABLES = {
    "sm": ("soil_moisture", "m3 m-3"),
    "ts": ("soil_temperature", "degC"),
    "ta": ("air_temperature", "degC"),
    "p": ("precipitation", "mm"),
}
AIR = {"air_temperature", "precipitation"}
MISSING = -9999.0
CLASSES = {code: name for name, code in LANDCOVER.items()}
FILE_NAME = re.compile(
    r"[^_]+_[^_]+_(?P<station>[^_]+)_(?P<variable>[^_]+)_(?P<top>-?\d+(?:\.\d+)?)_(?P<bottom>-?\d+(?:\.\d+)?)"
    r"_(?P<sensor>.+)_\d{8}_\d{8}\.stm"
)
LAYOUT = "a zip or folder with network/station/*.stm, as the network's download gives it"
NAME = "network_network_station_variable_depthfrom_depthto_sensor_start_end.stm"
UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile)


@dataclass(frozen=True)
class SensorFile:
    """One ``.stm``: its path in the archive and what its name says; depths in cm."""

    path: str
    station: str
    variable: str
    sensor: str
    depth_from_cm: float
    depth_to_cm: float


def read_ismn(settings: Mapping[str, Any]) -> Probes:
    """Stations and readings of a download.

    A station is named ``<network>_<station>`` by its folders. Readings come one sensor's file at a time, station by
    station; ``flag`` is the network's quality flag ("G", "D01,D03"), the provider's own flag is left out.

    Args:
        settings: ``path`` of the zip or folder; ``stations``, a station table whose values win; ``include`` and
            ``bounds`` choose stations.

    Raises:
        TableError: the archive is no ISMN download, or a file in it cannot be read.
    """
    path = source_path(settings)
    if path.is_file() and not zipfile.is_zipfile(path):
        raise TableError("is not a zip", where=path, expected=LAYOUT)
    root = IsmnRoot(path)
    try:
        sensors = _sensor_files(root)
        stations = complete_stations(_stations(root, sensors), settings)
    finally:
        root.close()
    chosen = {name: sensors[name] for name in stations["station"]}
    return Probes(stations, _readings(path, chosen), daily=False, source=f"ISMN download {path}")


def _sensor_files(root: IsmnRoot) -> dict[str, list[SensorFile]]:
    """The files of the four variables by station, both in the order of their names."""
    found: dict[str, list[SensorFile]] = {}
    others: set[str] = set()
    for folder in sorted(str(PurePosixPath(item)) for items in root.cont.values() for item in items):
        station = "_".join(PurePosixPath(folder).parts[-2:])
        for file in sorted(str(PurePosixPath(item)) for item in root.find_files(folder, "*.stm")):
            match = FILE_NAME.fullmatch(PurePosixPath(file).name)
            if match is None:
                raise TableError("unreadable file name", where=f"{root.path}: {file}", expected=NAME)
            if match["variable"] not in VARIABLES:
                others.add(match["variable"])
                continue
            variable = VARIABLES[match["variable"]][0]
            depths = (0.0, 0.0)
            if variable not in AIR:
                depths = tuple(round(100 * float(match[end]), 4) for end in ("top", "bottom"))
                if not 0 <= depths[0] <= depths[1]:
                    raise TableError(
                        f"depth {match['top']} to {match['bottom']} m is not below the surface",
                        where=f"{root.path}: {file}",
                    )
            found.setdefault(station, []).append(SensorFile(file, station, variable, match["sensor"], *depths))
    if others:
        log.info("%s: variables not read: %s", root.path, ", ".join(sorted(others)))
    found = {name: files for name, files in found.items() if any(file.variable == "soil_moisture" for file in files)}
    if not found:
        raise TableError("no soil moisture in it", where=root.path, expected=LAYOUT)
    return found


def _stations(root: IsmnRoot, sensors: Mapping[str, list[SensorFile]]) -> pd.DataFrame:
    rows = []
    with TemporaryDirectory(prefix="loam_ismn_") as temporary:
        for station, files in sensors.items():
            metadata = _open(root, files[0].path, temporary).metadata
            rows.append(
                {
                    "station": station,
                    **{name: metadata[name].val for name in ("latitude", "longitude", "elevation")},
                    **_static(root, station, str(PurePosixPath(files[0].path).parent), temporary),
                }
            )
    return pd.DataFrame(rows)


def _static(root: IsmnRoot, station: str, folder: str, temporary: str) -> dict[str, Any]:
    """Porosity (saturation of the uppermost layer), land cover and texture from the station's static variables."""
    files = root.find_files(folder, "*.csv")
    try:
        if not files:
            raise OSError("the file is not there")
        static = StaticMetaFile(root, str(PurePosixPath(files[0])), temp_root=temporary).metadata
    except UNREADABLE as error:
        log.warning("%s: no porosity, soil and land cover, static variables unreadable (%s)", station, error)
        return {}
    values = {}
    for item in sorted(static, key=lambda item: item.depth.start if item.depth is not None else 0.0, reverse=True):
        if item.val is not None and not (isinstance(item.val, float) and np.isnan(item.val)):
            values[item.name] = item.val  # the uppermost stays
    row: dict[str, Any] = {}
    if isinstance(saturation := values.get("saturation"), float):
        row["porosity"] = saturation / 100 if saturation > 1 else saturation
    if all(isinstance(values.get(f"{part}_fraction"), float) for part in ("clay", "sand", "silt")):
        row["soil"] = ", ".join(f"{part} {values[f'{part}_fraction']:g} %" for part in ("clay", "sand", "silt"))
    classes = [values.get(name) for name in ("lc_insitu", "lc_2010", "lc_2005", "lc_2000")]
    if known := [value for value in classes if value not in (None, "unknown", "")]:
        row["landcover"] = _class_name(known[0])
    return row


def _class_name(value: Any) -> str:
    try:
        return CLASSES.get(int(float(value)), str(value))
    except ValueError:
        return str(value)


def _open(root: IsmnRoot, file: str, temporary: str) -> DataFile:
    try:
        return DataFile(root, file, temp_root=temporary)
    except UNREADABLE:
        raise TableError(
            "cannot be read",
            where=f"{root.path}: {file}",
            expected="an ISMN file with a header and readings, or lines of 15 columns",
            fix="download it again or take it out",
        ) from None


def _readings(path: Path, sensors: Mapping[str, list[SensorFile]]) -> Iterator[pd.DataFrame]:
    root = IsmnRoot(path)
    try:
        for files in sensors.values():
            with TemporaryDirectory(prefix="loam_ismn_") as temporary:
                for file in files:
                    yield _sensor_readings(root, file, temporary)
    finally:
        root.close()


def _sensor_readings(root: IsmnRoot, sensor: SensorFile, temporary: str) -> pd.DataFrame:
    where = f"{root.path}: {sensor.path}"
    file = _open(root, sensor.path, temporary)
    try:
        data = file.read_data()
        times = pd.DatetimeIndex(data.index).as_unit("ns")
        values = data.iloc[:, 0].to_numpy(dtype=float)
        flags = data.iloc[:, 1].astype("string").fillna("").to_numpy(dtype=object)
    except UNREADABLE as error:
        raise TableError(
            f"a line is unreadable ({error})", where=where, expected="date, time, value, quality flag and provider flag"
        ) from None
    unit = {name: unit for name, unit in VARIABLES.values()}[sensor.variable]
    return pd.DataFrame(
        {
            "station": sensor.station,
            "sensor": sensor.sensor,
            "variable": sensor.variable,
            "depth_from_cm": sensor.depth_from_cm,
            "depth_to_cm": sensor.depth_to_cm,
            "time": times,
            "value": np.where(values == MISSING, np.nan, values),
            "unit": unit,
            "flag": flags,
        }
    )
