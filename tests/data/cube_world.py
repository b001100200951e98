"""A small region with everything a cube is built from: maps, fields of three months, passes, composites."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
import xarray as xr
from affine import Affine

from loam.covariates.read.cube import Cube
from loam.covariates.read.derive import Settings
from loam.covariates.build.dynamic import build_month
from loam.covariates.build.land import build_grid
from loam.covariates.build.static import build_static
from loam.raster.grid import Grid

ROWS, COLS, SIDE, TILE = 75, 110, 80.0, 32
CORNER = (540_000.0, 5_360_000.0)
CRS = "EPSG:28355"
MONTHS = ("2020-01", "2020-02", "2020-03")
BOUNDS = [CORNER[0], CORNER[1] - ROWS * SIDE, CORNER[0] + COLS * SIDE, CORNER[1]]
AGES = {"sentinel1": 12, "sentinel2": 20, "vegetation": 32}
SETTINGS = Settings("majority", "nearest", AGES, sum_days=(5, 30), missing_share=0.2)


def write_tiff(path: Path, bands, *, corner=CORNER, side=SIDE, crs=CRS, nodata=-9999.0, names=(), units=None) -> Path:
    """A north-up GeoTIFF of ``bands`` [band, row, column] or [row, column]."""
    bands = np.asarray(bands)
    bands = bands[None] if bands.ndim == 2 else bands
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "dtype": bands.dtype, "count": len(bands), "height": bands.shape[1], "width": bands.shape[2],
        "transform": Affine(side, 0, corner[0], 0, -side, corner[1]), "crs": crs, "nodata": nodata,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(bands)
        if names:
            dataset.descriptions = names
        if units:
            dataset.units = units if isinstance(units, tuple) else (units,) * len(bands)
    return path


def write_fields(path: Path, variables, days, x, y, *, crs="EPSG:4326", units=None, whole=None) -> Path:
    """A CF-netCDF of daily fields [time, y, x]; ``whole`` are variables of the day alone."""
    units = units or {}
    dataset = xr.Dataset(
        {name: (("time", "y", "x"), np.asarray(values, np.float32), {"grid_mapping": "crs", "units": units[name]})
         for name, values in variables.items()},
        coords={"time": pd.DatetimeIndex(days), "y": ("y", y), "x": ("x", x)},
    )  # fmt: skip
    for name, values in (whole or {}).items():
        dataset[name] = ("time", np.asarray(values, np.float32))
    dataset["crs"] = ((), np.int32(0), pyproj.CRS(crs).to_cf())
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(path, engine="netcdf4")
    return path


def month_days(month: str) -> pd.DatetimeIndex:
    return pd.date_range(f"{month}-01", periods=pd.Period(month).days_in_month)


@dataclass
class World:
    folder: Path
    grid: Grid
    maps: dict[str, np.ndarray]

    def cube(self, settings: Settings = SETTINGS, months=MONTHS, outliers: float | None = None) -> Cube:
        return Cube(
            self.grid, self.folder / "static.zarr", [self.folder / "dynamic" / f"{month}.zarr" for month in months],
            settings, outliers=outliers,
        )  # fmt: skip


def build_world(folder: Path) -> World:
    """The region's maps, static store and months of three in ``folder``."""
    rng = np.random.default_rng(7)
    row, col = np.mgrid[:ROWS, :COLS]
    clum = rng.choice([320, 330, 210, 220, 430, 541], (ROWS, COLS)).astype(np.uint16)
    clum[:, :6], clum[:4] = 663, 0  # sea in the west, no map in the north
    elevation = (300 + 3.0 * col + 40 * np.sin(row / 9) + rng.normal(0, 1, row.shape)).astype(np.float32)
    elevation[40:42, 50:53] = np.nan
    maps = {
        "clay": rng.uniform(5, 60, (4, ROWS, COLS)).astype(np.float32), "clum": clum, "elevation": elevation,
        "bulk_density": rng.uniform(0.9, 1.6, (4, ROWS, COLS)).astype(np.float32),
    }  # fmt: skip
    maps["clay"][:, 60:62, 70] = -9999
    files = {
        "clay": write_tiff(folder / "soil" / "clay.tif", maps["clay"], units="%"),
        "bulk_density": write_tiff(folder / "soil" / "bulk_density.tif", maps["bulk_density"] * 1000, units="kg m-3"),
        "elevation": write_tiff(folder / "dem" / "elevation.tif", elevation, nodata=np.nan, units="m"),
        "clum": write_tiff(folder / "landcover" / "clum.tif", clum, nodata=0),
    }
    settings = {"crs": CRS, "bounds": BOUNDS, "resolution": SIDE}
    grid = build_grid(settings, TILE, files["clum"], folder / "land.tif")
    build_static(
        grid, folder / "static.zarr", soil=[files["clay"], files["bulk_density"]], terrain=[files["elevation"]],
        landcover=[files["clum"]], shares=True,
    )  # fmt: skip
    _write_months(folder, grid, rng)
    return World(folder, grid, maps)


def _write_months(folder: Path, grid: Grid, rng: np.random.Generator) -> None:
    coarse_x, coarse_y = 147.4 + 0.09 * np.arange(5), -41.8 - 0.07 * np.arange(5)
    fine_x, fine_y = 147.44 + 0.0125 * np.arange(16), -41.87 - 0.0125 * np.arange(14)
    for month in MONTHS:
        days = month_days(month)
        moisture = {name: rng.uniform(0.1, 0.4, (len(days), 5, 5)) for name in ("sm_surface", "sm_rootzone")}
        moisture["sm_surface"][3, 1, 1] = np.nan
        rain = rng.gamma(0.4, 6, (len(days), 14, 16))
        rain[rng.random(rain.shape) < 0.03] = np.nan
        temperature = {name: rng.uniform(5, 25, rain.shape) for name in ("tmin", "tmax")}
        held = np.ones(len(days), bool)
        held[9] = month != "2020-02"  # a day that February's weather does not have
        coarse = write_fields(
            folder / "smap" / f"{month}.nc", moisture, days, coarse_x, coarse_y,
            units=dict.fromkeys(moisture, "m3 m-3"), whole={"n_fields": np.full(len(days), 8)},
        )  # fmt: skip
        weather = write_fields(
            folder / "weather" / f"{month}.nc", {"rain": rain[held], **{k: v[held] for k, v in temperature.items()}},
            days[held], fine_x, fine_y, units={"rain": "mm d-1", "tmin": "degC", "tmax": "degC"},
        )  # fmt: skip
        passes = [_write_pass(folder / "sentinel1" / f"{day:%Y-%m-%d}_81_S1A.tif", rng) for day in days[2::6]]
        tiles = [_write_tile(folder / "sentinel2" / f"{day:%Y-%m-%d}_55GDN.tif", rng) for day in days[1::5]]
        ndvi = rng.uniform(0.1, 0.8, (2, 30, 42))
        ndvi[:, 3] = np.nan
        composite = write_fields(
            folder / "modis" / f"{month}.nc", {"ndvi": ndvi}, days[[0, 16]], 539_900 + 250 * np.arange(42),
            5_360_100 - 250 * np.arange(30), crs=CRS, units={"ndvi": "1"},
        )  # fmt: skip
        build_month(
            month, grid, folder / "dynamic" / f"{month}.zarr", coarse_moisture=[coarse], weather=[weather],
            vegetation=[composite], sentinel1=passes, sentinel2=tiles,
        )  # fmt: skip


def _write_pass(path: Path, rng: np.random.Generator) -> Path:
    bands = np.stack([rng.uniform(0.02, 0.3, (ROWS, COLS)), rng.uniform(0.005, 0.06, (ROWS, COLS)),
                      rng.uniform(20, 50, (ROWS, COLS))]).astype(np.float32)  # fmt: skip
    bands[:, :, rng.integers(40, 80) :] = np.nan
    bands[1, 10:12] = np.nan
    return write_tiff(
        path, bands, nodata=np.nan, names=("vv", "vh", "local_incidence"), units=("1", "1", "degree"),
    )  # fmt: skip


def _write_tile(path: Path, rng: np.random.Generator) -> Path:
    """A part of the region's pixels."""
    bands = np.concatenate([rng.uniform(-0.1, 0.9, (2, 50, 60)), np.ones((1, 50, 60))]).astype(np.float32)
    bands[:2, rng.random((50, 60)) < 0.5] = np.nan
    corner = (CORNER[0] + 20 * SIDE, CORNER[1] - 10 * SIDE)
    return write_tiff(
        path, bands, corner=corner, nodata=np.nan, names=("ndvi", "ndwi", "valid_share"), units=("1", "1", "1")
    )  # fmt: skip
