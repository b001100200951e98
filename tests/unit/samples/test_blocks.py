"""A station can be a block of pixels: means over its land pixels that have a value, if half of them do."""

from __future__ import annotations

import numpy as np
import pytest
from cube_probes import LAYERS, moisture_of, stations_at
from samples import SETTINGS, sampled

from loam.covariates.features import Feature, FeatureSet
from loam.covariates.read.derive import RowReader
from loam.raster.classes import CODES
from loam.samples.domains import domain_of_cube

PLACES = {"inland": (50, 60), "coast": (30, 6), "gap": (43, 52)}
NAMES = [layer["name"] for layer in LAYERS]
FEATURES = {
    "static": ["elevation"],
    "daily": [{"name": name, "lags": [0, 0]} for name in ("modis_ndvi", "vv", "rain_5")],
    "classes": [{"name": "landcover", "values": ["PAST", "FORE"]}], "day_of_year": False,
    "sequence": {"variables": ["sm_surface"], "lags": [0, 1]},
}  # fmt: skip


@pytest.fixture(scope="module")
def blocks(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blocks")
    stations, daily = stations_at(world.grid, PLACES), moisture_of(*PLACES)
    domain = domain_of_cube("target", world.cube(), daily, stations, NAMES, folder, block=5)
    return domain, *sampled(domain, folder, LAYERS, FEATURES, ["landcover"])


def pixels(world, station, feature, day):
    """What the land pixels of a station's block have on a day, each as a point of its own."""
    row, col = PLACES[station]
    at = [(row + down - 2, col + across - 2) for down, across in np.ndindex(5, 5)]
    rows, cols = np.array([place for place in at if 4 <= place[0] < 75 and 6 <= place[1] < 110]).T
    reader = RowReader(FeatureSet((feature,), ()), world.cube().at(rows, cols), np.array([day]), SETTINGS)
    return reader.column(feature, np.zeros(len(rows), int), np.arange(len(rows))).astype(float)


def mean_of(values):
    """Their mean if at least half of them are there."""
    known = values[np.isfinite(values)]
    return known.mean() if 2 * len(known) >= len(values) else np.nan


@pytest.mark.parametrize("station", PLACES)
def test_features_are_means_over_the_land_pixels_and_classes_their_shares(world, blocks, station):
    series = blocks[1]
    place, day = list(series.stations).index(station), np.datetime64("2020-03-04")
    at = int((day - series.days[0]).astype(int))
    elevation = pixels(world, station, Feature("elevation", "elevation", "static"), day)
    assert len(elevation) == (15 if station == "coast" else 25)
    assert series.static[place, 0] == pytest.approx(mean_of(elevation), rel=1e-6)
    for name in ("modis_ndvi", "vv", "rain_5", "sm_surface"):
        expected = mean_of(pixels(world, station, Feature(f"{name}_0", name, "daily"), day))
        np.testing.assert_allclose(series.daily[name][place, at], expected, rtol=1e-5, err_msg=name)
    codes = world.cube().static_array("landcover")[:]
    row, col = PLACES[station]
    own = codes[row - 2 : row + 3, max(col - 2, 6) : col + 3]
    forest = list(series.variables).index("landcover_FORE")
    assert series.static[place, forest] == pytest.approx((own == CODES["FORE"]).mean(), rel=1e-6)


def test_a_mean_of_few_pixels_is_missing_and_its_row_is_counted(blocks):
    _, series, rows, dropped = blocks
    missing = np.isnan(series.daily["vv"])
    assert missing.any() and not missing.all()
    lacks = dropped[dropped["reason"] == "covariate"]
    assert lacks["column"].str.contains("vv").any()
    assert dropped.groupby("station")["rows"].sum().eq(20).all()
    assert set(rows["landcover"]) <= {*CODES, "OTHER"}


def test_moisture_is_as_measured_and_the_block_offers_no_patches(blocks):
    domain, series, *_ = blocks
    daily = moisture_of(*PLACES)
    for station in PLACES:
        own = daily[(daily["station"] == station) & (daily["layer"] == "surface")]["moisture"]
        np.testing.assert_array_equal(series.moisture[0, list(series.stations).index(station), -20:, 0], own)
    assert domain.around is None
