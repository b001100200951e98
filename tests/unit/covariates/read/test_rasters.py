"""Reading a day's rasters: each pixel gets the value of its own cell, of the right day, or none."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine

from loam.config.sections.mapping import MapInput
from loam.covariates.features import feature_set
from loam.covariates.read.day_files import files_of_day
from loam.covariates.read.rasters import open_day
from loam.errors import ConfigError, RasterError
from loam.raster.cells import open_cells
from loam.raster.grid import cells_at, grid_like

UTM = Affine(80.0, 0.0, 540_000.0, 0.0, -80.0, 5_360_000.0)
SIDE = 40
DAY = "2022-08-15"
NONE = {"static": [], "daily": [], "classes": [], "day_of_year": False, "sequence": {"variables": [], "lags": [0, 0]}}


def tiff(path: Path, bands, transform=UTM, crs="EPSG:28355", nodata=None) -> str:
    bands = np.asarray(bands)
    bands = bands[None] if bands.ndim == 2 else bands
    profile = {"driver": "GTiff", "dtype": bands.dtype, "count": len(bands), "transform": transform, "crs": crs}
    with rasterio.open(path, "w", **profile, height=bands.shape[1], width=bands.shape[2], nodata=nodata) as dataset:
        dataset.write(bands)
    return str(path)


def netcdf(path: Path, variables, days, x, y, crs="EPSG:28355") -> str:
    attributes = {"grid_mapping": "crs"} if crs else {}
    dataset = xr.Dataset(
        {name: (("time", "y", "x"), np.asarray(values, np.float32), attributes) for name, values in variables.items()},
        coords={"time": pd.DatetimeIndex(days), "y": ("y", y, {"units": "m"}), "x": ("x", x, {"units": "m"})},
    )
    if crs:
        dataset["crs"] = ((), np.int32(0), pyproj.CRS(crs).to_cf())
    dataset.to_netcdf(path, engine="netcdf4")
    return str(path)


@pytest.fixture
def field():
    return np.random.default_rng(1).normal(300, 50, (SIDE, SIDE)).astype(np.float32)


@pytest.fixture
def grid(tmp_path):
    return grid_like(tiff(tmp_path / "land.tif", np.ones((SIDE, SIDE), np.float32)), 16)


def given(inputs):
    """The entries of ``mapping.inputs``, typed."""
    return [MapInput(**{**item, "file": str(item["file"])}) for item in inputs]


def whole(inputs, features, grid, day=DAY):
    """Static values [row, column, feature], and sequences [row, column, step, variable], NaN where not complete."""
    features = feature_set({**NONE, **features})
    shape = grid.geobox.shape
    static = np.full((*shape, len(features.static)), np.nan, np.float32)
    sequence = np.full((*shape, *features.shape[1:]), np.nan, np.float32)
    with open_day(given(inputs), features, day, grid) as rasters:
        for tile in grid.tiles:
            read = rasters.read(tile)
            rows, cols = tile.row + read.pixel // tile.width, tile.col + read.pixel % tile.width
            static[rows, cols], sequence[rows, cols] = read.static, read.cells[read.cell]
        rasters.log_missing()
    return static, sequence


def centres(step, first, count):
    return first + step * (np.arange(count) + 0.5)


def test_a_raster_on_the_grid_is_read_pixel_by_pixel(tmp_path, grid, field):
    path = tiff(tmp_path / "soil.tif", np.stack([field, field + 1]))
    static, _ = whole([{"feature": ["clay", "sand"], "file": path}], {"static": ["sand", "clay"]}, grid)
    assert (static[..., 0] == field + 1).all()
    assert (static[..., 1] == field).all()


def test_a_raster_of_another_crs_is_read_at_the_cell_nearest_the_pixels_centre(tmp_path, grid):
    cells = np.arange(60 * 80, dtype=np.float32).reshape(60, 80) / 4
    transform = Affine(0.001, 0, 147.47, 0, -0.001, -41.89)
    path = tiff(tmp_path / "rain.tif", cells, transform, "EPSG:4326")
    static, _ = whole([{"feature": "rain", "file": path}], {"daily": [{"name": "rain", "lags": [0, 0]}]}, grid)
    x, y = np.meshgrid(centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE))
    longitude, latitude = pyproj.Transformer.from_crs(28355, 4326, always_xy=True).transform(x, y)
    row = np.abs(latitude[..., None] - (-41.89 - 0.001 * (np.arange(60) + 0.5))).argmin(axis=-1)
    col = np.abs(longitude[..., None] - (147.47 + 0.001 * (np.arange(80) + 0.5))).argmin(axis=-1)
    assert (static[..., 0] == cells[row, col]).all()
    assert len(np.unique(static)) > 500  # the raster was not read at one place only


def test_missing_values_of_every_kind_leave_the_pixel_out_and_are_counted(tmp_path, grid, field, caplog):
    holes = field.copy()
    holes[0, :4] = [-9999, np.nan, np.inf, -3.4e38]
    inputs = [
        {"feature": "clay", "file": tiff(tmp_path / "clay.tif", holes, nodata=-9999)},
        {"feature": "dem", "file": tiff(tmp_path / "dem.tif", field)},
    ]
    with caplog.at_level(logging.INFO, "loam"):
        static, _ = whole(inputs, {"static": ["dem", "clay"]}, grid)
    assert np.isnan(static[0, :4]).all()
    assert not np.isnan(static).any(axis=-1)[0, 4:].any()
    assert "missing clay: 0.25 % of the land" in caplog.text
    assert "missing dem" not in caplog.text


def test_pixels_off_land_are_not_read(tmp_path, field):
    land = field.copy()
    land[:, 10:] = np.nan
    grid = grid_like(tiff(tmp_path / "land.tif", land), 16)
    static, _ = whole([{"feature": "dem", "file": tiff(tmp_path / "dem.tif", field)}], {"static": ["dem"]}, grid)
    assert np.isnan(static[:, 10:]).all()
    assert (static[:, :10, 0] == field[:, :10]).all()


def test_each_class_is_one_feature_and_unknown_codes_are_missing(tmp_path, grid, caplog):
    codes = np.full((SIDE, SIDE), 3, np.uint8)
    codes[0], codes[1, :7], codes[2, 0] = 7, 9, 0
    features = {"classes": [{"name": "cover", "values": ["FORE", "PAST"]}]}
    inputs = [
        {"feature": "cover", "file": tiff(tmp_path / "c.tif", codes, nodata=0), "classes": {"PAST": 3, "FORE": 7}}
    ]
    static, _ = whole(inputs, features, grid)
    assert (static[0] == [1, 0]).all()
    assert (static[3] == [0, 1]).all()
    assert np.isnan(static[1, :7]).all()
    assert np.isnan(static[2, 0]).all()
    assert "cover: code 9 is none of the model's classes, 7 pixels are left out" in caplog.text


def test_numeric_classes_need_no_table_of_codes(tmp_path, grid):
    codes = np.full((SIDE, SIDE), 3, np.uint8)
    codes[0] = 7
    inputs = [{"feature": "cover", "file": tiff(tmp_path / "c.tif", codes)}]
    static, _ = whole(inputs, {"classes": [{"name": "cover", "values": [3, 7]}]}, grid)
    assert (static[0] == [0, 1]).all()
    assert (static[1] == [1, 0]).all()
    with pytest.raises(ConfigError, match="no raster value for class PAST of 'cover'"):
        whole(inputs, {"classes": [{"name": "cover", "values": [3, "PAST"]}]}, grid)


def test_lags_read_the_days_before_from_time_and_from_file_names(tmp_path, grid, field):
    days = pd.date_range("2022-08-12", DAY)
    x, y = centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE)
    series = netcdf(tmp_path / "rain.nc", {"rain": np.stack([field + n for n in range(4)])}, days, x, y)
    for number, day in enumerate(days):
        tiff(tmp_path / f"et_{day:%Y-%m-%d}.tif", field * number)
    inputs = [{"feature": "rain", "file": series}, {"feature": "et", "file": str(tmp_path / "et_{date}.tif")}]
    features = {"daily": [{"name": "rain", "lags": [0, 2]}, {"name": "et", "lags": [1, 1]}]}
    static, _ = whole(inputs, features, grid)
    for column, expected in enumerate([field + 3, field + 2, field + 1, field * 2]):
        assert (static[..., column] == expected).all()
    assert files_of_day(inputs, {**NONE, **features}, DAY) == [series, str(tmp_path / "et_2022-08-14.tif")]


def test_files_of_a_features_days_may_lie_on_several_grids(tmp_path, grid, field):
    tiff(tmp_path / "et_2022-08-15.tif", field)
    tiff(tmp_path / "et_2022-08-14.tif", field[::2, ::2] * 2, UTM @ Affine.scale(2))
    inputs = [{"feature": "et", "file": str(tmp_path / "et_{date}.tif")}]
    static, _ = whole(inputs, {"daily": [{"name": "et", "lags": [0, 1]}]}, grid)
    assert (static[..., 0] == field).all()
    assert (static[..., 1] == np.repeat(np.repeat(field[::2, ::2] * 2, 2, 0), 2, 1)).all()


def test_a_step_of_a_sequence_is_the_mean_of_its_days_rasters(tmp_path, grid):
    days = pd.date_range("2022-08-12", DAY)
    x, y = centres(1000, 539_500, 5), centres(-1000, 5_360_500, 5)
    values = np.arange(4.0)[:, None, None] + np.zeros((4, 5, 5))
    path = netcdf(tmp_path / "coarse.nc", {"top": values}, days, x, y)
    steps = {"variables": ["top"], "lags": [0, 1], "every": 2, "statistic": "mean"}
    _, sequence = whole([{"feature": "top", "file": path}], {"sequence": steps}, grid)
    assert (sequence[..., 0] == [0.5, 2.5]).all()
    assert files_of_day([{"feature": "top", "file": "{date}.tif"}], {**NONE, "sequence": steps}, DAY)[-1] == (
        "2022-08-12.tif")  # fmt: skip


def test_a_day_of_many_fields_is_refused_not_read_at_its_first(tmp_path, grid, field):
    x, y = centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE)
    hours = [f"{DAY}T{hour:02d}:00" for hour in range(24)]
    hourly = netcdf(tmp_path / "tmax.nc", {"rain": np.stack([field] * 24)}, hours, x, y)
    with (
        pytest.raises(RasterError, match=f"several fields of rain on {DAY}; expected one a day, not 24"),
        open_cells(hourly, ["rain"]),
    ):
        pass


def test_a_file_of_one_day_cannot_give_a_lag(tmp_path, grid, field):
    inputs = [{"feature": "rain", "file": tiff(tmp_path / "rain.tif", field)}]
    with pytest.raises(RasterError, match="holds one day, and 'rain_1' is of 1 days before"):
        whole(inputs, {"daily": [{"name": "rain", "lags": [0, 1]}]}, grid)


def test_sequences_stay_on_their_cells_and_run_from_the_oldest_step(tmp_path, grid):
    days = pd.date_range("2022-08-10", DAY)
    x, y = centres(1000, 539_500, 5), centres(-1000, 5_360_500, 5)
    values = np.random.default_rng(2).random((2, 6, 5, 5)).astype(np.float32)
    path = netcdf(tmp_path / "coarse.nc", {"top": values[0], "root": values[1]}, days, x, y)
    features = {"sequence": {"variables": ["root", "top"], "lags": [1, 3]}}
    inputs = [{"feature": ["top", "root"], "file": path}]
    _, sequence = whole(inputs, features, grid)
    # pixel (20, 39) has its centre at 543160, 5358360: column 3, row 2
    assert (sequence[20, 39] == np.stack([values[1, 2:5, 2, 3], values[0, 2:5, 2, 3]], axis=1)).all()
    with open_day(given(inputs), feature_set({**NONE, **features}), DAY, grid) as rasters:
        read = rasters.read(grid.tiles[0])
    assert len(read.pixel) == 256
    assert len(read.cells) == 4  # a tile of 1280 m meets two cells a side


def test_variables_of_a_sequence_may_lie_on_different_grids(tmp_path, grid):
    days = [pd.Timestamp(DAY)]
    one, two = np.arange(25.0).reshape(1, 5, 5), 100 + np.arange(9.0).reshape(1, 3, 3)
    first = netcdf(tmp_path / "a.nc", {"top": one}, days, centres(1000, 539_500, 5), centres(-1000, 5_360_500, 5))
    second = netcdf(tmp_path / "b.nc", {"root": two}, days, centres(1100, 540_000, 3), centres(-1100, 5_360_000, 3))
    features = {"sequence": {"variables": ["top", "root"], "lags": [0, 0]}}
    inputs = [{"feature": "top", "file": first}, {"feature": "root", "file": second}]
    _, sequence = whole(inputs, features, grid)
    x, y = np.meshgrid(centres(80, 540_000, SIDE), centres(80, 0, SIDE))
    assert (sequence[..., 0, 0] == one[0, ((y + 500) // 1000).astype(int), ((x - 539_500) // 1000).astype(int)]).all()
    assert (sequence[..., 0, 1] == two[0, (y // 1100).astype(int), ((x - 540_000) // 1100).astype(int)]).all()


def test_a_missing_coarse_cell_leaves_out_its_pixels_only(tmp_path, grid):
    values = np.ones((1, 5, 5))
    values[0, 0, 0] = np.nan
    x, y = centres(1000, 539_500, 5), centres(-1000, 5_360_500, 5)
    path = netcdf(tmp_path / "coarse.nc", {"top": values}, [DAY], x, y)
    features = {"sequence": {"variables": ["top"], "lags": [0, 0]}}
    _, sequence = whole([{"feature": "top", "file": path}], features, grid)
    assert np.isnan(sequence[:6, :6]).all()
    assert np.isnan(sequence).sum() == 36


def test_rows_that_run_north_are_not_turned_over(tmp_path, grid, field):
    x, y = centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE)
    path = netcdf(tmp_path / "dem.nc", {"dem": field[None, ::-1]}, [DAY], x, y[::-1])
    static, _ = whole([{"feature": "dem", "file": path}], {"daily": [{"name": "dem", "lags": [0, 0]}]}, grid)
    assert (static[..., 0] == field).all()


def test_packed_values_are_unpacked(tmp_path, grid):
    path = tiff(tmp_path / "ndvi.tif", np.full((SIDE, SIDE), 8000, np.int16), nodata=-3000)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.0001,), (0.1,)
    static, _ = whole([{"feature": "ndvi", "file": path}], {"static": ["ndvi"]}, grid)
    assert np.allclose(static, 0.9)


def test_day_of_year_is_that_of_the_samples(tmp_path, grid, field):
    from loam.covariates.season import day_of_year

    inputs = [{"feature": "dem", "file": tiff(tmp_path / "dem.tif", field)}]
    static, _ = whole(inputs, {"static": ["dem"], "day_of_year": True}, grid)
    for column, part in ((1, "sin"), (2, "cos")):
        expected = day_of_year(pd.DatetimeIndex([DAY]), part).astype(np.float32)
        assert (static[..., column] == expected).all()


def test_what_a_file_lacks_is_named(tmp_path, grid, field):
    x, y = centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE)
    daily = {"daily": [{"name": "rain", "lags": [0, 0]}]}

    def fails(path, features, match, names="rain"):
        with pytest.raises(RasterError, match=match):
            whole([{"feature": names, "file": path}], features, grid)

    fails(str(tmp_path / "no.tif"), daily, "no.tif: no such file")
    fails(str(tmp_path / "no.nc"), daily, "no.nc: no such file")
    (tmp_path / "text.nc").write_text("text")
    fails(str(tmp_path / "text.nc"), daily, "cannot be read as netCDF")
    two = tiff(tmp_path / "two.tif", np.stack([field, field]))
    fails(two, daily, "has 2 bands, the config names 1 features")
    series = netcdf(tmp_path / "rain.nc", {"rain": field[None]}, ["2022-08-01"], x, y)
    fails(series, daily, "has no 2022-08-15; expected that day among its 1, 2022-08-01 to 2022-08-01")
    fails(series, {"daily": [{"name": "sun", "lags": [0, 0]}]}, "has no variable sun; expected one of rain", "sun")
    fails(netcdf(tmp_path / "x.nc", {"rain": field[None]}, [DAY], x, y, crs=None), daily, "no coordinate reference")
    fails(tiff(tmp_path / "x.tif", field, crs=None), daily, "no coordinate reference")
    uneven = x.copy()
    uneven[5] += 30
    fails(netcdf(tmp_path / "u.nc", {"rain": field[None]}, [DAY], uneven, y), daily, "'x' is not evenly spaced")
    far = tiff(tmp_path / "far.tif", field, UTM @ Affine.translation(5000, 0))
    fails(far, daily, "does not overlap the grid of the map")


def test_the_rasters_of_yanco_hold_the_values_sampled_at_the_probes(shared_data):
    folder = shared_data / "yanco"
    files = {"dem": "DEM_100m_resampled", "silt": "SLT_100m_resampled", "tavg": "ANUClimate_v2-0_tavg_daily_20160205"}
    grid = grid_like(folder / "rasters" / "DEM_100m_resampled.tif", 512)
    inputs = [{"feature": name, "file": str(folder / "rasters" / f"{file}.tif")} for name, file in files.items()]
    features = {"static": ["dem", "silt"], "daily": [{"name": "tavg", "lags": [0, 0]}]}
    static, _ = whole(inputs, features, grid, "2016-02-05")
    sites = pd.read_csv(folder / "sites.csv").set_index("sitename")
    compared = 0
    for path in sorted((folder / "stations").glob("*.csv")):
        site, day = sites.loc[path.stem], pd.read_csv(path).query("time == '2016-02-05'")
        row, col = cells_at(grid.geobox, np.array([site["lon"]]), np.array([site["lat"]]))
        pixel = static[row[0], col[0]]
        if len(day) and not np.isnan(pixel).any():
            assert np.allclose(pixel, day[["dem", "silt", "tavg"]].to_numpy()[0], rtol=0, atol=0.02), path.stem
            compared += 1
    assert compared > 20


@pytest.mark.parametrize("code", [-999.0, 9999.0, 1e20, -127.0])
def test_a_pixel_that_cannot_be_is_refused_with_its_place(tmp_path, grid, code):
    values = np.full((SIDE, SIDE), 21.5, np.float32)
    values[17, 23] = code
    inputs = [{"feature": "tmax", "file": tiff(tmp_path / "tmax.tif", values)}]
    features = {"daily": [{"name": "tmax", "lags": [0, 0]}]}
    with pytest.raises(RasterError, match=f"tmax is {code:g}".replace("+", r"\+") + " at row 17, column 23"):
        whole(inputs, features, grid)
    tiff(tmp_path / "tmax.tif", values, nodata=code)  # where the file says so, it is missing
    static, _ = whole(inputs, features, grid)
    assert np.isnan(static[17, 23]) and np.isfinite(static).sum() == SIDE * SIDE - 1
    tiff(tmp_path / "tmax.tif", np.full((SIDE, SIDE), 294.65, np.float32))  # kelvin
    assert np.isfinite(whole(inputs, features, grid)[0]).all()


@pytest.mark.parametrize(("boundary", "value"), [("00:00+10:00", 7.0), ("00:00+00:00", 8.0)])
def test_a_step_with_bounds_is_of_the_runs_day_in_which_it_ends(tmp_path, grid, boundary, value):
    """Days of UTC: that of the map's date ends ten hours after the day of the east, and is no part of it."""
    x, y = centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE)
    days = pd.date_range("2022-08-13", periods=4)
    fields = np.arange(6.0, 10.0)[:, None, None] * np.ones((SIDE, SIDE))  # 8 on the 15th
    path = netcdf(tmp_path / "plain.nc", {"tmax": fields}, days, x, y)
    with xr.open_dataset(path) as plain:
        data = plain.load()
    data["time"].attrs["bounds"] = "time_bnds"
    data["time_bnds"] = ("time", "nv"), np.stack([days, days + pd.Timedelta(days=1)], 1)
    data.to_netcdf(tmp_path / "tmax.nc")
    features = feature_set({**NONE, "daily": [{"name": "tmax", "lags": [0, 0]}]})
    inputs = [{"feature": "tmax", "file": str(tmp_path / "tmax.nc")}]
    with open_day(given(inputs), features, DAY, grid, day_boundary=boundary) as rasters:
        assert np.unique(rasters.read(grid.tiles[0]).static) == [value]


def test_a_netcdf_without_time_serves_a_daily_feature_only_with_its_day(tmp_path, grid, field):
    x, y = centres(80, 540_000, SIDE), centres(-80, 5_360_000, SIDE)
    path = tmp_path / "rain.nc"
    dated = netcdf(tmp_path / "dated.nc", {"rain": field[None]}, [pd.Timestamp(DAY)], x, y)
    with xr.open_dataset(dated) as file:
        file.isel(time=0, drop=True).to_netcdf(path)
    features = {"daily": [{"name": "rain", "lags": [0, 0]}]}
    with pytest.raises(RasterError, match=r"rain.nc: holds one day, and 'rain_0' is of 0 days before"):
        whole([{"feature": "rain", "file": str(path)}], features, grid)
    with pytest.raises(RasterError, match=r"rain.nc: holds 2022-01-01, and 'rain_0'"):
        whole([{"feature": "rain", "file": str(path), "date": "2022-01-01"}], features, grid)
    static, _ = whole([{"feature": "rain", "file": str(path), "date": DAY}], features, grid)
    assert np.allclose(static[..., 0], field)
