"""Is a file what was asked for? By its first bytes, its grid, its names, its days and what is physically possible.

A check raises an AcquireError that names the file and says what was found; it returns nothing when all is well.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.acquire.http.content import HDF5, HEAD, NETCDF, NPY, TIFF, ZIP, describe, is_html, is_xml
from loam.errors import AcquireError, RasterError
from loam.io.archives import check_members, open_zip
from loam.io.netcdf import open_netcdf, values_of
from loam.raster.grid import geobox_of, open_raster, present, same_grid

_MAGIC = {"tiff": TIFF, "hdf5": HDF5, "netcdf": NETCDF + HDF5, "zip": ZIP, "npy": NPY}
KINDS = (*_MAGIC, "json", "xml")
Y_NAMES, X_NAMES = ("y", "lat", "latitude"), ("x", "lon", "longitude")
BLOCK = 1 << 22  # values of a map held at once


def check_magic(path: Path, kind: str, *, expect_member: str | None = None, whole: bool = False) -> None:
    """Check that ``path`` is a file of ``kind``: ``tiff, hdf5, netcdf, zip, json, xml, npy``.

    Args:
        path: the file; its suffix does not matter.
        kind: netcdf is the classic format or HDF5. An HDF5 file is opened, which shows one cut short; so is a ZIP's
            directory, which stands at its end.
        expect_member: a ZIP must hold a member of this name (``*`` and ``?`` as in a shell).
        whole: read every member of a ZIP and compare its checksum.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind '{kind}', expected one of {', '.join(KINDS)}")
    with path.open("rb") as file:
        head = file.read(HEAD)
    if kind in _MAGIC:
        right = head.startswith(_MAGIC[kind])
    elif kind == "xml":
        right = is_xml(head) and not is_html(head)
    else:
        right = head.lstrip()[:1] in (b"{", b"[")
    if not right:
        raise AcquireError(f"is {describe(head)}", where=path, expected=f"a file of kind {kind}")
    if kind == "zip":
        _check_zip(path, expect_member, whole)
    elif kind == "json":
        _check_json(path)
    elif head.startswith(HDF5):
        _check_hdf5(path)


def check_map(
    path: Path,
    geobox: GeoBox,
    bands: Iterable[str],
    ranges: Mapping[str, tuple[float, float]],
    tags: Mapping[str, str] | None = None,
    *,
    tolerance: float = 0.0,
    may_be_empty: bool = False,
) -> None:
    """Check a GeoTIFF: grid, names of the bands, physical range, and that no band is all missing.

    Args:
        path: the file.
        geobox: the CRS, transform and shape that it must have (to a thousandth of a pixel).
        bands: names of its bands, in order.
        ranges: lowest and highest value that a band can have; a band without one is not checked.
        tags: tags of the file that must be there with these values.
        tolerance: by how much values may lie outside their range, in the band's unit.
        may_be_empty: whether a band may be all missing (a tile at sea).
    """
    bands = list(bands)
    _check_known(ranges, bands)
    try:
        with open_raster(path) as dataset:
            found = geobox_of(dataset)
            if not same_grid(found, geobox):
                raise AcquireError(f"is on {_grid_text(found)}", where=path, expected=_grid_text(geobox))
            if list(dataset.descriptions) != bands:
                names = ", ".join(str(name) for name in dataset.descriptions)
                raise AcquireError(f"has bands {names}", where=path, expected=", ".join(bands))
            for name, value in (tags or {}).items():
                if dataset.tags().get(name) != value:
                    raise AcquireError(f"tag {name} is {dataset.tags().get(name)!r}", where=path, expected=repr(value))
            rows = max(1, BLOCK // dataset.width)
            for band, name in enumerate(bands, start=1):
                seen = _Seen()
                for row in range(0, dataset.height, rows):
                    window = ((row, min(row + rows, dataset.height)), (0, dataset.width))
                    values = dataset.read(band, window=window)
                    seen.add(values[present(values, dataset.nodatavals[band - 1])])
                seen.check(path, f"band {name}", ranges.get(name), tolerance, may_be_empty)
    except RasterError as error:
        raise AcquireError(error.what, where=path, expected=error.expected) from None
    except OSError as error:
        raise AcquireError(f"cannot be read ({error})", where=path, expected="a whole GeoTIFF") from None


def check_fields(
    path: Path,
    variables: Mapping[str, tuple[str, float, float]],
    times: Iterable[date | str | pd.Timestamp],
    *,
    tolerance: float = 0.0,
    may_be_empty: bool = False,
) -> None:
    """Check a canonical netCDF file of fields: days, coordinates, variables, units, physical range, not all missing.

    Args:
        path: the file.
        variables: name -> (units, lowest, highest value).
        times: the days that it must have, in this order, each at midnight.
        tolerance: by how much values may lie outside their range, in the variable's unit.
        may_be_empty: whether a variable may be all missing: nothing is published yet, or the whole is a known gap.
    """
    check_magic(path, "netcdf")
    with open_netcdf(path, kind=AcquireError) as dataset:
        _check_times(path, dataset, pd.DatetimeIndex(list(times)))
        for names in (Y_NAMES, X_NAMES):
            _check_axis(path, dataset, names)
        for name, (units, low, high) in variables.items():
            if name not in dataset.data_vars:
                there = ", ".join(str(item) for item in dataset.data_vars)
                raise AcquireError(f"has no variable {name}", where=path, expected=f"it among {there}")
            variable = dataset[name]
            if variable.attrs.get("units") != units:
                raise AcquireError(
                    f"{name} has units {variable.attrs.get('units')!r}", where=path, expected=repr(units)
                )
            seen = _Seen()
            for values in _slices(variable, path):
                seen.add(values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel())
            seen.check(path, name, (low, high), tolerance, may_be_empty)


class _Seen:
    """Count, least and greatest of values seen block by block."""

    def __init__(self) -> None:
        self.count, self.low, self.high = 0, np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        if values.size:
            self.count += values.size
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def check(
        self, path: Path, name: str, limits: tuple[float, float] | None, tolerance: float, may_be_empty: bool
    ) -> None:
        if not self.count:
            if may_be_empty:
                return
            raise AcquireError(f"{name} is all missing", where=path, expected="values in some places")
        if limits is not None and (self.low < limits[0] - tolerance or self.high > limits[1] + tolerance):
            raise AcquireError(
                f"{name} has values from {self.low:g} to {self.high:g}", where=path,
                expected=f"{limits[0]:g} to {limits[1]:g}", fix="check the band, its unit and its scale",
            )  # fmt: skip


def _slices(variable: xr.DataArray, path: Path) -> Iterator[np.ndarray]:
    """The values of ``variable``, a step of its first dimension at a time where it has three."""
    if variable.ndim < 3:
        yield values_of(variable, path, kind=AcquireError)
        return
    step = max(1, BLOCK // max(1, int(np.prod(variable.shape[1:]))))
    for start in range(0, variable.shape[0], step):
        yield values_of(variable[start : start + step], path, kind=AcquireError)


def _check_times(path: Path, dataset: xr.Dataset, asked: pd.DatetimeIndex) -> None:
    found = dataset.indexes.get("time")
    if not isinstance(found, pd.DatetimeIndex):
        raise AcquireError("has no coordinate time", where=path)
    if len(found) == len(asked) and (found == asked).all():
        return
    missing, extra = asked.difference(found), found.difference(asked)
    text = "; ".join(
        f"{word} {len(days)} days ({', '.join(str(day)[:10] for day in days[:3])}{', ...' if len(days) > 3 else ''})"
        for word, days in (("lacks", missing), ("has besides", extra))
        if len(days)
    )
    raise AcquireError(
        text or "its days are not in order, or one is there twice", where=path,
        expected=f"{len(asked)} days from {asked[0]:%Y-%m-%d} to {asked[-1]:%Y-%m-%d}" if len(asked) else "no day",
    )  # fmt: skip


def _check_axis(path: Path, dataset: xr.Dataset, names: tuple[str, ...]) -> None:
    name = next((name for name in names if name in dataset.coords and dataset[name].ndim == 1), None)
    if name is None:
        raise AcquireError(f"has no coordinate {' or '.join(names)}", where=path)
    values = np.asarray(dataset[name].values, dtype=float)
    steps = np.diff(values)
    if not np.isfinite(values).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise AcquireError(f"coordinate {name} does not grow or fall from cell to cell", where=path)


def _check_known(ranges: Mapping[str, object], bands: list[str]) -> None:
    if unknown := sorted(set(ranges) - set(bands)):
        raise ValueError(f"a range is given for {', '.join(unknown)}, which is no band of {', '.join(bands)}")


def _grid_text(geobox: GeoBox) -> str:
    transform = geobox.transform
    crs = f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else geobox.crs.proj.name
    return (
        f"{geobox.shape[0]} x {geobox.shape[1]} pixels of {transform.a:g} x {transform.e:g} from "
        f"({transform.c:.10g}, {transform.f:.10g}), {crs}"
    )


def _check_zip(path: Path, member: str | None, whole: bool) -> None:
    with open_zip(path, kind=AcquireError, expected="a whole ZIP archive") as archive:
        names = archive.namelist()
        if member is not None and not fnmatch.filter(names, member):
            raise AcquireError(
                f"is a ZIP archive of {len(names)} members ({', '.join(names[:3])})", where=path,
                expected=f"a member {member}",
            )  # fmt: skip
        if whole:
            check_members(archive, names, kind=AcquireError)


def _check_json(path: Path) -> None:
    try:
        json.loads(path.read_bytes())
    except ValueError as error:
        raise AcquireError(f"cannot be read as JSON ({error})", where=path) from None


def _check_hdf5(path: Path) -> None:
    try:
        with h5py.File(path, "r"):
            pass
    except (OSError, RuntimeError) as error:
        raise AcquireError(f"cannot be opened ({error})", where=path, expected="a whole HDF5 file") from None
