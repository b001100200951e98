"""Downloads of the International Soil Moisture Network, both layouts, zip or unpacked (Dorigo et al. 2011, 2021).

Folders ``network/station`` hold one ``.stm`` a sensor and a ``static_variables.csv``. The package ``ismn`` (TU Wien)
reads the files; its file handlers are used without its ``ISMN_Interface``, which would collect the metadata of the
whole archive at once and write them beside the data, and on files of a folder, to which a zip's are unpacked one by
one: it would list the whole zip for each. Nothing is written into the user's folder. A sensor's file that cannot be
read is named in a warning and left out; a download of which nothing can be read is refused.

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

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.archives import is_strewn, open_zip, unpack_member
from loam.io.written_names import one_form
from loam.probes.instants import check_instants
from loam.probes.left_out import leave_out
from loam.probes.reader_settings import complete_stations, source_path
from loam.probes.readings import Probes
from loam.probes.station_facts import warn_of_places

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


def read_ismn(settings: ProbeFiles) -> Probes:
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
    download = Download(path)
    sensors, refused = _sensor_files(download)
    stations = _stations(download, sensors, refused)
    stations = complete_stations(stations, settings)
    chosen = {name: sensors[name] for name in stations["station"]}
    return Probes(stations, _readings(download, chosen), daily=False, source=f"ISMN download {path}")


class Download:
    """The files of a download, listed once; those of a zip are unpacked when they are asked for.

    Args:
        path: of the zip or the folder.

    Raises:
        TableError: the file is no zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip = None if path.is_dir() else open_zip(path, expected=LAYOUT)
        if self._zip is None:
            files = (file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        else:
            files = (name for name in self._zip.namelist() if not name.endswith("/"))
        self.files = sorted(name for name in files if not is_strewn(name))
        self._tables: dict[str, str] = {}
        for name in self.files:
            if name.endswith(".csv"):
                self._tables.setdefault(str(PurePosixPath(name).parent), name)

    def table_of(self, folder: str) -> str | None:
        """The first CSV of a folder."""
        return self._tables.get(folder)

    def root(self, name: str, temporary: str) -> IsmnRoot:
        """A folder, as the package wants it, that holds the file ``name``."""
        if self._zip is None:
            return IsmnRoot(self.path)
        unpack_member(self._zip, name, Path(temporary))
        return IsmnRoot(temporary)


def _sensor_files(download: Download) -> tuple[dict[str, list[SensorFile]], list[TableError]]:
    """The files of the four variables by station, both in the order of their names; and why others are not read."""
    found: dict[str, list[SensorFile]] = {}
    others: set[str] = set()
    refused: list[TableError] = []
    for name in download.files:
        file = PurePosixPath(name)
        if file.suffix != ".stm":
            continue
        where = f"{download.path}: {name}"
        if len(file.parts) < 3:
            leave_out(TableError("lies in no folder of a station", where=where, expected=LAYOUT), refused)
            continue
        match = FILE_NAME.fullmatch(file.name)
        if match is None:
            leave_out(TableError("unreadable file name", where=where, expected=NAME), refused)
            continue
        if match["variable"] not in VARIABLES:
            others.add(match["variable"])
            continue
        station = one_form("_".join(file.parts[-3:-1]))
        variable = VARIABLES[match["variable"]][0]
        depths = (0.0, 0.0)
        if variable not in AIR:
            depths = tuple(round(100 * float(match[end]), 4) for end in ("top", "bottom"))
            if not 0 <= depths[0] <= depths[1]:
                problem = f"depth {match['top']} to {match['bottom']} m is not below the surface"
                leave_out(TableError(problem, where=where), refused)
                continue
        found.setdefault(station, []).append(SensorFile(name, station, variable, match["sensor"], *depths))
    if others:
        log.info("%s: variables not read: %s", download.path, ", ".join(sorted(others)))
    found = {name: files for name, files in found.items() if any(file.variable == "soil_moisture" for file in files)}
    if not found:
        raise refused[0] if refused else TableError("no soil moisture in it", where=download.path, expected=LAYOUT)
    folders = {name: {str(PurePosixPath(file.path).parent) for file in files} for name, files in found.items()}
    if several := {name: places for name, places in folders.items() if len(places) > 1}:
        name, places = next(iter(several.items()))
        raise TableError(
            f"station {name} is in {len(places)} folders: {', '.join(sorted(places))}", where=download.path,
            expected="one folder a station", fix="give one download at a time",
        )  # fmt: skip
    return dict(sorted(found.items())), refused


def _stations(download: Download, sensors: dict[str, list[SensorFile]], refused: list[TableError]) -> pd.DataFrame:
    """One row a station, from its first file that can be read; files before it, and stations without one, go."""
    rows = []
    for station, files in list(sensors.items()):
        with TemporaryDirectory(prefix="loam_ismn_") as temporary:
            while files:
                try:
                    metadata = _open(download, files[0].path, temporary).metadata
                    break
                except TableError as error:
                    leave_out(error, refused)
                    files.pop(0)
            if not any(file.variable == "soil_moisture" for file in files):
                log.warning("%s: no file of soil moisture of station %s can be read", download.path, station)
                del sensors[station]
                continue
            rows.append(
                {
                    "station": station,
                    **{name: metadata[name].val for name in ("latitude", "longitude", "elevation")},
                    **_static(download, station, str(PurePosixPath(files[0].path).parent), temporary),
                }
            )
    if not rows:
        raise refused[0]
    return pd.DataFrame(rows)


def _static(download: Download, station: str, folder: str, temporary: str) -> dict[str, Any]:
    """Porosity (saturation of the uppermost layer), land cover and texture from the station's static variables."""
    name = download.table_of(folder)
    try:
        if name is None:
            raise OSError("the file is not there")
        static = StaticMetaFile(download.root(name, temporary), name).metadata
    except (*UNREADABLE, TableError) as error:
        log.warning("%s: no porosity, soil and land cover, static variables unreadable (%s)", station, error)
        return {}
    values = {}
    for item in sorted(static, key=lambda item: item.depth.start if item.depth is not None else 0.0, reverse=True):
        if item.val is not None and not (isinstance(item.val, float) and np.isnan(item.val)):
            values[item.name] = item.val  # the uppermost stays
    row: dict[str, Any] = {}
    if isinstance(saturation := values.get("saturation"), float):
        row["porosity"] = saturation / 100 if 1 < saturation <= 100 else saturation
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


def _open(download: Download, file: str, temporary: str) -> DataFile:
    try:
        return DataFile(download.root(file, temporary), file)
    except UNREADABLE:
        raise TableError(
            "cannot be read",
            where=f"{download.path}: {file}",
            expected="an ISMN file with a header and readings, or lines of 15 columns",
            fix="download it again or take it out",
        ) from None


def _readings(download: Download, sensors: Mapping[str, list[SensorFile]]) -> Iterator[pd.DataFrame]:
    refused: list[TableError] = []
    read = False
    for station, files in sensors.items():
        places: list[tuple[object, float, float]] = []
        for file in files:
            with TemporaryDirectory(prefix="loam_ismn_") as temporary:
                try:
                    frame = _sensor_readings(download, file, temporary, places)
                except TableError as error:
                    leave_out(error, refused)
                    continue
            read = read or file.variable == "soil_moisture"
            yield frame
        if places:
            warn_of_places({station: places})
    if refused and not read:
        raise refused[0]


def _sensor_readings(
    download: Download, sensor: SensorFile, temporary: str, places: list[tuple[object, float, float]]
) -> pd.DataFrame:
    """The readings of a sensor; its place is added to ``places``."""
    where = f"{download.path}: {sensor.path}"
    file = _open(download, sensor.path, temporary)
    try:
        data = file.read_data()
        times = pd.DatetimeIndex(data.index).as_unit("ns")
        values = data.iloc[:, 0].to_numpy(dtype=float)
        places.append((sensor.path, *(float(file.metadata[name].val) for name in ("latitude", "longitude"))))
        flags = data.iloc[:, 1].astype("string").fillna("").to_numpy(dtype=object)
    except UNREADABLE as error:
        raise TableError(
            f"a line is unreadable ({error})", where=where, expected="date, time, value, quality flag and provider flag"
        ) from None
    check_instants(times.to_numpy(), where=where)
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
