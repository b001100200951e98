"""Samples and maps read the same numbers; what a pixel reads is its own."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from loam.covariates.features import feature_set
from loam.covariates.read.cube import Cube
from loam.covariates.read.day import open_cube_day
from loam.covariates.read.derive import DAILY, RowReader, Settings
from loam.errors import ConfigError, RasterError

AGES = {"sentinel1": 12, "sentinel2": 20, "vegetation": 32}
SETTINGS = Settings("majority", "nearest", AGES, sum_days=(5, 30), missing_share=0.2)
FEATURES = {
    "static": ["elevation", "slope", "aspect_cos", "aspect_sin", "wetness", "clay_1", "clay_4", "bulk_density_2"],
    "daily": [
        {"name": "tmin", "lags": [0, 0]}, {"name": "rain", "lags": [0, 3]}, {"name": "rain_5", "lags": [0, 1]},
        {"name": "rain_30", "lags": [0, 0]}, {"name": "modis_ndvi", "lags": [0, 0]},
        {"name": "modis_ndvi_age", "lags": [0, 0]}, {"name": "vv", "lags": [0, 0]}, {"name": "vh", "lags": [0, 0]},
        {"name": "sentinel1_age", "lags": [0, 0]}, {"name": "ndvi", "lags": [0, 0]},
        {"name": "sentinel2_age", "lags": [0, 0]},
    ],
    "classes": [{"name": "landcover", "values": ["PAST", "FORE", "AGRI", "SAVA", "IRRI"]}],
    "day_of_year": True,
    "sequence": {"variables": ["sm_surface", "sm_rootzone"], "lags": [0, 7]},
}  # fmt: skip
FEW = {**FEATURES, "daily": FEATURES["daily"][:4], "sequence": {"variables": ["sm_surface", "rain_5"], "lags": [3, 10]}}


def read_rows(features, source, day, pixel, settings):
    """As samples are made: the series of each covariate, of which a lag is a day before the row's."""
    reader = RowReader(features, source, np.arange(day.min(), day.max() + 1), settings)
    out = np.empty((len(day), len(features.all)), np.float32)
    for column, feature in enumerate(features.all):
        if feature.kind in DAILY:
            first, values = reader.series(feature, len(source.rows))
            out[:, column] = values[pixel, (day - first).astype(int) - feature.lag]
        else:
            out[:, column] = reader.column(feature, (day - day.min()).astype(int), pixel)
    return out


def read_map(cube, features, day):
    """Every feature at every pixel of the region as a map reads them: [row, column, feature]; NaN where not mapped."""
    features = feature_set(features)
    out = np.full((*cube.grid.geobox.shape, len(features.all)), np.nan, np.float32)
    with open_cube_day(cube, features, day) as opened:
        for tile in cube.grid.tiles:
            read = opened.read(tile)
            rows, cols = tile.row + read.pixel // tile.width, tile.col + read.pixel % tile.width
            sequences = read.cells[read.cell].reshape(
                len(read.pixel), read.cells[0].size if len(read.cells) else features.shape[1] * features.shape[2]
            )
            out[rows, cols] = np.concatenate([read.static, sequences], axis=1)
        opened.log_missing()
    return out


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        (FEATURES, {}), (FEW, {}), (FEATURES, {"cell_index": "bilinear"}), (FEW, {"cell_index": "bilinear"}),
        (FEATURES, {"linear": frozenset({"sentinel2"})}),
    ],
)  # fmt: skip
def test_a_sample_is_bit_for_bit_what_the_map_reads(world, wanted, changed):
    chosen = replace(SETTINGS, **changed)
    cube, features = world.cube(chosen), feature_set(wanted)

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        day=st.dates(min_value=pd.Timestamp("2020-02-05").date(), max_value=pd.Timestamp("2020-03-31").date()),
        pixels=st.lists(st.tuples(st.integers(4, 74), st.integers(6, 109)), min_size=1, max_size=12, unique=True),
        others=st.lists(st.integers(-30, 30), max_size=4),
    )
    def check(day, pixels, others):
        mapped = read_map(cube, wanted, day.isoformat())
        rows, cols = np.array(pixels).T
        days = np.array([day, *(day + pd.Timedelta(days=shift) for shift in others)], "datetime64[D]")
        day_of_row, pixel = (part.ravel() for part in np.meshgrid(days, np.arange(len(pixels)), indexing="ij"))
        sample = read_rows(features, cube.at(rows, cols), day_of_row, pixel, chosen)[: len(pixels)]
        own = mapped[rows, cols]
        complete = ~np.isnan(own).any(axis=1)
        assert (complete == ~np.isnan(sample).any(axis=1)).all()
        assert (sample[complete].view(np.uint32) == own[complete].view(np.uint32)).all()

    check()
    if wanted is FEW:
        mapped = ~np.isnan(read_map(cube, wanted, "2020-03-14")).any(axis=2)
        assert mapped.sum() > 4000  # the property was not checked on nothing


def test_a_pixel_reads_its_own_maps_and_cells(world):
    cube = world.cube()
    features = feature_set({**FEATURES, "static": ["clay_1", "clay_2", "bulk_density_3", "elevation"], "daily": [
        {"name": "rain", "lags": [0, 1]}]})  # fmt: skip
    rows, cols = np.array([30, 70]), np.array([64, 100])
    days = np.array(["2020-02-20", "2020-03-01"], "datetime64[D]")
    sample = pd.DataFrame(
        read_rows(features, cube.at(rows, cols), days, np.array([0, 1]), SETTINGS), columns=features.columns
    )
    for place in (0, 1):
        own = sample.iloc[place]
        row, col = rows[place], cols[place]
        assert own["clay_1"] == world.maps["clay"][0, row, col] and own["clay_2"] == world.maps["clay"][1, row, col]
        assert own["bulk_density_3"] == pytest.approx(world.maps["bulk_density"][2, row, col], rel=1e-6)
        assert own["elevation"] == world.maps["elevation"][row, col]
        code = {320: "PAST", 330: "AGRI", 210: "SAVA", 220: "FORE", 430: "IRRI", 541: None}[
            world.maps["clum"][row, col]
        ]
        assert {name for name in ("PAST", "FORE", "AGRI", "SAVA", "IRRI") if own[f"landcover_{name}"]} == {code} - {
            None
        }
    x, y = world.grid.centres_of(rows, cols)
    longitude, latitude = pyproj.Transformer.from_crs(28355, 4326, always_xy=True).transform(x, y)
    with xr.open_dataset(world.folder / "smap" / "2020-02.nc") as dataset:
        for lag in range(8):
            day = dataset["sm_rootzone"].sel(time=f"2020-02-{20 - lag:02d}")
            expected = day.sel(x=longitude[0], y=latitude[0], method="nearest")
            assert sample.iloc[0][f"sm_rootzone_{lag}"] == np.float32(expected.item())
    with xr.open_dataset(world.folder / "weather" / "2020-02.nc") as dataset:  # a lag of 1 March is 29 February
        expected = dataset["rain"].sel(time="2020-02-29").sel(x=longitude[1], y=latitude[1], method="nearest").item()
        np.testing.assert_equal(sample.iloc[1]["rain_1"], np.float32(expected))


def test_sequences_are_read_once_a_cell_by_nearest_and_once_a_part_of_it_by_bilinear(world):
    features = feature_set(FEW)
    with open_cube_day(world.cube(), features, "2020-03-14") as opened:
        nearest = opened.read(world.grid.tiles[5])
    bilinear = replace(SETTINGS, cell_index="bilinear")
    with open_cube_day(world.cube(bilinear), features, "2020-03-14") as opened:
        each = opened.read(world.grid.tiles[5])
    assert len(nearest.cells) < len(nearest.pixel) / 4
    assert len(nearest.cells) < len(each.cells) <= len(each.pixel)
    assert len(np.unique(each.cells.reshape(len(each.cells), -1), axis=0)) == len(each.cells)


def test_shares_stand_in_for_classes(world):
    shares = replace(SETTINGS, landcover="shares")
    one, other = (read_map(world.cube(chosen), FEW, "2020-03-14") for chosen in (SETTINGS, shares))
    assert np.array_equal(one, other, equal_nan=True)  # on the grid itself a pixel is wholly one class


def test_what_lacked_is_logged(world, caplog):
    with caplog.at_level(logging.INFO, "loam"):
        read_map(world.cube(), FEATURES, "2020-03-14")
    assert "missing clay_1: 0.0" in caplog.text
    assert "missing ndvi_0" in caplog.text


def test_what_is_not_in_the_cube_is_named(world, tmp_path):
    cube = world.cube()
    with pytest.raises(ConfigError, match="no static covariate 'sand_1'; expected one of aspect_cos, aspect_sin"):
        read_map(cube, {**FEW, "static": ["sand_1"]}, "2020-03-14")
    with pytest.raises(ConfigError, match="no daily covariate 'sun'; expected one of rain, sm_rootzone, sm_surface"):
        read_map(cube, {**FEW, "daily": [{"name": "sun", "lags": [0, 0]}]}, "2020-03-14")
    with pytest.raises(RasterError, match="has no 2020-04; expected 2020-01, 2020-02, 2020-03"):
        read_map(cube, FEW, "2020-04-01")
    with pytest.raises(RasterError, match="no such store"):
        world.cube(months=("2019-12",))


def test_a_store_of_another_grid_is_refused(world):
    other = replace(world.grid, geobox=world.grid.geobox[:-1, :])
    with pytest.raises(RasterError, match="was built for another grid"):
        Cube(other, world.folder / "static.zarr", [], SETTINGS)


def test_xarray_opens_the_stores(world):
    with xr.open_zarr(world.folder / "static.zarr", consolidated=False) as static:
        assert static["clay_1"].dims == ("y", "x") and static["clay_1"].attrs["units"] == "%"
        assert float(static["x"][0]) == 540_040
    with xr.open_zarr(world.folder / "dynamic" / "2020-02.zarr", group="weather", consolidated=False) as weather:
        assert weather["rain"].sizes == {"time": 29, "y": 14, "x": 16}
        assert weather["time"].values[-1] == np.datetime64("2020-02-29")
        assert np.isnan(weather["rain"].sel(time="2020-02-10")).all()


def test_a_pass_that_stands_out_in_its_orbit_is_left_out_where_asked(world):
    plain, strict = world.cube(), world.cube(outliers=1.0)
    rows, cols = np.array([20, 21, 40]), np.array([30, 31, 60])
    first, last = np.datetime64("2020-01-01"), np.datetime64("2020-03-31")
    before, _ = plain.at(rows, cols).observations("sentinel1", "vv", first, last)
    after, _ = strict.at(rows, cols).observations("sentinel1", "vv", first, last)
    decibels = 10 * np.log10(before.values.astype(float))
    away = np.abs(decibels - np.nanmean(decibels, axis=0)) / np.nanstd(decibels, axis=0, ddof=1)
    assert (np.isnan(after.values) == (np.isnan(before.values) | (away > 1.0))).all()
    assert 0 < (away > 1.0).sum() < away.size
    same, _ = strict.at(rows, cols).observations("sentinel1", "local_incidence", first, last)
    assert np.isfinite(same.values).sum() == np.isfinite(before.values).sum()
