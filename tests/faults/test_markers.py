"""What other programs write for "missing" never comes through a door as a number: it is missing, or an error that
names the file. Every door is tried with every marker, that no attribute of the file tells.

Readers of probes hand on what the file holds; ``tests/unit/probes/test_prepare.py`` tries the chain after them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import xarray as xr
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.local.layout import Layout
from loam.acquire.local.local_fields import read_local_fields
from loam.acquire.local.local_source import LocalSource
from loam.config.sections.mapping import MapInput
from loam.config.sections.probes import StationMap
from loam.covariates.build.dynamic import build_month
from loam.covariates.build.static import build_static
from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.datasets.murrumbidgee import store_table
from loam.datasets.uscrn_weather import daily_weather
from loam.datasets.yanco import read_station
from loam.errors import LoamError
from loam.evaluation.map_score import paired
from loam.probes.readings import STATIONS
from loam.probes.station_maps import fill_from_maps
from loam.probes.uscrn import DAILY as USCRN_COLUMNS
from loam.raster.grid import grid_like
from loam.samples.brought_table import read_station_table
from loam.samples.point_tables import read_points
from loam.sentinel1.heights import metres_of

MARKERS = [-999.0, 1e20, 7999.0, -99.9, -127.0, 65535.0, -9999.0, 9.96921e36, np.inf]
DAYS = pd.date_range("2020-02-01", "2020-02-29")
SIDE = 24
TRANSFORM = Affine(80, 0, 540_000, 0, -80, 5_360_000)
GRID = GeoBox((SIDE, SIDE), TRANSFORM, "EPSG:28355")
NONE = {"static": [], "daily": [], "classes": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]}}
COLUMNS = {"station": "station", "date": "date", "latitude": "lat", "longitude": "lon"}


@dataclass(frozen=True)
class Door:
    """A way in: ``write`` makes a file of sound values with a marker among them, ``read`` gives what comes through."""

    low: float
    high: float
    write: Callable[[Path, np.ndarray], Path]
    read: Callable[[Path], object]


def raster(name: str, unit: str | None = None) -> Callable[[Path, np.ndarray], Path]:
    def write(folder: Path, values: np.ndarray) -> Path:
        path = folder / name
        pixels = np.resize(values, (1, SIDE, SIDE)).astype(np.float32)
        with rasterio.open(
            path, "w", driver="GTiff", dtype="float32", count=1, height=SIDE, width=SIDE, crs="EPSG:28355",
            transform=TRANSFORM,
        ) as dataset:  # fmt: skip
            dataset.write(pixels)
            if unit:
                dataset.set_band_unit(1, unit)
        return path

    return write


def netcdf(name: str, unit: str, file: str = "2020.nc") -> Callable[[Path, np.ndarray], Path]:
    def write(folder: Path, values: np.ndarray) -> Path:
        y, x = -41.8 - 0.1 * np.arange(4), 147.3 + 0.1 * np.arange(5)
        fields = np.resize(values, (len(DAYS), 4, 5)).astype(np.float32)
        data = xr.Dataset(
            {name: (("time", "lat", "lon"), fields, {"units": unit, "grid_mapping": "crs"})},
            coords={"time": DAYS, "lat": ("lat", y, {"units": "degrees_north"}),
                    "lon": ("lon", x, {"units": "degrees_east"})},
        )  # fmt: skip
        data["crs"] = ((), np.int32(0), pyproj.CRS(4326).to_cf())
        data.to_netcdf(folder / file, encoding={name: {"_FillValue": None}})
        return folder / file

    return write


def table(name: str, suffix: str = ".csv") -> Callable[[Path, np.ndarray], Path]:
    def write(folder: Path, values: np.ndarray) -> Path:
        path = folder / f"source{suffix}"
        rows = pd.DataFrame({"station": np.repeat(["a", "b"], 29), "date": np.tile(DAYS.strftime("%Y-%m-%d"), 2)})
        rows = rows.assign(lat=-42.1, lon=146.5, sm=0.25, **{name: np.resize(values, 58)})
        if suffix == ".parquet":
            rows.astype({name: np.float32}).to_parquet(path, index=False)
        else:
            rows.to_csv(path, index=False)
        return path

    return write


def of_table(name: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        layers = [{"name": "surface", "column": "sm"}]
        features = {**NONE, "static": [name]}
        found = read_station_table(path, "source", layers=layers, columns=COLUMNS, groups=[], features=features)
        return found.covariates[name]

    return read


def point_table(folder: Path, values: np.ndarray) -> Path:
    path = folder / "weather.parquet"
    pd.DataFrame({"station": "a", "date": DAYS, "tmax": np.resize(values, len(DAYS)).astype(np.float32)}).to_parquet(
        path
    )
    return path


def store(folder: Path, values: np.ndarray) -> Path:
    path = folder / "awral_s0_avg.csv"
    pd.DataFrame({"": DAYS.strftime("%Y-%m-%d"), "k10": np.resize(values, len(DAYS))}).to_csv(path, index=False)
    return path


def yanco(folder: Path, values: np.ndarray) -> Path:
    path = folder / "ya1.csv"
    columns = {"lat": -34.7, "lon": 146.1, "insitu_sm": 0.2, "dem": 120, "awc": 8, "clay": 0.5, "silt": 0.07,
               "lst_interp_100m": 310.5, "et_100m": 1.5, "tavg": 30, "srad": 30, "rain": 0}  # fmt: skip
    pd.DataFrame({"time": DAYS.strftime("%Y-%m-%d"), **columns, "vpd": np.resize(values, len(DAYS))}).to_csv(path)
    return path


def uscrn(folder: Path, values: np.ndarray) -> Path:
    path = folder / "CRND0103-2020-PA_Avondale_2_N.txt"
    lines = []
    for day, value in zip(DAYS, np.resize(values, len(DAYS)), strict=True):
        said = {"wban": "03761", "lst_date": f"{day:%Y%m%d}", "crx_vn": "2.6", "longitude": "-75.79",
                "latitude": "39.86", "t_daily_max": f"{value:g}", "sur_temp_daily_type": "C"}  # fmt: skip
        lines.append(" ".join(said.get(name, "-9999.0") for name in USCRN_COLUMNS))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def of_map(feature: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        grid = grid_like(raster("land.tif")(path.parent, np.ones(1)), 16)
        with open_day([MapInput(feature=feature, file=str(path))], feature_set({**NONE, "static": [feature]}),
                      "2020-02-10", grid) as rasters:  # fmt: skip
            found = [rasters.read(tile).static for tile in grid.tiles]
            rasters.log_missing()
        return np.concatenate(found)

    return read


def of_daily_map(path: Path) -> object:
    grid = grid_like(raster("land.tif")(path.parent, np.ones(1)), 16)
    features = feature_set({**NONE, "daily": [{"name": "tmax", "lags": [0, 2]}]})
    with open_day([MapInput(feature="tmax", file=str(path))], features, "2020-02-25", grid) as rasters:
        found = [rasters.read(tile).static for tile in grid.tiles]
        rasters.log_missing()
    return np.concatenate(found)


def of_cube(**kinds: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        grid = grid_like(raster("land.tif")(path.parent, np.ones(1)), 16)
        store = path.parent / "store.zarr"
        if set(kinds) & {"weather"}:
            build_month("2020-02", grid, store, weather=[path])
            return zarr.open_group(store, mode="r")[f"weather/{kinds['weather']}"][:]
        build_static(grid, store, **dict.fromkeys(kinds, [path]))
        return zarr.open_group(store, mode="r")[next(iter(kinds.values()))][:]

    return read


def of_local_map(path: Path) -> object:
    access = Access(folders={"terrain_local": str(path.parent)})
    source = LocalSource(dataset_of("terrain_local"), access, path.parent / "work")
    return source.read_map("elevation", GeoBox((SIDE // 4, SIDE // 4), Affine(320, 0, 540_000, 0, -320, 5_360_000),
                                               "EPSG:28355"))  # fmt: skip


def of_local_fields(variable: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        days = [day.date() for day in DAYS]
        return read_local_fields(dataset_of("weather_grids"), Layout(path.parent), (147.3, -42.1, 147.7, -41.8), days)

    return lambda path: read(path).data[variable].to_numpy()


def weather_of_three(variable: str, unit: str) -> Callable[[Path, np.ndarray], Path]:
    """A file a variable; the marker is in one of them."""

    def write(folder: Path, values: np.ndarray) -> Path:
        sound = np.linspace(12, 31, 290)
        for name, other, numbers in (("rain", "mm", sound - 12), ("tmin", "degC", sound - 20), ("tmax", "degC", sound)):
            own = values if name == variable else numbers
            netcdf(name, unit if name == variable else other, f"{name}_2020.nc")(folder, own)
        return folder / f"{variable}_2020.nc"

    return write


def of_station_maps(path: Path) -> object:
    columns = np.arange(SIDE)
    to = pyproj.Transformer.from_crs(28355, 4326, always_xy=True)
    longitude, latitude = to.transform(540_040.0 + 80 * columns, np.full(SIDE, 5_359_960.0))
    stations = pd.DataFrame({"station": [f"s{column}" for column in columns], "latitude": latitude,
                             "longitude": longitude}).reindex(columns=list(STATIONS.columns))  # fmt: skip
    return fill_from_maps(STATIONS.validate(stations), [StationMap(column="elevation", file=str(path))])["elevation"]


def of_heights(path: Path) -> object:
    with rasterio.open(path) as dataset:
        return metres_of(dataset.read(1).astype(float), dataset, path)


def truth(folder: Path, values: np.ndarray) -> Path:
    raster("mapped.tif")(folder, np.linspace(0.1, 0.4, SIDE * SIDE))
    with (
        rasterio.open(folder / "mapped.tif") as one,
        rasterio.open(folder / "map.tif", "w", **{**one.profile, "count": 2}) as two,
    ):
        two.write(np.repeat(one.read(), 2, axis=0))
        two.descriptions = ("surface_mean", "surface_std")
    raster("trust.tif")(folder, np.ones(1))
    with rasterio.open(folder / "trust.tif", "r+") as flags:
        flags.descriptions = ("inside_training_range",)
    with rasterio.open(folder / "mapped.tif") as one:
        x, y = 540_040 + 80.0 * np.arange(SIDE), 5_359_960 - 80.0 * np.arange(SIDE)
        data = xr.Dataset(
            {"surface": (("time", "y", "x"), np.resize(values, (1, SIDE, SIDE)).astype(np.float32),
                         {"units": "m3 m-3", "grid_mapping": "crs"}),
             "crs": ((), np.int32(0), {"crs_wkt": one.crs.to_wkt()})},
            coords={"time": [np.datetime64("2020-02-10", "ns")], "y": y, "x": x},
        )  # fmt: skip
    data.to_netcdf(folder / "truth.nc", encoding={"surface": {"_FillValue": None}})
    return folder / "truth.nc"


def of_truth(path: Path) -> object:
    pairs = list(paired(path.parent / "map.tif", path.parent / "trust.tif", path, ["surface"], "2020-02-10", 16))
    return np.concatenate([pair.observed for pair in pairs])


DOORS = {
    "column of weather in a CSV": Door(12, 31, table("tmax"), of_table("tmax")),
    "column of elevation in a CSV": Door(20, 640, table("elevation"), of_table("elevation")),
    "column that nobody knows in a CSV": Door(2, 41, table("vpd"), of_table("vpd")),
    "column that nobody knows in Parquet": Door(2, 41, table("vpd", ".parquet"), of_table("vpd")),
    "point table": Door(12, 31, point_table, lambda path: read_points([path]).daily["tmax"]),
    "store of AWRA": Door(1, 90, store, lambda path: store_table({"s0": path})[["s0", "s0_mean"]]),
    "covariate of Yanco": Door(2, 41, yanco, lambda path: read_station(path)["vpd"]),
    "weather of USCRN": Door(12, 31, uscrn, lambda path: daily_weather([path])["tmax"]),
    "raster of a map, weather": Door(12, 31, raster("tmax.tif"), of_map("tmax")),
    "raster of a map, elevation": Door(20, 640, raster("elevation.tif"), of_map("elevation")),
    "raster of a map, that nobody knows": Door(2, 41, raster("vpd.tif"), of_map("vpd")),
    "netCDF of a map": Door(12, 31, netcdf("tmax", "degC"), of_daily_map),
    "soil of the cube": Door(12, 31, raster("clay.tif", "%"), of_cube(soil="clay")),
    "elevation of the cube": Door(20, 640, raster("elevation.tif", "m"), of_cube(terrain="elevation")),
    "temperature of the cube": Door(12, 31, netcdf("tmax", "degC"), of_cube(weather="tmax")),
    "rain of the cube": Door(0, 31, netcdf("rain", "mm d-1"), of_cube(weather="rain")),
    "elevation of one's own": Door(20, 640, raster("elevation.tif", "m"), of_local_map),
    "rain of one's own": Door(0, 31, weather_of_three("rain", "mm"), of_local_fields("rain")),
    "temperature of one's own": Door(12, 31, weather_of_three("tmax", "degC"), of_local_fields("tmax")),
    "map of the stations": Door(20, 640, raster("dem.tif", "m"), of_station_maps),
    "elevation under a pass": Door(20, 640, raster("dem.tif", "m"), of_heights),
    "truth of a map": Door(0.1, 0.4, truth, of_truth),
}


@pytest.mark.parametrize("name", DOORS)
def test_sound_values_come_through(tmp_path, name):
    door = DOORS[name]
    through = np.asarray(door.read(door.write(tmp_path, np.linspace(door.low, door.high, 290))), float)
    found = through[np.isfinite(through)]
    assert found.size > 5 and door.low - 1e-3 <= found.min() < found.max() <= door.high + 1e-3


@pytest.mark.parametrize("marker", MARKERS)
@pytest.mark.parametrize("name", DOORS)
def test_a_marker_is_missing_or_an_error_that_names_the_file(tmp_path, name, marker):
    door = DOORS[name]
    values = np.linspace(door.low, door.high, 290)
    values[[7, 11]] = marker
    path = door.write(tmp_path, values)
    try:
        through = np.asarray(door.read(path), float)
    except LoamError as error:
        assert path.name in str(error)
        return
    found = through[np.isfinite(through)]
    assert found.size > 5 and door.low - 1e-3 <= found.min() and found.max() <= door.high + 1e-3


@pytest.mark.parametrize("marker", [65535.0, -9999.0, 9.96921e36])
def test_a_netcdf_that_says_its_marker_is_read_around_it(tmp_path, marker):
    path = netcdf("tmax", "degC")(tmp_path, np.append(np.linspace(12, 31, 289), marker))
    with netCDF4.Dataset(path, "a") as data:
        data["tmax"].missing_value = np.float32(marker)
    through = of_daily_map(path)
    assert np.nanmin(through) >= 12 and np.nanmax(through) <= 31.001


@pytest.mark.parametrize(
    ("packing", "limits"),
    [
        ({"dtype": "f4", "_FillValue": None}, {"valid_range": np.array([-60, 60], "f4")}),
        ({"dtype": "f4", "_FillValue": None}, {"valid_min": np.float32(-60), "valid_max": np.float32(60)}),
        ({"dtype": "i2", "scale_factor": 0.1, "_FillValue": -32000}, {"valid_range": np.array([-600, 600], "i2")}),
        ({"dtype": "i2", "scale_factor": 0.1, "_FillValue": -32000}, {"valid_range": np.array([-60.0, 60.0])}),
    ],
    ids=["range", "ends", "packed", "packed, limits unpacked"],
)
def test_what_a_netcdf_calls_not_valid_is_missing(tmp_path, packing, limits):
    path = netcdf("tmax", "degC")(tmp_path, np.append(np.linspace(12, 31, 289), -999.0))
    with xr.open_dataset(path) as plain:
        data = plain.load()
    data["tmax"].encoding = {}
    data["tmax"].attrs |= limits
    data.to_netcdf(tmp_path / "valid.nc", encoding={"tmax": packing})
    through = of_daily_map(tmp_path / "valid.nc")
    assert np.nanmin(through) >= 11.9 and np.nanmax(through) <= 31.1
