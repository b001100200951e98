"""Daily weather grids in a folder of netCDF files, by month or year, all variables in one file or one a file.

A day is looked for in ``<variable>_<yyyy-mm>.nc``, ``<variable>_<yyyy>.nc``, ``<yyyy-mm>.nc`` and ``<yyyy>.nc``, in
this order. A variable is found by the name that ``layout.yaml`` gives, by its own, or by its CF standard name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from loam.acquire.catalogue import Dataset, Variable
from loam.acquire.file_spans import days_of
from loam.acquire.local.layout import FILE, Layout, refuse_codes, within_range
from loam.acquire.local.local_cells import Cells, cells_in
from loam.acquire.source import Bounds, Fields
from loam.codes import Codes
from loam.errors import RasterError
from loam.io.netcdf import open_netcdf, values_of
from loam.raster.day_axis import days_of_steps, refuse_several

STANDARD_NAMES = {
    "rain": {
        "precipitation_amount", "lwe_thickness_of_precipitation_amount", "thickness_of_rainfall_amount",
        "rainfall_amount", "precipitation_flux", "rainfall_flux", "lwe_precipitation_rate", "rainfall_rate",
    },
    "tmin": {"air_temperature"},
    "tmax": {"air_temperature"},
    "sm_surface": {"volume_fraction_of_condensed_water_in_soil"},
}  # fmt: skip
CELL_METHODS = {"tmin": "minimum", "tmax": "maximum"}
SWAPPED = 0.5  # share of values with the lowest temperature above the highest from which on the two are swapped
_NAME = re.compile(r"(?:(?P<variable>.+)_)?(?P<span>\d{4}(?:-(?:0[1-9]|1[0-2]))?)\.nc")


def read_local_fields(
    dataset: Dataset, layout: Layout, bounds: Bounds, days: Sequence[date], shift: timedelta = timedelta(0)
) -> Fields:
    """The fields of ``days`` on the native cells that cover ``bounds``, with one cell to spare on each side.

    Args:
        dataset: whose variables are read.
        layout: the folder.
        bounds: west, south, east, north, degrees.
        days: the days, in order.
        shift: of the run's days from those of UTC; fields whose bounds are told are of the run's day in which they end.

    Raises:
        RasterError: a file, a day before the last one there, or a variable is missing, a unit is unknown or values are
            impossible with it, or the files' cells differ.
    """
    files = _index(layout.folder)
    last = min(_last_day(variable, layout, files, shift) for variable in dataset.variables.values())
    there = [day for day in days if day <= last]
    cells: Cells | None = None
    values: dict[str, np.ndarray] = {}
    for variable in dataset.variables.values():
        for path, wanted in _by_file(variable, layout, files, there or [last], shift):
            here, found = _read(path, variable, layout, bounds, wanted, shift)
            if cells is not None and not cells.same(here):
                raise RasterError(f"the cells of {variable.name} are others than in the files before", where=path)
            cells = cells or here
            if variable.name not in values:
                values[variable.name] = np.full((len(days), cells.y.size, cells.x.size), np.nan, np.float32)
            for day, field in zip(wanted, found, strict=True):
                if day in there:
                    values[variable.name][days.index(day)] = field
    _check_swapped(values, layout)
    dims = ("latitude", "longitude") if cells.geographic else ("y", "x")
    data = xr.Dataset(
        {name: (("time", *dims), array) for name, array in values.items()},
        coords={"time": pd.DatetimeIndex(list(days)), dims[0]: cells.y, dims[1]: cells.x}, attrs={"crs": cells.crs},
    )  # fmt: skip
    return Fields(data, np.array([int(day <= last) for day in days]), published_until=last)


def _index(folder: Path) -> dict[tuple[str | None, str], Path]:
    """The netCDF files of a folder by variable (None: all) and span."""
    found = {}
    for path in sorted(folder.glob("*.nc")):
        if match := _NAME.fullmatch(path.name):
            found[match["variable"], match["span"]] = path
    if not found:
        raise RasterError(
            "holds no weather", where=folder, expected="files <yyyy-mm>.nc, <yyyy>.nc or <variable>_<yyyy>.nc",
            fix="see docs/reference/local-files.md",
        )  # fmt: skip
    return found


def _last_day(variable: Variable, layout: Layout, files: dict[tuple[str | None, str], Path], shift: timedelta) -> date:
    """The last day that the folder holds of a variable."""
    mine = {span: path for own in (None, variable.name) for (name, span), path in files.items() if name == own}
    if not mine:
        raise RasterError(
            f"holds no {variable.name}", where=layout.folder, expected=f"{variable.name}_<yyyy>.nc, or <yyyy>.nc"
        )
    latest = max(mine, key=lambda span: days_of(span)[-1])
    return max(_days_held(mine[latest], variable, layout, shift))


def _by_file(
    variable: Variable, layout: Layout, files: dict[tuple[str | None, str], Path], days: Sequence[date],
    shift: timedelta,
) -> Iterator[tuple[Path, list[date]]]:  # fmt: skip
    """The files that hold ``days`` of a variable, each with its days.

    Where the run's days are not those of UTC, the field of the first day of a month may lie in the file before.
    """
    wanted: dict[Path, list[date]] = {}
    lacking, held = [], {}
    for day in days:
        path = _file_of(variable, files, day)
        before = _file_of(variable, files, day - timedelta(days=1)) if shift else path
        if before not in (None, path) and before not in held:
            held[before] = _days_held(before, variable, layout, shift)
        path = before if before != path and day in held.get(before, ()) else path
        if path is None:
            lacking.append(day)
        else:
            wanted.setdefault(path, []).append(day)
    if lacking:
        raise RasterError(
            f"there is no file with {variable.name} of {_listed(lacking)}", where=layout.folder,
            expected=f"{lacking[0]:%Y-%m}.nc, {lacking[0]:%Y}.nc or {variable.name}_{lacking[0]:%Y}.nc",
        )  # fmt: skip
    yield from wanted.items()


def _file_of(variable: Variable, files: dict[tuple[str | None, str], Path], day: date) -> Path | None:
    keys = [(name, span) for name in (variable.name, None) for span in (f"{day:%Y-%m}", f"{day:%Y}")]
    return next((files[key] for key in keys if key in files), None)


def _days_held(path: Path, variable: Variable, layout: Layout, shift: timedelta) -> list[date]:
    with open_netcdf(path) as data:
        return _days(data, _variable_in(data, variable, layout, path), path, shift)


def _read(
    path: Path, variable: Variable, layout: Layout, bounds: Bounds, days: Sequence[date], shift: timedelta
) -> tuple[Cells, np.ndarray]:
    """Cells, and the fields of ``days`` [day, row, column] in the canonical unit."""
    with open_netcdf(path) as data:
        name = _variable_in(data, variable, layout, path)
        time, known = _time_of(data[name], path), _days(data, name, path, shift)
        array = data[name].squeeze(
            [dim for dim, size in data[name].sizes.items() if size == 1 and dim != time], drop=True
        )
        if lacking := [day for day in days if day not in known]:
            raise RasterError(f"has no {variable.name} of {_listed(lacking)}", where=path, expected="every day")
        cells = cells_in(data, array, layout, bounds, path)
        written = data[name].attrs.get("units")
        if written is None and variable.name not in layout.units:
            raise RasterError(
                f"{name} has no units", where=path, fix=f"say `units: {{{variable.name}: ...}}` in {FILE}"
            )
        scale, offset = layout.conversion(variable, written, path)
        steps = [known.index(day) for day in days]
        part = array.transpose(time, *cells.axes).isel(
            {time: _compact(steps), cells.axes[0]: _compact(cells.rows), cells.axes[1]: _compact(cells.columns)}
        )
        raw = values_of(part, path).astype(np.float64)
    nodata = layout.nodata.get(variable.name)
    raw = np.where(np.abs(raw) > 1e30, np.nan, raw) if nodata is None else np.where(raw == nodata, np.nan, raw)
    codes = Codes()
    values = within_range((raw * scale + offset).astype(np.float32), variable, path, layout, codes)
    refuse_codes(codes, variable, path)
    return cells, values


def _variable_in(data: xr.Dataset, variable: Variable, layout: Layout, path: Path) -> str:
    """The file's name of a variable."""
    names = [str(name) for name in data.data_vars if data[name].ndim >= 3]
    if variable.name in layout.names:
        if (name := layout.names[variable.name]) in names:
            return name
        raise RasterError(f"has no variable '{name}'", where=path, expected=f"one of {', '.join(names)}")
    if variable.name in names:
        return variable.name
    standard, method = STANDARD_NAMES.get(variable.name, set()), CELL_METHODS.get(variable.name, "")
    found = [
        name
        for name in names
        if data[name].attrs.get("standard_name") in standard and method in data[name].attrs.get("cell_methods", "")
    ]
    if len(found) != 1:
        raise RasterError(
            f"{len(found) or 'none'} of its variables ({', '.join(names) or 'none with a time and two axes'}) "
            f"{'is' if not found else 'are'} {variable.name} by standard_name", where=path,
            fix=f"say `names: {{{variable.name}: ...}}` in {FILE}",
        )  # fmt: skip
    return found[0]


def _time_of(array: xr.DataArray, path: Path) -> str:
    found = [str(dim) for dim in array.dims if dim in array.coords and array[dim].dtype.kind == "M"]
    if len(found) != 1:
        raise RasterError(f"{array.name} has no time axis in the standard calendar", where=path, expected="CF times")
    return found[0]


def _days(data: xr.Dataset, name: str, path: Path, shift: timedelta) -> list[date]:
    """The day of each step of a variable.

    Raises:
        RasterError: a day is there twice, or bounds and times contradict each other.
    """
    days = days_of_steps(data, _time_of(data[name], path), path, daily=True, shift=shift)
    refuse_several(days, name, path)
    return days


def _compact(places: Sequence[int] | np.ndarray) -> slice | np.ndarray:
    """Consecutive places as a slice, which is read in one piece."""
    places = np.asarray(places)
    return slice(int(places[0]), int(places[-1]) + 1) if (np.diff(places) == 1).all() else places


def _check_swapped(values: dict[str, np.ndarray], layout: Layout) -> None:
    if not {"tmin", "tmax"} <= values.keys():
        return
    with np.errstate(invalid="ignore"):
        above = values["tmin"] > values["tmax"]
    both = np.isfinite(values["tmin"]) & np.isfinite(values["tmax"])
    if both.any() and above.sum() > SWAPPED * both.sum():
        raise RasterError("tmin is above tmax", where=layout.folder, fix=f"check their names (`names:` in {FILE})")


def _listed(days: Sequence[date]) -> str:
    text = ", ".join(day.isoformat() for day in days[:3])
    return text + (f" and {len(days) - 3} days more" if len(days) > 3 else "")
