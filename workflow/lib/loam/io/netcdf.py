"""Open a netCDF file and read from it; damage is an error that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from loam.errors import RasterError

# What xarray, netCDF4 and pandas raise for headers, attributes and times that make no sense.
DAMAGE = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    MemoryError,
)


@contextmanager
def open_netcdf(path: str | Path, **options: Any) -> Iterator[xr.Dataset]:
    """Open a file with times decoded and values read when they are asked for.

    Raises:
        RasterError: there is no such file, or it cannot be read as CF-netCDF.
    """
    path = Path(path)
    if not path.is_file():
        raise RasterError("no such file", where=path, fix="check its path in the config, or run the rule that makes it")
    try:
        data = xr.open_dataset(path, engine="netcdf4", cache=False, decode_timedelta=False, **options)
    except DAMAGE as error:
        raise RasterError(
            f"cannot be read as netCDF ({error})",
            where=path,
            expected="a CF-netCDF file",
            fix="fetch or write it again",
        ) from None
    with data:
        yield data


def values_of(array: xr.DataArray | xr.Variable, path: Path) -> np.ndarray:
    """The values of a variable, or of the part of it that was chosen.

    Raises:
        RasterError: they are damaged.
    """
    try:
        return np.asarray(array.values)
    except DAMAGE as error:
        raise RasterError(
            f"'{getattr(array, 'name', None) or 'a variable'}' cannot be read ({error})", where=path,
            expected="a whole netCDF file", fix="fetch or write it again",
        ) from None  # fmt: skip
