"""US Climate Reference Network: NOAA's text files daily01 and hourly02, and Parquet made of daily01.

Bell et al. 2013. The text files have no header; a daily01 line has 28 fields, an hourly02 line 38, split by blanks (the
products' readme.txt). Missing is -9999 (-99 for soil moisture). Days of daily01 are the station's local standard days;
an hour of hourly02 is named by its end in UTC, and 0000 ends the last hour of the day before. The WBAN number is the
station's name. Soil moisture is that of three probes a depth, averaged by NOAA after its own quality control, so there
is one sensor a depth and no flag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.archives import without_strewn
from loam.io.tables import PARQUET, read_table
from loam.probes.instants import as_instants, check_instants
from loam.probes.left_out import leave_out, read_each
from loam.probes.readings import READINGS, STATIONS, Probes
from loam.probes.station_facts import warn_of_places

DEPTHS = [5, 10, 20, 50, 100]  # cm
DAILY = [
    "wban", "lst_date", "crx_vn", "longitude", "latitude", "t_daily_max", "t_daily_min", "t_daily_mean", "t_daily_avg",
    "p_daily_calc", "solarad_daily", "sur_temp_daily_type", "sur_temp_daily_max", "sur_temp_daily_min",
    "sur_temp_daily_avg", "rh_daily_max", "rh_daily_min", "rh_daily_avg",
    *(f"soil_moisture_{depth}_daily" for depth in DEPTHS), *(f"soil_temp_{depth}_daily" for depth in DEPTHS),
]  # fmt: skip
HOURLY = [
    "wban", "utc_date", "utc_time", "lst_date", "lst_time", "crx_vn", "longitude", "latitude", "t_calc", "t_hr_avg",
    "t_max", "t_min", "p_calc", "solarad", "solarad_flag", "solarad_max", "solarad_max_flag", "solarad_min",
    "solarad_min_flag", "sur_temp_type", "sur_temp", "sur_temp_flag", "sur_temp_max", "sur_temp_max_flag",
    "sur_temp_min", "sur_temp_min_flag", "rh_hr_avg", "rh_hr_avg_flag", *(f"soil_moisture_{depth}" for depth in DEPTHS),
    *(f"soil_temp_{depth}" for depth in DEPTHS),
]  # fmt: skip
LAYOUTS = {len(DAILY): DAILY, len(HOURLY): HOURLY}
TEXT = {"wban", "crx_vn", "lst_date", "utc_date", "utc_time", "lst_time", "sur_temp_daily_type", "sur_temp_type"}
MISSING = (-9999.0, -99.0)
UNITS = {"soil_moisture": "m3 m-3", "soil_temperature": "degC", "air_temperature": "degC", "precipitation": "mm"}


def read_uscrn(settings: ProbeFiles) -> Probes:
    """Soil moisture and temperature at five depths, air temperature and rain.

    Args:
        settings: ``path`` is a Parquet file, one text file, or a folder whose ``*.txt`` (in folders of years too) are
            read; all of one product.

    Raises:
        TableError: no file, both products in one folder; in all of the files: another number of fields than either
            product has, a cell that is not a number or a time (one among others is left out with a warning).
    """
    path = Path(settings.path)
    files = _files(path)
    refused: list[TableError] = []
    layouts: dict[tuple[str, ...], Path] = {}
    places: dict[str, list[tuple[object, float, float]]] = {}
    for file in list(files):
        try:
            columns = layout_of(file)
            for name, rows in _places(file, columns).groupby("wban"):
                places.setdefault(name, []).extend(_given(file, rows))
        except TableError as error:
            leave_out(error, refused)
            files.remove(file)
        else:
            layouts[tuple(columns)] = file
    if not files:
        raise refused[0]
    if len(layouts) > 1:
        raise TableError("holds daily01 and hourly02 files", where=path, fix="name the folder of one of them")
    columns = list(next(iter(layouts)))
    daily = "utc_date" not in columns
    warn_of_places(places)

    def read(file: Path) -> Iterator[pd.DataFrame]:
        table = read_file(file, columns)
        if unknown := sorted(set(table["wban"]) - set(places)):
            raise TableError(f"station {unknown[0]} after another's lines", where=file, expected="one station a file")
        if len(table[["wban", "latitude", "longitude"]].drop_duplicates()) > table["wban"].nunique():
            inside = table.drop_duplicates(["wban", "latitude", "longitude"]).groupby("wban")
            warn_of_places({name: _given(file, rows) for name, rows in inside})
        return (_long(rows, daily=daily) for _, rows in table.groupby("wban", sort=True))

    readings = read_each(files, read, refused)
    return Probes(_stations(places), readings, daily, f"USCRN {'daily01' if daily else 'hourly02'} in {path}")


def _files(path: Path) -> list[Path]:
    files = without_strewn(sorted(path.rglob("*.txt")), path) if path.is_dir() else [path]
    if not files:
        raise TableError("no file *.txt in this folder", where=path, expected="files of daily01 or hourly02")
    return sorted(files, key=lambda file: file.name.split("-", 2)[-1])  # a station's years one after the other


def layout_of(file: Path) -> list[str]:
    """The columns of a file: those of daily01 or of hourly02, told by the number of fields."""
    if file.suffix in PARQUET:
        return DAILY
    try:
        with file.open(encoding="ascii", errors="replace") as lines:
            fields = len(next(lines, "").split())
    except OSError as error:
        raise TableError(f"cannot be read ({error.strerror})", where=file, fix="check the path in the config") from None
    if fields not in LAYOUTS:
        raise TableError(f"the first line has {fields} fields", where=file, expected="28 (daily01) or 38 (hourly02)")
    return LAYOUTS[fields]


def read_file(file: Path, columns: list[str], *, rows: int | None = None) -> pd.DataFrame:
    """The file's columns, numbers as float with NaN where missing, keys as text; of ``rows`` lines or of all."""
    if file.suffix in PARQUET:
        frame = read_table(file, foreign=True)
        if absent := [name for name in columns if name not in frame and name not in ("crx_vn", "t_daily_mean")]:
            raise TableError(f"no column {', '.join(absent)}", where=file, expected="the columns of daily01")
        try:
            frame["lst_date"] = pd.to_datetime(frame["lst_date"], errors="coerce").dt.strftime("%Y%m%d").fillna("")
        except (TypeError, ValueError, AttributeError) as error:
            raise TableError(f"lst_date is no day ({error})", where=file, expected="a column of dates") from None
    else:
        try:
            frame = pd.read_csv(
                file, sep=r"\s+", header=None, names=columns, dtype=str, encoding="ascii", keep_default_na=False,
                nrows=rows,
            )  # fmt: skip
        except (ValueError, OSError) as error:  # of the parser, of the decoder
            raise TableError(
                f"cannot be read ({error})", where=file, expected=f"{len(columns)} fields a line"
            ) from None
        short = (frame[columns[-1]].fillna("") == "").to_numpy()
        if short.any():
            raise TableError(
                "the line is cut short", where=f"{file}, line {int(np.flatnonzero(short)[0]) + 1}",
                expected=f"{len(columns)} fields",
            )  # fmt: skip
    frame["wban"] = frame["wban"].astype(str).str.strip()
    for name in frame.columns.difference([*TEXT, "time"]):
        values = pd.to_numeric(frame[name], errors="coerce").astype(float)
        wrong = (values.isna() & frame[name].notna() & (frame[name].astype(str) != "nan")).to_numpy()
        if wrong.any():
            raise TableError(
                f"'{frame[name].to_numpy()[wrong][0]}' in field {name} is not a number",
                where=f"{file}, line {int(np.flatnonzero(wrong)[0]) + 1}", expected=f"{len(columns)} fields a line",
            )  # fmt: skip
        frame[name] = values.where(~values.isin(MISSING) | name.startswith(("longitude", "latitude")))
    hourly = "utc_date" in columns
    text = frame["utc_date"] + frame["utc_time"] if hourly else frame["lst_date"]
    return frame.assign(time=_times(text, "%Y%m%d%H%M" if hourly else "%Y%m%d", file))


def _times(text: pd.Series, form: str, file: Path) -> pd.Series:
    parsed = pd.to_datetime(text, format=form, errors="coerce")
    wrong = parsed.isna().to_numpy()
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        raise TableError(
            f"'{text.iloc[line]}' is not a time", where=f"{file}, line {line + 1}", expected="YYYYMMDD HHmm"
        )
    times = as_instants(parsed)
    check_instants(times, where=file, texts=text, lines=np.arange(1, 1 + len(text)))
    return pd.Series(times, index=text.index)


def _places(file: Path, columns: list[str]) -> pd.DataFrame:
    """wban, latitude, longitude of a Parquet file's stations, and of a text file's first line, which has one."""
    frame = read_file(file, columns, rows=None if file.suffix in PARQUET else 1)
    return frame[["wban", "latitude", "longitude"]].drop_duplicates()


def _given(file: Path, rows: pd.DataFrame) -> list[tuple[object, float, float]]:
    return [(file, row.latitude, row.longitude) for row in rows.itertuples()]


def _stations(places: Mapping[str, Sequence[tuple[object, float, float]]]) -> pd.DataFrame:
    table = pd.DataFrame({name: pd.Series(dtype=column.dtype.type) for name, column in STATIONS.columns.items()})
    table["station"] = sorted(places)
    table[["latitude", "longitude"]] = [places[name][0][1:] for name in table["station"]]
    return STATIONS.validate(table)


def _long(rows: pd.DataFrame, *, daily: bool) -> pd.DataFrame:
    suffix, air, rain = ("_daily", "t_daily_avg", "p_daily_calc") if daily else ("", "t_hr_avg", "p_calc")
    series = [(f"soil_moisture_{depth}{suffix}", "soil_moisture", depth) for depth in DEPTHS]
    series += [(f"soil_temp_{depth}{suffix}", "soil_temperature", depth) for depth in DEPTHS]
    series += [(air, "air_temperature", 0), (rain, "precipitation", 0)]
    about = pd.DataFrame(
        [
            (name.removesuffix("_daily"), variable, float(depth), float(depth), UNITS[variable], "")
            for name, variable, depth in series
        ],
        columns=["sensor", "variable", "depth_from_cm", "depth_to_cm", "unit", "flag"],
    )  # fmt: skip
    values = rows[[name for name, _, _ in series]].to_numpy(float)
    sensor, row = np.nonzero(~np.isnan(values).T)
    of_rows = rows[["wban", "time"]].iloc[row].reset_index(drop=True)
    long = about.iloc[sensor].reset_index(drop=True)
    long = long.assign(station=of_rows["wban"], time=of_rows["time"], value=values[row, sensor])
    return long[list(READINGS.columns)]
