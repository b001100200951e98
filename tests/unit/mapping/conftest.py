"""Members with drawn weights, and a small region with rasters on three grids to map with them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine
from networks import a_network

from loam.config.sections.mapping import MapInput
from loam.covariates.features import feature_set
from loam.models.parts.initial import draw_parameters
from loam.training.card import Members
from loam.training.scaling import Scaler

DAY = "2022-08-15"
FEATURES = {
    "static": ["elevation", "clay"],
    "daily": [{"name": "rain", "lags": [0, 1]}],
    "classes": [{"name": "landcover", "values": ["PAST", "FORE"]}],
    "day_of_year": True,
    "sequence": {"variables": ["sm_surface", "sm_rootzone"], "lags": [0, 3]},
}
NETWORKS = {
    "mlp": {"hidden": [16, 8], "frozen": 1, "output": "linear"},
    "lstm": {"units": 6, "dense": 10, "hidden": [16, 8], "frozen": 1, "output": "linear"},
}
ROWS, COLS = 45, 70
CORNER = (540_000.0, 5_360_000.0)


def draw_members(
    model: str, count: int, *, layers=("surface", "subsurface"), one_scaler=True, features=FEATURES
) -> Members:
    """Members with random weights and scalers of plausible size."""
    features = feature_set(features)
    network = a_network(model, NETWORKS[model], features.shape, len(layers))
    rng = np.random.default_rng(5)
    size = np.where(np.array(features.columns) == "elevation", 300.0, 1.0)
    shape = (1 if one_scaler else count, len(size))
    mean, std = rng.normal(1, 0.5, shape) * size, rng.uniform(1, 3, shape) * size
    scalers = [np.broadcast_to(part, (count, len(size))).copy() for part in (mean, std)]
    card = {
        "model": model, "scenario": "transfer", "layers": list(layers), "features": features.columns,
        "shape": list(features.shape),
        "range": {"minimum": [-1e4] * len(size), "maximum": [1e4] * len(size), "classes": {"landcover": [1, 1]}},
    }  # fmt: skip
    parameters = draw_parameters(network, range(count))
    parameters["output.weight"] *= 0.2
    parameters["output.bias"] += 0.4  # outputs like moisture, some of them negative
    return Members([network], [parameters], Scaler(*scalers), card)


def write_tiff(path: Path, values: np.ndarray, nodata=None) -> str:
    """One band on the region's grid."""
    transform = Affine(80.0, 0.0, CORNER[0], 0.0, -80.0, CORNER[1])
    profile = {"driver": "GTiff", "dtype": values.dtype, "count": 1, "transform": transform, "crs": "EPSG:28355"}
    with rasterio.open(path, "w", **profile, height=values.shape[0], width=values.shape[1], nodata=nodata) as dataset:
        dataset.write(values, 1)
    return str(path)


def write_series(path: Path, names: list[str], cell: float, shape: tuple[int, int], rng) -> str:
    """Daily fields on square cells that start at the region's corner."""
    days = pd.date_range("2022-08-10", DAY)
    x, y = (CORNER[0] + cell * (np.arange(shape[1]) + 0.5), CORNER[1] - cell * (np.arange(shape[0]) + 0.5))
    fields = {
        name: (("time", "y", "x"), rng.random((len(days), *shape)).astype(np.float32), {"grid_mapping": "crs"})
        for name in names
    }
    dataset = xr.Dataset(fields, coords={"time": days, "y": y, "x": x})
    dataset["crs"] = ((), np.int32(0), pyproj.CRS("EPSG:28355").to_cf())
    dataset.to_netcdf(path, engine="netcdf4")
    return str(path)


@pytest.fixture(scope="session")
def region(tmp_path_factory) -> dict:
    """Rasters of a region of 45 x 70 pixels: its inputs as the config names them, and the raster of its land."""
    folder, rng = tmp_path_factory.mktemp("region"), np.random.default_rng(1)
    elevation = rng.uniform(0, 900, (ROWS, COLS)).astype(np.float32)
    elevation[:, 60:] = -9999  # the sea
    clay = rng.uniform(3, 60, (ROWS, COLS)).astype(np.float32)
    clay[5:9, 3:30] = np.nan  # a gap
    cover = rng.integers(1, 3, (ROWS, COLS)).astype(np.uint8)
    cover[20, :5] = 9  # a class the model does not know
    land = write_tiff(folder / "elevation.tif", elevation, nodata=-9999)
    inputs = [
        {"feature": "elevation", "file": land},
        {"feature": "clay", "file": write_tiff(folder / "clay.tif", clay)},
        {"feature": "landcover", "file": write_tiff(folder / "cover.tif", cover), "classes": {"PAST": 1, "FORE": 2}},
        {"feature": "rain", "file": write_series(folder / "rain.nc", ["rain"], 400.0, (10, 15), rng)},
        {
            "feature": ["sm_surface", "sm_rootzone"],
            "file": write_series(folder / "coarse.nc", ["sm_surface", "sm_rootzone"], 2000.0, (2, 3), rng),
        },
    ]
    mapped = (elevation > 0) & np.isfinite(clay) & (cover < 3)
    return {
        "land": land,
        "inputs": [MapInput(**{**item, "file": str(item["file"])}) for item in inputs],
        "mapped": mapped,
        "folder": folder,
    }


@pytest.fixture(scope="session")
def members():
    """The function that draws members."""
    return draw_members
