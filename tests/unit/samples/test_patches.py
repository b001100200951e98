"""Patches of samples are the pixels around a station, read as single pixels are; what lacks takes the middle one's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from samples import SETTINGS, sampled

from loam.covariates.features import Feature, FeatureSet, feature_set, widest_set
from loam.covariates.read.day import open_cube_day
from loam.covariates.read.derive import RowReader
from loam.covariates.read.tiles import fill_from_middle
from loam.errors import TableError
from loam.raster.grid import crs_of, project
from loam.samples.domains import domain_of_cube
from loam.samples.gaps import Gaps
from loam.samples.patch_reader import read_patches
from loam.samples.series import join_series, open_samples, write_samples
from loam.samples.station_pixels import pixels_of
from loam.samples.windows import Windows
from loam.training.device_inputs import ScaledInputs
from loam.training.ranges import range_of_rows
from loam.training.scaling import Scaler, fit_scaler

LAYERS = [{"name": "surface", "column": "x"}]
WINDOW = {"length": 3, "step": 2, "patch": 5}
FEATURES = {
    "static": ["clay_1"], "daily": [{"name": "tmin", "lags": [0, 0]}], "classes": [], "day_of_year": False,
    "sequence": {"variables": ["sm_surface"], "lags": [0, 1], "windows": [WINDOW]},
    "patch": ["modis_ndvi", "elevation", "rain"],
}  # fmt: skip
PLACES = {"inland": (50, 60), "on the edge": (74, 109), "at the sea": (30, 6), "by the gap": (43, 52)}
PERIOD = pd.date_range("2020-02-20", "2020-03-12")


def lon_lat(world, row, col):
    x, y = world.grid.centres_of(np.array([row]), np.array([col]))
    longitude, latitude = project(x, y, crs_of(world.grid.geobox), "EPSG:4326")
    return float(longitude[0]), float(latitude[0])


@pytest.fixture(scope="module")
def domain(world, tmp_path_factory):
    places = {name: lon_lat(world, *place) for name, place in PLACES.items()}
    stations = pd.DataFrame(
        [(name, latitude, longitude) for name, (longitude, latitude) in places.items()],
        columns=["station", "latitude", "longitude"],
    )
    daily = pd.concat([
        pd.DataFrame({"station": name, "date": PERIOD, "layer": "surface", "moisture": np.linspace(0.1, 0.3, 22)})
        for name in PLACES
    ])  # fmt: skip
    return domain_of_cube("target", world.cube(), daily, stations, ["surface"], tmp_path_factory.mktemp("where"))


@pytest.fixture(scope="module")
def samples(domain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    series, _, dropped = sampled(domain, folder, LAYERS, FEATURES)
    write_samples(
        series, folder / "target.zarr", read_patches(domain, widest_set(FEATURES), series.days, SETTINGS, Gaps())
    )
    return folder / "target.zarr", dropped


@pytest.fixture(scope="module")
def windows(samples):
    return Windows(open_samples(samples[0]), feature_set(FEATURES, WINDOW), ["surface"], "target")


def pixel_by_pixel(cube, station, name, day):
    """A patch of a covariate around a station on a day, laid out by hand; the middle one's where it is no land."""
    (row, col), feature = PLACES[station], Feature(name, name, "static" if name == "elevation" else "daily")
    at = [(row + down - 2, col + across - 2) for down, across in np.ndindex(5, 5)]
    land = [4 <= row < 75 and 6 <= col < 110 for row, col in at]  # the grid, but the sea in the west
    pixels = np.array([place for place, there in zip(at, land, strict=True) if there])
    reader = RowReader(FeatureSet((feature,), ()), cube.at(*pixels.T), np.array([day]), SETTINGS)
    values = iter(reader.column(feature, np.zeros(len(pixels), int), np.arange(len(pixels))))
    patch = np.array([next(values) if there else np.nan for there in land]).reshape(5, 5)
    return np.where(np.isnan(patch), patch[2, 2], patch)


@pytest.mark.parametrize("station", PLACES)
def test_a_patch_holds_the_pixels_around_its_station_on_the_days_of_the_steps(world, windows, station):
    own = np.flatnonzero(windows.stations == station)
    row = own[len(own) // 2]
    identity = Scaler(np.zeros((1, len(windows.features.all))), np.ones((1, len(windows.features.all))))
    read = ScaledInputs(windows, identity, "cpu", torch.float32).read(torch.tensor([[row]]))["patch"][0, 0].numpy()
    assert read.shape == (3, 5, 5, 3) and np.isfinite(read).all()
    day, cube = windows.series.days[windows.day[row]], world.cube()
    for step, lag in ((0, 4), (2, 0)):
        for band, name in enumerate(FEATURES["patch"]):
            expected = pixel_by_pixel(cube, station, name, day - lag).astype(np.float32)
            np.testing.assert_array_equal(read[step, ..., band], expected, err_msg=name)
    if station == "inland":
        assert np.ptp(read[..., 0]) > 0 and np.ptp(read[..., 1]) > 0, "pixels differ, so agreement means something"


def test_what_lacks_takes_the_value_of_the_middle_pixel_and_is_counted():
    patches = np.arange(18, dtype=float).reshape(1, 3, 3, 2)
    patches[0, 0, 0, 0] = patches[0, 2, 1, 1] = np.nan
    whole = patches.copy()
    assert fill_from_middle(patches).tolist() == [1, 1]
    assert patches[0, 0, 0, 0] == whole[0, 1, 1, 0] and patches[0, 2, 1, 1] == whole[0, 1, 1, 1]
    whole[0, 1, 1, 0] = np.nan
    left = whole.copy()
    assert fill_from_middle(left).tolist() == [0, 1]
    assert np.isnan(left[0, :, :, 0]).sum() == 2, "without a middle pixel there is no patch"


def test_a_row_whose_own_pixel_lacks_a_band_is_dropped_and_counted(domain, samples, world, windows):
    dropped = samples[1]
    kept = dropped[dropped["reason"] == "kept"].set_index("station")["rows"]
    assert kept.sum() == len(windows) and set(kept.index) <= set(PLACES)
    lacks = dropped[dropped["reason"] == "covariate"]
    assert lacks["column"].str.contains("modis_ndvi|rain").any(), "passes and weather have gaps"
    assert (kept + lacks.groupby("station")["rows"].sum().reindex(kept.index).fillna(0) == len(PERIOD)).all()


def test_the_store_opens_in_xarray_and_a_model_without_patches_does_not_read_them(samples, windows):
    with xr.open_zarr(samples[0], chunks=None) as dataset:
        assert dataset["patch"].dims == ("station", "day", "row", "column", "band")
        assert dataset["patch_static"].dims == ("station", "row", "column", "static_band")
        assert dataset["band"].to_numpy().tolist() == ["modis_ndvi", "rain"]
        assert dataset["static_band"].to_numpy().tolist() == ["elevation"]
        assert dataset["patch"].encoding["chunks"][0] == 1
    plain = Windows(open_samples(samples[0]), feature_set(FEATURES), ["surface"], "target")
    assert [part.shape[-1] for part in plain.around] == [0, 0] and not len(plain.bands)
    assert plain.keys.equals(windows.keys), "all models are trained on the same rows"
    assert plain.hash != windows.hash


def test_a_smaller_patch_is_the_middle_of_the_largest(windows, samples):
    small = Windows(open_samples(samples[0]), feature_set(FEATURES, {**WINDOW, "patch": 3}), ["surface"], "target")
    for part, whole in zip(small.around, windows.around, strict=True):
        np.testing.assert_array_equal(part, whole[:, 1:4, 1:4])
    with pytest.raises(TableError, match="no patches of 7 x 7 pixels"):
        Windows(open_samples(samples[0]), feature_set(FEATURES, {**WINDOW, "patch": 7}), ["surface"], "target")


def test_a_band_has_one_scale_and_one_range_over_what_training_rows_read(windows):
    rows = np.flatnonzero(windows.stations != "at the sea")[::3]
    identity = Scaler(np.zeros((1, len(windows.features.all))), np.ones((1, len(windows.features.all))))
    read = ScaledInputs(windows, identity, "cpu", torch.float64).read(torch.from_numpy(rows)[None])["patch"][0].numpy()
    scaler, limits = fit_scaler(windows, [rows]), range_of_rows(windows, [rows])
    first = len(windows.features.all) - 9
    for band in range(3):
        places = [first + band + 3 * step for step in range(3)]
        assert scaler.mean[0, places] == pytest.approx([read[..., band].mean()] * 3, rel=1e-9)
        assert scaler.std[0, places] == pytest.approx([read[..., band].std()] * 3, rel=1e-6)
        assert limits.minimum[places].tolist() == [read[..., band].min()] * 3
        assert limits.maximum[places].tolist() == [read[..., band].max()] * 3
    scaled = ScaledInputs(windows, scaler, "cpu", torch.float64).read(torch.from_numpy(rows)[None])["patch"]
    assert scaled.mean((0, 1, 2, 3, 4)).abs().max() < 1e-9


def test_a_map_reads_around_a_pixel_what_samples_read_around_its_station(world, windows):
    features = windows.features
    last = {name: np.flatnonzero(windows.stations == name)[-1] for name in PLACES}
    identity = Scaler(np.zeros((1, len(features.all))), np.ones((1, len(features.all))))
    inputs, compared = ScaledInputs(windows, identity, "cpu", torch.float32), 0
    for name, row in last.items():
        (place_row, place_col), day = PLACES[name], windows.series.days[windows.day[row]]
        with open_cube_day(world.cube(), features, str(day)) as opened:
            for tile in world.grid.tiles:
                if tile.row <= place_row < tile.row + tile.height and tile.col <= place_col < tile.col + tile.width:
                    read = opened.read(tile)
                    pixel = (place_row - tile.row) * tile.width + place_col - tile.col
                    assert pixel in read.pixel, f"the pixel of {name} has every input"
                    found, _ = read.around.patches(np.array([pixel]))
                    sampled_there = inputs.read(torch.tensor([[row]]))["patch"][0]
                    np.testing.assert_array_equal(found, sampled_there.numpy(), err_msg=name)
                    compared += 1
    assert compared == len(PLACES)


def test_patches_of_two_domains_are_joined(samples):
    series = open_samples(samples[0])
    other = replace(series, stations=[f"z {name}" for name in series.stations], days=series.days + 3)
    both = join_series(series, other, {"source": 1.0, "target": 1.0})
    own = both.patches.arrays["patch"]
    np.testing.assert_array_equal(own[:4, :-3], series.patches.arrays["patch"][:])
    np.testing.assert_array_equal(own[4:, 3:], series.patches.arrays["patch"][:])
    assert np.isnan(own[:4, -3:]).all() and np.isnan(own[4:, :3]).all()
    alone = join_series(series, replace(other, patches=None), {"source": 1.0, "target": 1.0})
    assert alone.patches is None


def test_stations_lie_in_the_pixels_that_the_test_says(domain, world):
    rows, cols = pixels_of(world.grid, domain.about)
    assert [(int(row), int(col)) for row, col in zip(rows, cols, strict=True)] == [
        PLACES[name] for name in domain.about.index
    ]
