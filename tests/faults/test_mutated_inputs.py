"""Whatever is wrong with a file, it is read as it should be or refused by its name; nothing else escapes.

Each door gets a small sound file and many damaged ones, drawn from fixed seeds. ``LOAM_FAULTS=1000
pytest tests/faults`` tries so many a door; without it, a sample. A failure names the seed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine
from icos_files import write_series, write_site_info, write_variable_info
from ismn_files import Series, pack, write_station
from probe_settings import probes_at
from sentinel1_files import orbit_file_xml, state, write_product
from sentinel2_files import write_item, write_safe

from loam.acquire.catalogue import dataset_of
from loam.acquire.local.layout import Layout
from loam.acquire.local.local_fields import read_local_fields
from loam.acquire.scenes.scene_table import read_scenes, write_scenes
from loam.config.sections.probes import StationMap
from loam.errors import LoamError
from loam.probes.icos import read_icos
from loam.probes.ismn import read_ismn
from loam.probes.logger.reader import read_logger
from loam.probes.readings import STATIONS
from loam.probes.station_maps import fill_from_maps
from loam.probes.uscrn import DAILY as USCRN_COLUMNS
from loam.probes.uscrn import read_uscrn
from loam.raster.cells import open_cells
from loam.raster.classes import crosswalk_of
from loam.raster.grid import read_grid
from loam.samples.brought_table import read_station_table
from loam.sentinel1.calibration import calibration_of
from loam.sentinel1.orbit import read_orbit_file
from loam.sentinel1.product import open_product as open_sentinel1
from loam.sentinel2.deliveries import open_product as open_sentinel2
from loam.sentinel2.reading import Block, ProductReader

from .mutate import damaged, damaged_text

COUNT = int(os.environ.get("LOAM_FAULTS", "6"))
DAYS = pd.date_range("2021-03-01", periods=12)
FEATURES = {
    "static": ["clay"], "daily": [{"name": "tmax", "lags": [0, 1]}], "sequence": {"variables": [], "lags": [0, 0]},
    "classes": [], "day_of_year": False,
}  # fmt: skip
COLUMNS = {"station": "station", "date": "date", "latitude": "lat", "longitude": "lon"}


@dataclass(frozen=True)
class Door:
    """A way in: ``write`` makes the sound file in a folder, ``read`` goes all the way through it."""

    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    text: bool = False


def geotiff(folder: Path, nodata: float | None = -9999) -> Path:
    path = folder / "map.tif"
    values = np.random.default_rng(0).normal(1.4, 0.1, (2, 40, 40)).astype(np.float32)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "crs": "EPSG:28355", "tiled": True, "blockxsize": 16,
               "blockysize": 16, "compress": "deflate", "nodata": nodata}  # fmt: skip
    transform = Affine(80, 0, 540_000, 0, -80, 5_360_000)
    with rasterio.open(path, "w", height=40, width=40, transform=transform, **profile) as dataset:
        dataset.write(values)
    return path


def read_geotiff(path: Path) -> None:
    with open_cells(path, ["clay", "density"]) as cells:
        for name in ("clay", "density"):
            cells.read(name, DAYS[0].date(), slice(0, cells.geobox.shape[0]), slice(0, cells.geobox.shape[1]))


def read_station_map(path: Path) -> None:
    stations = pd.DataFrame({"station": ["a"], "latitude": [-41.91], "longitude": [147.49]})
    stations = STATIONS.validate(stations.reindex(columns=list(STATIONS.columns)))
    fill_from_maps(stations, [StationMap(column="bulk_density", file=str(path))])


def netcdf(folder: Path) -> Path:
    path = folder / "2021.nc"
    y, x = -42 + 0.1 * np.arange(6)[::-1], 146 + 0.1 * np.arange(8)
    rng = np.random.default_rng(1)
    values = {
        "rain": rng.gamma(1, 2, (12, 6, 8)),
        "tmin": rng.normal(8, 2, (12, 6, 8)),
        "tmax": rng.normal(20, 2, (12, 6, 8)),
    }
    north, east = {"units": "degrees_north"}, {"units": "degrees_east"}
    units = {"rain": "mm", "tmin": "degC", "tmax": "degC"}
    data = xr.Dataset(
        {name: (("time", "lat", "lon"), value.astype(np.float32), {"units": units[name], "grid_mapping": "crs"})
         for name, value in values.items()},
        coords={"time": DAYS, "lat": ("lat", y, north), "lon": ("lon", x, east)},
    )  # fmt: skip
    data["crs"] = ((), np.int32(0), pyproj.CRS(4326).to_cf())
    data.to_netcdf(path)
    return path


def read_netcdf_cells(path: Path) -> None:
    with open_cells(path, ["tmax"]) as cells:
        for day in cells.days:
            cells.read("tmax", day, slice(0, cells.geobox.shape[0]), slice(0, cells.geobox.shape[1]))


def read_weather(path: Path) -> None:
    layout = Layout(path.parent)
    days = [stamp.date() for stamp in DAYS]
    read_local_fields(dataset_of("weather_grids"), layout, (146.1, -41.9, 146.5, -41.6), days)


def table(folder: Path) -> Path:
    path = folder / "source.csv"
    rows = pd.DataFrame({"station": np.repeat(["a", "b"], 12), "date": np.tile(DAYS.strftime("%Y-%m-%d"), 2)})
    rows = rows.assign(lat=-42.1, lon=146.5, sm=0.2 + np.arange(24) / 100, clay=30.5, tmax=15 + np.arange(24) / 3)
    rows.to_csv(path, index=False)
    return path


def parquet(folder: Path) -> Path:
    path = folder / "source.parquet"
    pd.read_csv(table(folder)).to_parquet(path, index=False)
    return path


def read_table(path: Path) -> None:
    layers = [{"name": "surface", "column": "sm"}]
    read_station_table(path, "source", layers=layers, columns=COLUMNS, groups=[], features=FEATURES)


def download(folder: Path) -> Path:
    times = pd.date_range("2020-03-01", periods=30, freq="h")
    for name in ("Hill", "Vale"):
        write_station(folder / "d", "NET", name, [Series("sm", 0.05, 0.05, "A_1", times, np.full(30, 0.2), "G")])
    return pack(folder / "d")


def read_download(path: Path) -> None:
    list(read_ismn(probes_at("ismn", path=path)).readings)


def logger(folder: Path) -> Path:
    (folder / "files").mkdir()
    path = folder / "files" / "K1_a.csv"
    rows = [f"{stamp:%Y-%m-%d %H:%M},{0.2 + hour / 1000:.4f},{18 + hour % 5}" for hour, stamp in
            enumerate(pd.date_range("2021-03-01", periods=60, freq="h"))]  # fmt: skip
    path.write_text("Time,SM,T\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (folder / "stations.csv").write_text("station,latitude,longitude\nK1,-35.1,147.2\n", encoding="utf-8")
    (folder / "description.yaml").write_text(
        'station: {from: file name, pattern: "(?P<station>[^_]+)_.*"}\n'
        'time: {column: Time, format: "%Y-%m-%d %H:%M", zone: "+10:00"}\n'
        "columns:\n  - {column: SM, variable: soil_moisture, depth: 10 cm, unit: m3/m3}\n"
        "  - {column: T, variable: soil_temperature, depth: 10 cm, unit: degC}\n", encoding="utf-8",
    )  # fmt: skip
    return path


def read_logger_folder(folder: Path) -> None:
    settings = {"path": str(folder / "files"), "stations": str(folder / "stations.csv")}
    list(read_logger(probes_at("logger", **settings, description=str(folder / "description.yaml"))).readings)


def of_logger(name: str) -> Callable[[Path], Path]:
    return lambda folder: logger(folder).parent.parent / name


def grid_json(folder: Path) -> Path:
    from odc.geo.geobox import GeoBox

    from loam.raster.grid import Grid, Tile, write_grid

    grid = Grid(
        GeoBox((40, 40), Affine(80, 0, 540_000, 0, -80, 5_360_000), "EPSG:28355"),
        geotiff(folder),
        512,
        (Tile(0, 0, 40, 40),),
    )
    write_grid(grid, folder / "grid.json")
    return folder / "grid.json"


def scenes(folder: Path) -> Path:
    path = folder / "scenes.csv"
    row = {"dataset": "sentinel2", "back_end": "direct", "platform": "S2A", "relative_orbit": 130, "tile": "55GEN"}
    names = [f"S2A_55GEN_2023010{day}_0_L2A" for day in range(1, 7)]
    rows = [
        {**row, "scene": name, "acquired": f"{name[10:14]}-{name[14:16]}-{name[16:18]}T00:01:21Z"} for name in names
    ]
    write_scenes(pd.DataFrame(rows), path)
    return path


def crosswalk(folder: Path) -> Path:
    path = folder / "mine.csv"
    path.write_text("code,name,class\n1,grass,PAST\n2,trees,FORE\n3,sea,WATER\n", encoding="utf-8")
    return path


def uscrn(folder: Path) -> Path:
    path = folder / "CRND0103-2020-PA_Avondale_2_N.txt"
    absent = ["-99.000" if name.startswith("soil_moisture") else "-9999.0" for name in USCRN_COLUMNS]
    lines = []
    for day in pd.date_range("2020-01-01", periods=20):
        said = {"wban": "03761", "lst_date": f"{day:%Y%m%d}", "crx_vn": "2.623", "longitude": "-75.79",
                "latitude": "39.86", "soil_moisture_5_daily": "0.300"}  # fmt: skip
        fields = zip(USCRN_COLUMNS, absent, strict=True)
        cells = [said.get(name, "0" if name.endswith(("_flag", "_type")) else value) for name, value in fields]
        lines.append(" ".join(cell.rjust(7) for cell in cells))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def icos(folder: Path) -> Path:
    ends = pd.date_range("2020-01-01 00:30", periods=60, freq="30min")
    write_variable_info(folder, "BE-Bra", [("SWC_1", -0.05, "%", "20190101"), ("TS_1", -0.05, "deg C", "20190101")])
    write_site_info(folder, "BE-Bra")
    return write_series(folder, "BE-Bra", ends, {"SWC_1": np.full(60, 21.5), "TS_1": np.full(60, 5.5)})


def orbit(folder: Path) -> Path:
    path = folder / "a.EOF"
    start = np.datetime64("2021-08-09T17:00:00", "ns")
    times = start + np.arange(40) * np.timedelta64(10, "s")
    path.write_text(orbit_file_xml(times, *state(np.arange(40) * 10.0 - 200)), encoding="utf-8")
    return path


def item(folder: Path) -> Path:
    return write_item(folder, properties={"earthsearch:boa_offset_applied": True})


def band(folder: Path) -> Path:
    item(folder)
    return folder / "red.tif"


def read_item_of(path: Path) -> None:
    product = open_sentinel2(next(path.parent.glob("S2A*.json")))
    with ProductReader(product) as reader:
        for name in ("B04", "B8A", "B12"):
            reader.reflectance(name, Block(0, 30, 0, 30))


def of_safe(pattern: str) -> Callable[[Path], Path]:
    return lambda folder: next(write_safe(folder).rglob(pattern))


def read_safe_around(path: Path) -> None:
    safe = next(parent for parent in (path, *path.parents) if parent.suffix == ".SAFE")
    with ProductReader(open_sentinel2(safe)) as reader:
        reader.reflectance("B04", Block(0, 30, 0, 30))


def of_sentinel1(pattern: str) -> Callable[[Path], Path]:
    return lambda folder: next(write_product(folder).rglob(pattern))


def read_sentinel1_around(path: Path) -> None:
    safe = next(parent for parent in (path, *path.parents) if parent.suffix == ".SAFE")
    for channel in open_sentinel1(safe).channels.values():
        calibration_of(channel)


DOORS = {
    "scene list": Door(scenes, read_scenes, text=True),
    "crosswalk": Door(crosswalk, lambda path: crosswalk_of("mine", path.parent), text=True),
    "USCRN text": Door(uscrn, lambda path: list(read_uscrn(probes_at("uscrn", path=str(path))).readings), text=True),
    "ICOS series": Door(
        icos, lambda path: list(read_icos(probes_at("icos", path=str(path.parent))).readings), text=True
    ),
    "orbit file": Door(orbit, lambda path: read_orbit_file(path, np.datetime64("2021-08-09", "ns"))),
    "Sentinel-2 item": Door(item, read_item_of, text=True),
    "Sentinel-2 band": Door(band, read_item_of),
    "Sentinel-2 metadata": Door(of_safe("MTD_MSIL2A.xml"), read_safe_around, text=True),
    "Sentinel-2 image": Door(of_safe("*_B04_20m.jp2"), read_safe_around),
    "Sentinel-1 annotation": Door(of_sentinel1("s1*-vv-*.xml"), read_sentinel1_around, text=True),
    "Sentinel-1 noise": Door(of_sentinel1("noise-*-vv-*.xml"), read_sentinel1_around, text=True),
    "Sentinel-1 manifest": Door(of_sentinel1("manifest.safe"), read_sentinel1_around, text=True),
    "mapping raster": Door(geotiff, read_geotiff),
    "map of stations": Door(geotiff, read_station_map),
    "netCDF of a map": Door(netcdf, read_netcdf_cells),
    "weather grids": Door(netcdf, read_weather),
    "CSV table": Door(table, read_table, text=True),
    "Parquet table": Door(parquet, read_table),
    "ISMN zip": Door(download, read_download),
    "logger file": Door(logger, lambda path: read_logger_folder(path.parent.parent), text=True),
    "logger description": Door(of_logger("description.yaml"), lambda path: read_logger_folder(path.parent), text=True),
    "station table": Door(of_logger("stations.csv"), lambda path: read_logger_folder(path.parent), text=True),
    "grid": Door(grid_json, read_grid, text=True),
}


@pytest.mark.parametrize("name", DOORS)
def test_the_sound_file_is_read(tmp_path, name):
    DOORS[name].read(DOORS[name].write(tmp_path))


@pytest.mark.filterwarnings("ignore")  # libraries warn of damage too
@pytest.mark.parametrize("name", DOORS)
def test_damage_is_an_error_that_names_the_file_or_does_no_harm(tmp_path, name):
    door = DOORS[name]
    path = door.write(tmp_path)
    sound = path.read_bytes()
    wrong = []
    for seed in range(COUNT):
        path.write_bytes((damaged_text if door.text else damaged)(sound, seed))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                door.read(path)
        except LoamError as error:
            if path.name not in str(error) and path.parent.name not in str(error):
                wrong.append(f"seed {seed}: does not name the file: {error}")
        except Exception as error:
            wrong.append(f"seed {seed}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong[:20])
