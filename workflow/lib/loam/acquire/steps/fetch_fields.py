"""Fetch a month or year of fields and leave it as CF-netCDF on the native cells, with its manifest beside it.

Months are asked for one at a time and kept until the file is complete. A day that lacks is there with NaN; the manifest
says why it lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pandas as pd
import pyproj
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import Extremes, bounds_of, cells_of, checked_fields
from loam.acquire.canonical.check import check_fields
from loam.acquire.canonical.manifest import check_manifest, is_empty, write_manifest
from loam.acquire.source import Fields, Source
from loam.acquire.steps.across import read_across
from loam.acquire.steps.fetched_parts import complete
from loam.acquire.steps.month_days import (
    counts_of,
    days_to_fetch,
    flags_of_days,
    kept_fields,
    manifest_of,
    may_be_empty,
    months_of,
    open_fields,
    without_values,
)
from loam.errors import AcquireError
from loam.io.atomic import atomic_path
from loam.io.progress import progress
from loam.raster.grid import same_grid

log = logging.getLogger("loam")

EPOCH = "days since 1970-01-01"
AXES = {
    "latitude": {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "longitude": {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
    "y": {"standard_name": "projection_y_coordinate", "units": "m", "axis": "Y"},
    "x": {"standard_name": "projection_x_coordinate", "units": "m", "axis": "X"},
}


def fetch_fields(
    source: Source,
    geobox: GeoBox,
    span: str,
    state: str,
    path: str | Path,
    manifest_path: str | Path,
    request: Mapping[str, Any],
) -> None:
    """Fetch the fields of a month or year that cover a grid.

    Args:
        source: the dataset from a back end.
        geobox: the grid of the region.
        span: ``2020-01`` or ``2020``.
        state: ``final``, ``provisional`` or ``open <day it is asked on>``.
        path: of the netCDF file.
        manifest_path: of its manifest.
        request: what was asked for (``loam.acquire.steps.fetched_parts.request_of``), for the provenance.

    Raises:
        AcquireError: days failed, or what came is not what was asked for; no file is left then.
    """
    path, started, dataset = Path(path), datetime.now(UTC), source.dataset
    days, bounds = days_to_fetch(dataset, span, state), bounds_of(geobox)
    months = months_of(days)
    files = [source.workspace / f"{month[0]:%Y-%m}.nc" for month in months]
    fetched: list[Fields] = []
    with progress(len(months), f"{dataset.name} {span} months") as bar:
        for month, file in zip(months, files, strict=True):
            where = f"{dataset.name} from {source.back_end}, {month[0]:%Y-%m}"
            fields = kept_fields(
                file,
                lambda month=month: read_across(source, bounds, month),
                lambda given, month=month, where=where: _checked(given, source, month, where),
            )
            fetched.append(without_values(fields))
            bar.step()
    manifest = manifest_of(dataset, days, fetched, state)
    try:
        check_manifest(manifest, where=f"{dataset.name} from {source.back_end}, {span}")
        with atomic_path(path) as temporary:
            write_fields(temporary, source, files, days, manifest, np.concatenate([month.found for month in fetched]))
            _check(temporary, path, source, days, manifest)
    except AcquireError:
        for file in files:
            file.unlink(missing_ok=True)  # the next attempt asks for them again
        raise
    write_manifest(manifest, manifest_path)
    complete(path, source, request, started, days=counts_of(manifest))


def write_fields(
    path: Path, source: Source, parts: Sequence[Path], days: Sequence[date], manifest: pd.DataFrame, found: np.ndarray
) -> None:
    """Join months of fields to one CF-netCDF file, a month in memory at a time."""
    dataset, done = source.dataset, 0
    seen = {name: Extremes() for name in dataset.variables}
    cells: GeoBox | None = None
    with netCDF4.Dataset(path, "w") as file:
        for part in parts:
            with open_fields(part) as data:
                if cells is None:
                    cells = cells_of(data, part.name)
                    _define(file, data, source, days)
                    for name, values, meaning in flags_of_days(dataset, manifest, found):
                        _define_flag(file, name, values, meaning)
                elif not same_grid(cells, cells_of(data, part.name)):
                    raise AcquireError(
                        "the cells are others than the months' before", where=f"{dataset.name}, {part.stem}"
                    )
                step = data.sizes["time"]
                for name, extremes in seen.items():
                    values = data[name].to_numpy()
                    extremes.add(values, np.isfinite(values))
                    file[name][done : done + step] = values
                done += step
    for name, extremes in seen.items():
        extremes.report(dataset.variables[name], f"{dataset.name}, {len(days)} days")


def _checked(fields: Fields, source: Source, days: Sequence[date], where: str) -> Fields:
    """Checked fields; a complete day that is missing in every cell counts as one without field, unless that can be."""
    dataset = source.dataset
    fields = checked_fields(fields, dataset, days, where)
    if may_be_empty(dataset, source.back_end):
        return fields
    present = {name: np.isfinite(fields.data[name].to_numpy()).any(axis=(1, 2)) for name in dataset.variables}
    complete = fields.found >= dataset.fields_a_day
    empty = complete & ~np.all(list(present.values()), axis=0)
    if not empty.any():
        return fields
    if (empty == complete).all():
        lacking = ", ".join(name for name, there in present.items() if not there[empty].any())
        raise AcquireError(
            f"every cell of {lacking or 'the fields'} is missing on all {int(empty.sum())} days that have fields",
            where=where, fix="check that the dataset covers the region, and its bands in datasets.yaml",
        )  # fmt: skip
    lost = ", ".join(str(days[place]) for place in np.flatnonzero(empty))
    log.warning("%s: every cell is missing on %s; these days count as having no field", where, lost)
    return Fields(fields.data, np.where(empty, 0, fields.found), fields.provisional, fields.published_until)


def _define(file: netCDF4.Dataset, data: xr.Dataset, source: Source, days: Sequence[date]) -> None:
    dataset = source.dataset
    names = ("latitude", "longitude") if "latitude" in data.sizes else ("y", "x")
    file.setncatts({
        "Conventions": "CF-1.10", "title": dataset.title, "source": f"{dataset.name}, version {dataset.version}",
        "institution": f"fetched by loam from {source.back_end}", "references": dataset.citation,
        "license": dataset.licence, "day_boundary": day_boundary(source),
    })  # fmt: skip
    file.createDimension("time", len(days))
    time = file.createVariable("time", "i4", ("time",))
    time.setncatts({"standard_name": "time", "units": EPOCH, "calendar": "standard", "axis": "T"})
    time[:] = (np.asarray(days, "datetime64[D]") - np.datetime64("1970-01-01")).astype(np.int32)
    for name in names:
        file.createDimension(name, data.sizes[name])
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts(AXES[name])
        axis[:] = data[name].to_numpy()
    crs = pyproj.CRS.from_user_input(data.attrs["crs"])
    mapping = file.createVariable("crs", "i4")
    mapping.setncatts({key: value for key, value in crs.to_cf().items() if value is not None})
    mapping.setncattr("spatial_ref", crs.to_wkt())
    chunks = (1, *(data.sizes[name] for name in names))
    for variable in dataset.variables.values():
        item = file.createVariable(
            variable.name, "f4", ("time", *names), zlib=True, complevel=4, shuffle=True, chunksizes=chunks,
            fill_value=np.float32(np.nan),
        )  # fmt: skip
        item.setncatts({"units": variable.units, "long_name": variable.title, "grid_mapping": "crs"})


def day_boundary(source: Source) -> str:
    """Where the days of a dataset begin: ``00:00 UTC`` unless its entry says otherwise."""
    return str(source.keys.get("day_boundary", source.dataset.more.get("day_boundary", "00:00 UTC")))


def _define_flag(file: netCDF4.Dataset, name: str, values: np.ndarray, meaning: str) -> None:
    flag = file.createVariable(name, values.dtype, ("time",))
    flag.setncatts({"units": "1", "long_name": meaning})
    flag[:] = values


def _check(temporary: Path, path: Path, source: Source, days: Sequence[date], manifest: pd.DataFrame) -> None:
    variables = {item.name: (item.units, item.low, item.high) for item in source.dataset.variables.values()}
    slack = max(1e-5 * (item.high - item.low) for item in source.dataset.variables.values())
    empty = is_empty(manifest) or may_be_empty(source.dataset, source.back_end)
    try:
        check_fields(temporary, variables, [day.isoformat() for day in days], tolerance=slack, may_be_empty=empty)
    except AcquireError as error:
        raise AcquireError(error.what, where=path, expected=error.expected, fix=error.fix) from None
