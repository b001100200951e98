"""A gridded file as arrays of its own: HDF5 (netCDF-4 is HDF5) through h5py, classic netCDF through netCDF4.

HDF5 can lie at a server (``loam.acquire.http.remote_file``): what is read is then all that is fetched. Values come
decoded: float32, NaN where the file's fill value stands, scale and offset applied (CF conventions, 2.5.1 and 8.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import cftime
import h5py
import netCDF4
import numpy as np

from loam.acquire.http.content import HDF5
from loam.errors import AcquireError

LATITUDES, LONGITUDES, TIMES = ("lat", "latitude"), ("lon", "longitude"), ("time", "valid_time")


class GridFile:
    """An open file; ``open_grid_file`` makes it.

    Args:
        file: of h5py or of netCDF4 (masks and scales off).
        where: what it is, for errors.
    """

    def __init__(self, file: h5py.File | netCDF4.Dataset, where: str) -> None:
        self._file, self.where = file, where

    def __contains__(self, name: str) -> bool:
        return name in self._file if isinstance(self._file, h5py.File) else name in self._file.variables

    def first_of(self, names: Sequence[str]) -> str:
        """The first of ``names`` that the file has."""
        found = next((name for name in names if name in self), None)
        if found is None:
            raise AcquireError(f"has no {' or '.join(names)}", where=self.where)
        return found

    def shape(self, name: str) -> tuple[int, ...]:
        """Sizes of a variable.

        Raises:
            AcquireError: the file does not have it.
        """
        return tuple(self._variable(name).shape)

    def attribute(self, name: str, key: str) -> Any:
        """An attribute of a variable: text, a number, or None."""
        variable = self._variable(name)
        value = variable.attrs.get(key) if isinstance(self._file, h5py.File) else getattr(variable, key, None)
        if isinstance(value, np.ndarray):
            value = value.ravel()[0] if value.size else None
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def check_units(self, name: str, expected: Sequence[str]) -> None:
        """Check that a variable's units are one of those expected.

        Raises:
            AcquireError: they are others.
        """
        if (units := self.attribute(name, "units")) not in expected:
            raise AcquireError(f"{name} has units {units!r}", where=self.where, expected=" or ".join(expected))

    def raw(self, name: str, *key: slice | int) -> np.ndarray:
        """Values as stored."""
        return np.asarray(self._variable(name)[key if key else ...])

    def values(self, name: str, *key: slice | int, nodata: float | None = None) -> np.ndarray:
        """Values decoded, float32; ``nodata`` is missing besides the file's own fill values."""
        stored = self.raw(name, *key)
        fills = [self.attribute(name, attribute) for attribute in ("_FillValue", "missing_value")] + [nodata]
        missing = np.zeros(stored.shape, bool)
        for fill in fills:
            if fill is not None and np.isfinite(float(fill)):
                missing |= stored == stored.dtype.type(fill) if _fits(fill, stored.dtype) else False
        scale, offset = self.attribute(name, "scale_factor"), self.attribute(name, "add_offset")
        values = stored.astype(np.float64)
        values = values * (1.0 if scale is None else float(scale)) + (0.0 if offset is None else float(offset))
        return np.where(missing | ~np.isfinite(values), np.nan, values).astype(np.float32)

    def days(self) -> list[date]:
        """The days of the coordinate ``time``."""
        name = self.first_of(TIMES)
        units, calendar = self.attribute(name, "units"), self.attribute(name, "calendar") or "standard"
        try:
            times = cftime.num2date(self.raw(name).ravel(), str(units), str(calendar))
        except (ValueError, TypeError) as error:
            raise AcquireError(f"time has units '{units}' ({error})", where=self.where) from None
        return [date(time.year, time.month, time.day) for time in times]

    def _variable(self, name: str) -> Any:
        if name not in self:
            raise AcquireError(f"has no {name}", where=self.where, expected=f"the variable {name}")
        return self._file[name] if isinstance(self._file, h5py.File) else self._file.variables[name]


@contextmanager
def open_grid_file(file: Path | BinaryIO, where: str) -> Iterator[GridFile]:
    """Open an HDF5 or netCDF file, or a file-like object that holds HDF5.

    Raises:
        AcquireError: it cannot be read, when it is opened or later.
    """
    try:
        if isinstance(file, Path) and not _is_hdf5(file):
            with netCDF4.Dataset(file) as opened:
                opened.set_auto_maskandscale(False)
                yield GridFile(opened, where)
        else:
            with h5py.File(file, "r") as opened:
                yield GridFile(opened, where)
    except (OSError, RuntimeError, KeyError, ValueError, IndexError) as error:
        raise AcquireError(f"cannot be read ({error})", where=where, expected="a whole HDF5 or netCDF file") from error


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith(HDF5)


def _fits(fill: Any, kind: np.dtype) -> bool:
    """Whether a value of type ``kind`` can be ``fill`` at all."""
    if kind.kind == "f":
        return True
    limits = np.iinfo(kind)
    return float(fill).is_integer() and limits.min <= float(fill) <= limits.max
