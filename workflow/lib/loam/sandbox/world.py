"""The files of the synthetic world, in the forms that acquired data have: GeoTIFF maps and CF-netCDF series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.grid import crs_of
from loam.io.atomic import atomic_path
from loam.sandbox.landscape import LANDCOVER
from loam.sandbox.target import Target, mapped_days

NODATA = -9999.0
DEPTH_NAMES = ("0-5 cm", "5-15 cm", "15-30 cm", "30-60 cm")


def write_maps(target: Target, paths: Mapping[str, Path]) -> None:
    """Write ``elevation``, ``awc``, ``soc``, ``clay`` (float32) and ``landcover`` (uint8) as GeoTIFF."""
    maps = target.landscape
    _write_tiff(paths["elevation"], target.geobox, maps.elevation[None], ["elevation"], "m")
    for name, field in (("awc", maps.awc), ("soc", maps.soc), ("clay", maps.clay)):
        _write_tiff(paths[name], target.geobox, field, [f"{name} {depth}" for depth in DEPTH_NAMES], "%")
    classes = " ".join(f"{code}={name}" for name, code in LANDCOVER.items())
    _write_tiff(paths["landcover"], target.geobox, maps.landcover[None], ["landcover"], classes)


def write_series(target: Target, paths: Mapping[str, Path]) -> None:
    """Write ``weather`` and ``coarse_moisture`` of the mapped days and those before them as CF-netCDF."""
    held = mapped_days(target)
    days = target.days[held]
    rain, tmin, tmax = target.weather[:, held]
    surface, rootzone = target.coarse[:, held]
    write_netcdf(
        paths["weather"], target.weather_grid, days,
        {"rain": (rain, "mm d-1", "rain"), "tmin": (tmin, "degC", "minimum air temperature"),
         "tmax": (tmax, "degC", "maximum air temperature")},
    )  # fmt: skip
    write_netcdf(
        paths["coarse_moisture"], target.coarse_grid, days,
        {"sm_surface": (surface, "m3 m-3", "modelled moisture of the top few centimetres"),
         "sm_rootzone": (rootzone, "m3 m-3", "modelled moisture of the root zone")},
    )  # fmt: skip


def write_truth(target: Target, path: Path) -> None:
    """Write the true moisture of the mapped days: variables ``surface`` (0-30 cm) and ``subsurface`` (30-60 cm)."""
    truth = (
        np.stack(list(target.truth.values())) if target.truth else np.empty((0, 2, *target.geobox.shape), np.float32)
    )
    write_netcdf(
        path, target.geobox, pd.DatetimeIndex(list(target.truth)),
        {"surface": (truth[:, 0], "m3 m-3", "true moisture 0-30 cm"),
         "subsurface": (truth[:, 1], "m3 m-3", "true moisture 30-60 cm")},
    )  # fmt: skip


def write_netcdf(
    path: Path, geobox: GeoBox, days: pd.DatetimeIndex, variables: Mapping[str, tuple[np.ndarray, str, str]]
) -> None:
    """Write daily fields as CF-netCDF.

    Args:
        path: of the file.
        geobox: grid of the fields.
        days: first axis of the fields.
        variables: name -> (values [day, row, column], units, long name).
    """
    transform, (height, width) = geobox.transform, geobox.shape
    axes = {
        "time": ("time", days.to_numpy("datetime64[ns]"), {"standard_name": "time", "long_name": "day"}),
        "y": ("y", transform.f + transform.e * (np.arange(height) + 0.5),
              {"standard_name": "projection_y_coordinate", "units": "m"}),
        "x": ("x", transform.c + transform.a * (np.arange(width) + 0.5),
              {"standard_name": "projection_x_coordinate", "units": "m"}),
    }  # fmt: skip
    dataset = xr.Dataset(
        {
            name: (("time", "y", "x"), values, {"units": units, "long_name": title, "grid_mapping": "crs"})
            for name, (values, units, title) in variables.items()
        },
        coords=axes,
        attrs={"Conventions": "CF-1.8", "title": "synthetic world of loam's default run"},
    )
    dataset["crs"] = ((), np.int32(0), crs_of(geobox).to_cf())
    encoding = {name: {"zlib": True, "complevel": 4, "_FillValue": np.float32(np.nan)} for name in variables}
    encoding["time"] = {"units": "days since 1970-01-01", "dtype": "int32"}
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine="netcdf4", encoding=encoding)


def _write_tiff(path: Path, geobox: GeoBox, bands: np.ndarray, names: Sequence[str], units: str) -> None:
    real = bands.dtype.kind == "f"
    profile = {
        "driver": "GTiff", "dtype": bands.dtype, "count": len(bands), "height": geobox.shape[0],
        "width": geobox.shape[1], "crs": geobox.crs.to_wkt(), "transform": geobox.transform, "tiled": True,
        "blockxsize": 256, "blockysize": 256, "compress": "deflate", "predictor": 3 if real else 2,
        "nodata": NODATA if real else 0,
    }  # fmt: skip
    with atomic_path(path) as temporary, rasterio.open(temporary, "w", **profile) as dataset:
        dataset.write(np.where(np.isnan(bands), np.float32(NODATA), bands) if real else bands)
        dataset.descriptions = tuple(names)
        dataset.units = (units,) * len(bands)
