"""Open a netCDF file and read from it; damage is an error that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from loam.errors import LoamError, RasterError, naming

AGAIN = "fetch or write it again"


@contextmanager
def open_netcdf(path: str | Path, *, kind: type[LoamError] = RasterError, **options: Any) -> Iterator[xr.Dataset]:
    """Open a file with times decoded and values read when they are asked for.

    Args:
        path: of the file.
        kind: class of the error.
        options: of ``xarray.open_dataset``.

    Raises:
        LoamError: of that class; there is no such file, or it cannot be read as CF-netCDF.
    """
    path = Path(path)
    if not path.is_file():
        raise kind("no such file", where=path, fix="check its path in the config, or run the rule that makes it")
    with naming(kind, "cannot be read as netCDF", where=path, expected="a CF-netCDF file", fix=AGAIN):
        data = xr.open_dataset(path, engine="netcdf4", cache=False, **{"decode_timedelta": False, **options})
    with data:
        yield data


def values_of(
    array: xr.DataArray | xr.Variable, path: str | Path, *, kind: type[LoamError] = RasterError
) -> np.ndarray:
    """The values of a variable, or of the part of it that was chosen; NaN outside its ``valid_range`` (CF 2.5.1).

    Raises:
        LoamError: of class ``kind``; they are damaged.
    """
    name = getattr(array, "name", None) or "a variable"
    with naming(kind, f"'{name}' cannot be read", where=path, expected="a whole netCDF file", fix=AGAIN):
        values = np.asarray(array.values)
        low, high = _valid_range(array)
    if values.dtype.kind == "f" and np.isfinite([low, high]).any():
        with np.errstate(invalid="ignore"):
            values = np.where((values < low) | (values > high), np.nan, values).astype(values.dtype)
    return values


def _valid_range(array: xr.DataArray | xr.Variable) -> tuple[float, float]:
    """Least and greatest valid value, of values as they are unpacked; infinite where the file names none.

    Of packed values the attributes have the packed type, else they are of the unpacked ones.
    """
    about, packing = array.attrs, array.encoding
    low, high = about.get("valid_range", (about.get("valid_min", -np.inf), about.get("valid_max", np.inf)))
    scale, offset = packing.get("scale_factor"), packing.get("add_offset")
    if scale is not None or offset is not None:
        packed = np.dtype(packing.get("dtype", float)).kind in "iu"
        factor, shift = (1.0 if scale is None else float(scale)), (0.0 if offset is None else float(offset))
        low, high = (
            float(end) * factor + shift if packed and np.asarray(end).dtype.kind in "iu" else float(end)
            for end in (low, high)
        )
    low, high = sorted((float(low), float(high)))
    return low, high
