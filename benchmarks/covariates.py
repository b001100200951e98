"""The covariate cube: building it for a region of Tasmania's size, how it grows with area, and sampling it.

    python benchmarks/covariates.py [--rows 3900] [--cols 4300] [--stations 1300] [--days 2000] [--folder /tmp]

Generated maps: soil (16 bands) and elevation on the run's 80 m pixels, land cover with cells of 50 m; one month of
coarse moisture (9 km) and weather (5 km) a day, six Sentinel-1 passes and six Sentinel-2 days over half the region.
Each build is a process of its own, so that its peak memory is its own (resident, mapped files included). Sampling reads
40 covariates (21 static, 6 of the day's weather, 12 lags of coarse moisture, a sum of 30 days) on all days at all
stations, from stores of as many months. Its rivals read the same stores with `xarray.sel(method="nearest")` station by
station, once lazily and once with all coarse fields loaded into memory before; they are timed on a few stations and
scaled up.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pyproj  # noqa: E402
import rasterio  # noqa: E402
import xarray as xr  # noqa: E402
from affine import Affine  # noqa: E402

from loam.covariates.build.dynamic import build_month  # noqa: E402
from loam.covariates.build.land import build_grid  # noqa: E402
from loam.covariates.build.static import build_static  # noqa: E402
from loam.covariates.features import feature_set  # noqa: E402
from loam.covariates.read.cube import Cube  # noqa: E402
from loam.covariates.read.derive import DAILY, RowReader, Settings  # noqa: E402
from loam.raster.grid import read_grid, write_grid  # noqa: E402
from loam.samples.build import STATIONS_AT_ONCE  # noqa: E402

CRS, SIDE, NORTH_WEST, TILE = "EPSG:28355", 80.0, (300_000.0, 5_590_000.0), 512
MONTH = "2020-01"
SOIL = {"awc": (15, "%"), "soc": (2, "%"), "clay": (30, "%"), "bulk_density": (1.3, "g cm-3")}
SETTINGS = Settings(
    "majority", "nearest", {"sentinel1": 30, "sentinel2": 30, "vegetation": 32}, sum_days=(30,), missing_share=0.1
)
FEATURES = {
    "static": ["elevation", "slope", "aspect_cos", "aspect_sin", "wetness"]
    + [f"{name}_{depth}" for name in SOIL for depth in range(1, 5)],
    "daily": [{"name": "tmin", "lags": [0, 0]}, {"name": "tmax", "lags": [0, 0]}, {"name": "rain", "lags": [0, 3]},
              {"name": "rain_30", "lags": [0, 0]}],
    "classes": [], "day_of_year": False, "sequence": {"variables": ["sm_surface", "sm_rootzone"], "lags": [0, 5]},
}  # fmt: skip


def write_raster(path: Path, shape, count, dtype, read, side=SIDE, nodata=-9999.0, names=(), units="1") -> Path:
    """A tiled GeoTIFF, written a few rows at a time; ``read(band, first, rows)`` gives them."""
    profile = {
        "driver": "GTiff", "dtype": dtype, "count": count, "height": shape[0], "width": shape[1], "crs": CRS,
        "transform": Affine(side, 0, NORTH_WEST[0], 0, -side, NORTH_WEST[1]), "nodata": nodata, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "bigtiff": "if_safer", "sparse_ok": True,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as output:
        output.units = units if isinstance(units, tuple) else (units,) * count
        if names:
            output.descriptions = names
        for first in range(0, shape[0], 512):
            rows = min(512, shape[0] - first)
            for band in range(1, count + 1):
                block = read(band, first, rows).astype(dtype)
                output.write(block, band, window=rasterio.windows.Window(0, first, shape[1], rows))
    return path


def make_region(folder: Path, rows: int, cols: int) -> None:
    """Maps, a month of fields and passes of a region, and its grid."""
    rng = np.random.default_rng(1)
    patch = rng.normal(0, 1, (512, 512)).astype(np.float32)

    def noise(first: int, count: int, width: int) -> np.ndarray:
        return np.tile(patch, (1, -(-width // 512)))[np.arange(first, first + count) % 512][:, :width]

    for name, (mean, units) in SOIL.items():
        write_raster(
            folder / "soil" / f"{name}.tif", (rows, cols), 4, "float32", units=units,
            read=lambda band, first, count, mean=mean: mean * (1 + 0.1 * np.abs(noise(first, count, cols)) / band),
        )  # fmt: skip
    hills = 300 * (2 + np.sin(np.arange(cols) / 211)) + np.arange(cols) * 0.1

    def height(band: int, first: int, count: int) -> np.ndarray:
        return hills + 200 * np.cos(np.arange(first, first + count) / 173)[:, None] + 3 * noise(first, count, cols)

    write_raster(folder / "dem" / "elevation.tif", (rows, cols), 1, "float32", height, units="m")
    codes = np.array([320, 330, 210, 220, 430, 541], np.uint16)
    fine = (int(rows * SIDE / 50), int(cols * SIDE / 50))
    write_raster(
        folder / "landcover" / "clum.tif", fine, 1, "uint16", side=50.0, nodata=0,
        read=lambda band, first, count: codes[np.abs(noise(first, count, fine[1]) * 2).astype(int) % 6],
    )  # fmt: skip
    write_fields(folder, MONTH, rows, cols, rng)
    half = cols // 2
    for kind, names, units in (
        ("sentinel1", ("vv", "vh", "local_incidence"), ("1", "1", "degree")),
        ("sentinel2", ("ndvi", "ndwi", "valid_share"), ("1", "1", "1")),
    ):
        for number in range(6):
            first_col = half * (number % 2)

            def read(band: int, first: int, count: int, first_col: int = first_col, names=names) -> np.ndarray:
                block = np.full((count, cols), np.nan, np.float32)
                scale = 35 if names[band - 1] == "local_incidence" else 0.2
                block[:, first_col : first_col + half] = scale * (1 + 0.1 * np.tanh(noise(first, count, half)))
                return block

            path = folder / kind / f"{MONTH}-{4 * number + 2:02d}_pass.tif"
            write_raster(path, (rows, cols), 3, "float32", read, nodata=np.nan, names=names, units=units)
    west, north = NORTH_WEST
    bounds = [west, north - rows * SIDE, west + cols * SIDE, north]
    settings = {"crs": CRS, "bounds": bounds, "resolution": SIDE}
    write_grid(build_grid(settings, TILE, folder / "landcover" / "clum.tif", folder / "land.tif"), folder / "grid.json")


def write_fields(folder: Path, month: str, rows: int, cols: int, rng: np.random.Generator) -> None:
    """Coarse moisture and weather of a month, on geographic cells that cover the region."""
    west, north = NORTH_WEST
    edges_x, edges_y = np.array([west, west + cols * SIDE]), np.array([north, north - rows * SIDE])
    x, y = (part.ravel() for part in np.meshgrid(edges_x, edges_y))
    longitude, latitude = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)
    days = pd.date_range(f"{month}-01", periods=pd.Period(month).days_in_month)
    for name, step, variables in (
        ("smap", 0.09, {"sm_surface": ("m3 m-3", 0.1, 0.4), "sm_rootzone": ("m3 m-3", 0.1, 0.4)}),
        ("weather", 0.05, {"rain": ("mm d-1", 0, 20), "tmin": ("degC", 2, 10), "tmax": ("degC", 11, 25)}),
    ):
        across = np.arange(longitude.min() - step, longitude.max() + 2 * step, step)
        down = np.arange(latitude.max() + step, latitude.min() - 2 * step, -step)
        shape = (len(days), len(down), len(across))
        data = xr.Dataset(
            {key: (("time", "y", "x"), rng.uniform(low, high, shape).astype(np.float32),
                   {"units": units, "grid_mapping": "crs"}) for key, (units, low, high) in variables.items()},
            coords={"time": days, "y": down, "x": across},
        )  # fmt: skip
        data["crs"] = ((), np.int32(0), pyproj.CRS(4326).to_cf())
        (folder / name).mkdir(parents=True, exist_ok=True)
        data.to_netcdf(folder / name / f"{month}.nc", engine="netcdf4")


def do_static(folder: Path) -> None:
    build_static(
        read_grid(folder / "grid.json"), folder / "static.zarr", soil=sorted((folder / "soil").glob("*.tif")),
        terrain=[folder / "dem" / "elevation.tif"], landcover=[folder / "landcover" / "clum.tif"],
    )  # fmt: skip


def do_month(folder: Path) -> None:
    build_month(
        MONTH, read_grid(folder / "grid.json"), folder / "dynamic" / f"{MONTH}.zarr",
        coarse_moisture=[folder / "smap" / f"{MONTH}.nc"], weather=[folder / "weather" / f"{MONTH}.nc"],
        sentinel1=sorted((folder / "sentinel1").glob("*.tif")), sentinel2=sorted((folder / "sentinel2").glob("*.tif")),
    )  # fmt: skip


def measured(task: str, *arguments: object) -> dict:
    """Run a task of this file in a process of its own: what it printed as JSON."""
    command = [sys.executable, __file__, "--task", task, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def run_task(task: str, folder: Path, rows: int, cols: int, stations: int, days: int) -> None:
    started = time.perf_counter()
    more: dict = {}
    if task == "make":
        make_region(folder, rows, cols)
    elif task == "static":
        do_static(folder)
    elif task == "month":
        do_month(folder)
    else:
        more = sample(folder, rows, cols, stations, days)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": time.perf_counter() - started, "peak": peak, **more}))


def sample(folder: Path, rows: int, cols: int, stations: int, days: int) -> dict:
    """Seconds that sampling takes here and with xarray, and the number of values that differ."""
    rng = np.random.default_rng(2)
    grid = read_grid(folder / "grid.json")
    first = pd.Timestamp("2014-08-01")
    record = pd.date_range(first + pd.Timedelta(days=40), periods=days)
    months = [str(month) for month in pd.period_range(first, record[-1], freq="M")]
    for month in months:
        write_fields(folder, month, rows, cols, rng)
        build_month(
            month, grid, folder / "months" / f"{month}.zarr", coarse_moisture=[folder / "smap" / f"{month}.nc"],
            weather=[folder / "weather" / f"{month}.nc"],
        )  # fmt: skip
    paths = [folder / "months" / f"{month}.zarr" for month in months]
    row, col = rng.integers(0, rows, stations), rng.integers(0, cols, stations)
    features = feature_set(FEATURES)
    every = record.to_numpy("datetime64[D]")

    started = time.perf_counter()
    cube = Cube(grid, folder / "static.zarr", paths, SETTINGS)
    values = np.empty((stations, days, len(features.all)), np.float32)
    order = np.lexsort((col // TILE, row // TILE))  # as loam.samples.domains does
    for start in range(0, stations, STATIONS_AT_ONCE):
        own = order[start : start + STATIONS_AT_ONCE]
        reader = RowReader(features, cube.at(row[own], col[own]), every, SETTINGS)
        for column, feature in enumerate(features.all):
            if feature.kind in DAILY:
                begin, series = reader.series(feature, len(own))
                place = int((every[0] - begin).astype(int)) - feature.lag
                values[own, :, column] = series[:, place : place + days]
            else:
                values[own, :, column] = reader.column(feature, np.zeros_like(own), np.arange(len(own)))[:, None]
    ours = time.perf_counter() - started

    x, y = grid.centres_of(row, col)
    longitude, latitude = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)
    static = xr.open_zarr(folder / "static.zarr", consolidated=False)[FEATURES["static"]]
    result = {"ours": ours, "values": values.size, "months": len(months)}
    for name, loaded, count in (("lazy", False, 3), ("loaded", True, 20)):
        started = time.perf_counter()
        fields = [
            xr.concat([xr.open_zarr(path, group=group, consolidated=False) for path in paths], "time")
            for group in ("weather", "coarse_moisture")
        ]
        if loaded:
            fields = [field.load() for field in fields]
        opened = time.perf_counter() - started
        started = time.perf_counter()
        theirs = [rival(static, fields, place, x, y, longitude, latitude, record) for place in range(count)]
        result[name] = opened + (time.perf_counter() - started) / count * stations
        result["differences"] = int((np.array(theirs)[..., :-13] != values[:count, :, :-13]).sum()) + int(
            (np.array(theirs)[..., -12:] != values[:count, :, -12:]).sum()
        )
    return result


def rival(static, fields, place, x, y, longitude, latitude, record) -> np.ndarray:
    """One station's covariates with xarray and pandas: [day, feature]."""
    own = static.sel(x=x[place], y=y[place], method="nearest").compute()
    at = [field.sel(x=longitude[place], y=latitude[place], method="nearest").compute() for field in fields]
    weather, moisture = (item.drop_vars(["x", "y"]).to_dataframe().asfreq("D") for item in at)
    columns = [np.full(len(record), own[name].item(), np.float32) for name in FEATURES["static"]]
    columns += [weather["tmin"].reindex(record), weather["tmax"].reindex(record)]
    columns += [weather["rain"].shift(lag).reindex(record) for lag in range(4)]
    columns += [weather["rain"].rolling(30).sum().reindex(record)]
    for lag in range(5, -1, -1):
        columns += [moisture[name].shift(lag).reindex(record) for name in ("sm_surface", "sm_rootzone")]
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3900)
    parser.add_argument("--cols", type=int, default=4300)
    parser.add_argument("--stations", type=int, default=1300)
    parser.add_argument("--days", type=int, default=2000)
    parser.add_argument("--folder", default=None, help="where to make the files (about 5 GB for the default size)")
    parser.add_argument("--task", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    numbers = ["--rows", "--cols", "--stations", "--days"]
    if options.task:
        run_task(options.task, Path(options.folder), options.rows, options.cols, options.stations, options.days)
        return
    print(
        "| region | million pixels | static, s | static, peak GiB | month, s | month, peak GiB | static, MB "
        "| month, MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for part in (0.5, 0.5**0.5, 0.75**0.5, 1.0):
        rows, cols = round(options.rows * part), round(options.cols * part)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            sizes = [rows, cols, options.stations, options.days]
            given = [word for pair in zip(numbers, sizes, strict=True) for word in pair] + ["--folder", folder]
            measured("make", *given)
            static, month = measured("static", *given), measured("month", *given)
            disk = [sum(f.stat().st_size for f in (Path(folder) / name).rglob("*") if f.is_file()) / 1e6
                    for name in ("static.zarr", "dynamic")]  # fmt: skip
            print(
                f"| {rows:,} x {cols:,} | {rows * cols / 1e6:.1f} | {static['seconds']:.1f} | {static['peak']:.2f} | "
                f"{month['seconds']:.1f} | {month['peak']:.2f} | {disk[0]:,.0f} | {disk[1]:,.0f} |", flush=True,
            )  # fmt: skip
            if part == 1.0:
                result = measured("sample", *given)
    print(
        f"\n{options.stations:,} stations x {options.days:,} days x {len(feature_set(FEATURES).all)} covariates "
        f"({result['values'] / 1e6:.0f} million values) from {result['months']} months:\n"
    )
    print("| sampling | seconds | times slower |")
    print("|---|---|---|")
    for name, key in (("loam", "ours"), ("xarray.sel a station, stores read lazily", "lazy"),
                      ("xarray.sel a station, coarse fields loaded first", "loaded")):  # fmt: skip
        print(f"| {name} | {result[key]:,.1f} | {result[key] / result['ours']:,.1f} |")
    print(
        f"\n{result['differences']} values differ from xarray's (sums of 30 days, which round differently, left out)."
    )


if __name__ == "__main__":
    main()
