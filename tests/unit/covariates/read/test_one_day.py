"""A day is one thing from the files to the samples: readings, rain and passes of the run's day meet in its row, and
nothing in it was seen after the day had ended, wherever days begin.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
import yaml
from affine import Affine
from build_dynamic import stage as build_dynamic
from build_samples import stage as build_samples
from fetch_fields import stage as fetch_fields
from prepare_probes import stage as prepare_probes
from snakemake.utils import update_config

from loam.acquire.acquire_plan import check_samples, fields_values
from loam.config.day_boundary import shift_of
from loam.config.settings import load_config
from loam.covariates.build.static import build_static
from loam.covariates.cube_plan import passes
from loam.raster.grid import grid_like, write_grid

DAYS = [date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1), date(2020, 3, 2)]
MOISTURE, RAIN, POWER = (dict(zip(DAYS, values, strict=True)) for values in
                         ([0.200, 0.206, 0.212, 0.218], [1.0, 5.0, 20.0, 50.0], [0.02, 0.05, 0.10, 0.30]))  # fmt: skip
BOUNDS = [540_000.0, 5_357_600.0, 543_200.0, 5_360_000.0]
FEATURES = {"static": ["clay_1"], "daily": [{"name": "rain", "lags": [0, 1]}, {"name": "vv", "lags": [0, 0]}],
            "classes": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]}}  # fmt: skip
PASS = ("vv", "vh", "local_incidence")
OVERLAY = """
run: day
layers: [{name: surface, top_cm: 0, bottom_cm: 30, column: surface}]
acquire:
  coarse_moisture: null
  weather: {dataset: weather_grids, back_end: local}
  sentinel1: {dataset: sentinel1, back_end: direct}
  local: {weather_grids: weather}
  period: {source: [2020-02-28, 2020-03-02], target: [2020-02-28, 2020-03-02]}
probes:
  target: {format: logger, path: probes, description: probes.yaml, stations: stations.csv}
covariates: {domains: {source: cube, target: cube}}
"""


def utc(day: date, boundary: str) -> pd.Timestamp:
    """When a day of the run begins, in UTC."""
    return pd.Timestamp(day) - shift_of(boundary)


@pytest.fixture
def run(project, default_config, tmp_path, monkeypatch):
    """Files of two stations, rain with bounds and passes at the last and first minute of days; the run's samples."""
    monkeypatch.chdir(tmp_path)
    update_config(default_config, yaml.safe_load((project / "config/tasmania.yaml").read_text(encoding="utf-8")))
    update_config(default_config, yaml.safe_load(OVERLAY))
    default_config["mapping"]["grid"] = {"like": None, "crs": "EPSG:28355", "bounds": BOUNDS, "resolution": 80.0}
    default_config["mapping"]["dates"] = []
    default_config["features"] = FEATURES

    def build(boundary: str) -> pd.DataFrame:
        config = load_config({**default_config, "day_boundary": boundary})
        check_samples(config)
        write_probes(boundary)
        write_rain(boundary)
        write_scenes(config, boundary)
        months = [dynamic(config, month, boundary) for month in ("2020-02", "2020-03")]
        return samples(config, months)

    return build


def write_probes(boundary: str) -> None:
    """Readings every hour on a clock of UTC; moisture changes where a day begins, and nowhere else."""
    Path("probes").mkdir()
    times = pd.date_range(
        utc(DAYS[0], boundary), utc(DAYS[-1] + timedelta(days=1), boundary), freq="h", inclusive="left"
    )
    values = np.repeat([MOISTURE[day] for day in DAYS], 24)
    for station, more in (("A", 0.0), ("B", 0.01)):
        lines = [f"{time:%Y-%m-%d %H:%M},{value + more + k % 24 / 1e4:.4f}" for k, (time, value) in
                 enumerate(zip(times, values, strict=True))]  # fmt: skip
        Path(f"probes/{station}.csv").write_text("Time,SM\n" + "\n".join(lines) + "\n", encoding="utf-8")
    Path("stations.csv").write_text(
        "station,latitude,longitude\nA,-41.9200,147.4900\nB,-41.9150,147.5100\n", encoding="utf-8"
    )
    Path("probes.yaml").write_text(
        'station: {from: file name, pattern: "(?P<station>[^.]+)[.]csv"}\n'
        'time: {column: Time, format: "%Y-%m-%d %H:%M", zone: "+00:00"}\n'
        "columns:\n  - {column: SM, variable: soil_moisture, depth: 0-30 cm, unit: m3/m3}\n", encoding="utf-8",
    )  # fmt: skip


def write_rain(boundary: str) -> None:
    """Days of the run by their bounds, stamped at their start; a file a month of UTC."""
    Path("weather").mkdir()
    y, x = -41.7 - 0.1 * np.arange(5), 147.3 + 0.1 * np.arange(5)
    days = pd.date_range("2020-01-25", "2020-04-05").date
    begin = pd.DatetimeIndex([utc(day, boundary) for day in days])
    names = {"rain": [RAIN.get(day, 0.5) for day in days], "tmin": [4.0] * len(days), "tmax": [15.0] * len(days)}
    data = xr.Dataset(
        {name: (("time", "lat", "lon"), np.array(values, np.float32)[:, None, None] * np.ones((1, 5, 5), np.float32),
                {"units": "mm" if name == "rain" else "degC"}) for name, values in names.items()},
        coords={"time": begin, "lat": ("lat", y, {"units": "degrees_north"}),
                "lon": ("lon", x, {"units": "degrees_east"})},
    )  # fmt: skip
    data["time"].attrs["bounds"] = "time_bnds"
    data["time_bnds"] = ("time", "nv"), np.stack([begin, begin + pd.Timedelta(days=1)], 1)
    data["time"].encoding = {"units": "hours since 2020-01-01", "dtype": "float64"}
    for month, own in data.groupby("time.month"):
        own.to_netcdf(f"weather/2020-{month:02d}.nc")


def write_scenes(config: dict, boundary: str) -> None:
    """A pass in the last minute of each day, and one more, far brighter, in the first of the next."""
    table = Path("resources/scenes/day.csv")
    table.parent.mkdir(parents=True)
    row = {"dataset": "sentinel1", "platform": "S1A", "tile": ""}
    rows = []
    for number, day in enumerate(DAYS):
        end = utc(day + timedelta(days=1), boundary)
        for minutes, orbit in ((-1, 100 + number), (1, 1 + number)):
            at = end + pd.Timedelta(minutes=minutes)
            rows.append({**row, "scene": f"S{orbit}", "relative_orbit": orbit, "acquired": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def raster(path: Path, bands: list[np.ndarray], names: tuple[str, ...], units: tuple[str, ...]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "dtype": "float32", "count": len(bands), "height": 30, "width": 40,
               "crs": "EPSG:28355", "transform": Affine(80, 0, BOUNDS[0], 0, -80, BOUNDS[3])}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.stack(bands).astype(np.float32))
        dataset.descriptions, dataset.units = names, units
    return path


def dynamic(config: dict, month: str, boundary: str) -> Path:
    """A month of the cube from the fetched rain and the passes, each under the name that the run gives it."""
    values = fields_values(config, "weather_grids", month, "none.csv")
    fields = Path(f"resources/{month}.nc")
    fields.parent.mkdir(exist_ok=True)
    fetch_fields(
        {"fields": fields, "manifest": fields.with_suffix(".csv")},
        {**values, "dataset": "weather_grids", "back_end": "local", "span": month},
    )
    files = []
    for name, (scene,) in passes(config, "sentinel1").items():
        if not name.startswith(month):
            continue
        orbit = int(scene[1:])
        power = POWER[DAYS[orbit - 100]] if orbit >= 100 else 50.0
        bands = [np.full((30, 40), value) for value in (power, 0.01, 38.0)]
        files.append(raster(Path(f"sentinel1/{name}.tif"), bands, PASS, ("1", "1", "degree")))
    if not Path("grid.json").exists():
        write_grid(grid_like(raster(Path("land.tif"), [np.ones((30, 40))], ("land",), ("1",)), 16), "grid.json")
    kinds = dict.fromkeys(("coarse_moisture", "vegetation", "sentinel2"), [])
    build_dynamic(
        {"grid": "grid.json", "dynamic": f"{month}.zarr", **kinds, "weather": [fields], "sentinel1": files},
        {"month": month},
    )
    return Path(f"{month}.zarr")


def samples(config: dict, months: list[Path]) -> pd.DataFrame:
    """The table of samples, by station and day."""
    grid = grid_like("land.tif", 16)
    clay = 20 + np.arange(1200.0).reshape(30, 40) / 100
    build_static(grid, "static.zarr", soil=[raster(Path("clay.tif"), [clay] * 4, ("a", "b", "c", "d"), ("%",) * 4)])
    probes = {"daily": Path("daily.parquet"), "stations": Path("stations.parquet"), "report": Path("qc.csv")}
    prepare_probes(probes, {**config, "domain": "target"})
    paths = {"target": Path("target.parquet"), "dropped": Path("dropped.csv"), "target_series": Path("target.zarr"),
             "target_points": [], "daily": [probes["daily"]], "stations": [probes["stations"]],
             "grid": [Path("grid.json")], "static": [Path("static.zarr")], "dynamic": months}  # fmt: skip
    build_samples(paths, config)
    return pd.read_parquet("target.parquet").set_index(["station", "date"])


@pytest.mark.parametrize("boundary", ["00:00+00:00", "09:00+10:00", "00:00+10:00", "00:00-06:00"])
def test_the_row_of_a_day_holds_that_day_and_nothing_after_it(run, boundary):
    table = run(boundary)
    assert table.index.get_level_values("date").date.min() == DAYS[0]
    for day in DAYS:
        row = table.loc[("A", pd.Timestamp(day))]
        mean_of_the_hours = MOISTURE[day] + np.arange(24).mean() / 1e4
        assert row["surface"] == pytest.approx(mean_of_the_hours, abs=1e-6)
        assert row["rain_0"] == pytest.approx(RAIN[day])
        assert row["rain_1"] == pytest.approx(RAIN.get(day - timedelta(days=1), 0.5))
        assert row["vv_0"] == pytest.approx(POWER[day])
