"""A map that is moved by the residuals of the probes of its day."""

import numpy as np
import pandas as pd
import pytest

from loam.mapping.conditioned_day import ConditionedDay
from loam.raster.grid import crs_of, grid_like, project

LAYERS = ["surface", "subsurface"]
DAYS = pd.date_range("2021-01-01", periods=30)


@pytest.fixture
def grid(region):
    return grid_like(region["land"], 32)


@pytest.fixture
def places(grid):
    x, y = grid.centres_of(np.arange(8) * 3, np.arange(8) * 2)
    longitude, latitude = project(x, y, crs_of(grid.geobox), "EPSG:4326")
    index = pd.Index([f"s{number}" for number in range(8)], name="station")
    return pd.DataFrame({"latitude": latitude, "longitude": longitude}, index=index)


def predictions(places, layers=LAYERS):
    """Of a network that misses what all stations share of each day, in the first layer."""
    missed = np.random.default_rng(1).normal(0, 0.05, len(DAYS))
    own = np.random.default_rng(2).normal(0, 0.005, (len(places), len(DAYS)))
    parts = [
        pd.DataFrame({"station": station, "date": DAYS, "layer": layer, "predicted": 0.25,
                      "observed": 0.25 + own[place] + missed * (layer == "surface")})
        for place, station in enumerate(places.index)
        for layer in layers
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True), missed - missed.mean()


def test_pixels_are_moved_by_what_the_probes_share_of_the_day(grid, places):
    table, missed = predictions(places)
    (tile,) = [tile for tile in grid.tiles][:1]
    pixel = np.arange(20)
    wettest = int(np.argmax(missed))
    shift = ConditionedDay(table, places, LAYERS, f"{DAYS[wettest]:%Y-%m-%d}").at(grid, tile, pixel)
    level = table[table["layer"] == "surface"]
    level = (level["observed"] - level["predicted"]).mean()
    assert shift[:, 0] == pytest.approx(np.full(20, missed[wettest]), abs=0.01 + abs(level))
    assert np.abs(shift[:, 1]).max() < 0.01, "the other layer is hardly off"


def test_what_leaves_the_possible_becomes_the_bound(grid, places):
    table, missed = predictions(places)
    day = ConditionedDay(table, places, LAYERS, f"{DAYS[int(np.argmax(missed))]:%Y-%m-%d}")
    mean = np.full((20, 2), 0.999, np.float32)
    moved, left = day.moved(grid, next(iter(grid.tiles)), np.arange(20), mean)
    assert (moved[:, 0] == 1).all() and left.all() and moved.dtype == np.float32


def test_a_day_without_a_probe_is_told_of_and_keeps_the_level_alone(grid, places, caplog):
    table, _ = predictions(places)
    day = ConditionedDay(table, places, LAYERS, "2021-06-01")
    shift = day.at(grid, next(iter(grid.tiles)), np.arange(5))
    assert np.abs(shift).max() < 0.02
    assert "no probe of surface has a held-out prediction on the day" in caplog.text


def test_a_layer_without_a_prediction_stays(grid, places):
    table, _ = predictions(places, ["surface"])
    shift = ConditionedDay(table, places, LAYERS, "2021-01-05").at(grid, next(iter(grid.tiles)), np.arange(5))
    assert (shift[:, 1] == 0).all()
