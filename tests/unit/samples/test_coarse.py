"""A coarse cell is a station: means over its land pixels, shares of classes, and the moisture that the model says."""

from __future__ import annotations

import numpy as np
import pytest
from samples import SETTINGS, sampled

from loam.errors import ConfigError
from loam.raster.classes import CODES
from loam.samples.coarse import CoarseCells
from loam.samples.domains import domain_of_cells
from loam.samples.teachers import Teacher

LAYERS = [{"name": "surface", "column": "x"}]
FEATURES = {
    "static": ["clay_1"], "daily": [{"name": "tmin", "lags": [0, 0]}, {"name": "rain_5", "lags": [0, 0]}],
    "classes": [{"name": "landcover", "values": ["PAST", "FORE"]}], "day_of_year": False,
    "sequence": {"variables": [], "lags": [0, 0]},
}  # fmt: skip
PERIOD = ["2020-03-01", "2020-03-10"]
MODEL = Teacher("model", 1.0, {"surface": "sm_surface"})


def pixels_of_cells(world):
    """All land pixels, and the coarse cell that each lies in, as maps read it."""
    parts = [
        (tile.row + land // tile.width, tile.col + land % tile.width)
        for tile in world.grid.tiles
        for land in [np.flatnonzero(world.grid.land_mask(tile))]
    ]
    rows, cols = (np.concatenate(part) for part in zip(*parts, strict=True))
    source = world.cube().at(rows, cols)
    day = np.datetime64("2020-03-05")
    _, index = source.series("sm_surface", day, day)
    cell = index.cell[:, 0]
    return source, index.rows[cell] * 1000 + index.cols[cell]


def test_means_and_shares_are_those_of_the_cells_land_pixels(world):
    source, cell = pixels_of_cells(world)
    cells = CoarseCells(world.cube())
    assert (cells.rows * 1000 + cells.cols).tolist() == np.unique(cell).tolist() and len(cells.rows) > 1
    mine = cells.at(np.arange(len(cells.rows)))
    forest = source.static("landcover") == CODES["FORE"]
    for place, name in enumerate(np.unique(cell)):
        here = cell == name
        assert cells.pixels[place] == here.sum()
        assert mine.static("clay_1")[place] == pytest.approx(np.nanmean(source.static("clay_1")[here], dtype=float))
        assert mine.class_of("landcover", "FORE", shares=False)[place] == pytest.approx(forest[here].mean())


def test_weather_is_the_mean_over_the_pixels_and_moisture_the_cells_own(world):
    source, cell = pixels_of_cells(world)
    cells = CoarseCells(world.cube())
    day = np.datetime64("2020-03-05")
    mine = cells.at(np.arange(len(cells.rows)))
    at, everyone = np.zeros(len(cells.rows), int), np.arange(len(cells.rows))
    for variable in ("tmin", "sm_surface"):
        given, index = source.series(variable, day, day)
        pixels = index.take(given.values, np.zeros(len(cell), int), np.arange(len(cell))).astype(float)
        given, index = mine.series(variable, day, day)
        expected = [np.nanmean(pixels[cell == name]) for name in np.unique(cell)]
        np.testing.assert_allclose(index.take(given.values, at, everyone), expected, rtol=1e-6)


def test_the_cells_are_stations_taught_by_the_model(world, tmp_path):
    domain = domain_of_cells("source", world.cube(), PERIOD, ["surface"], [MODEL], SETTINGS, tmp_path)
    series, rows, dropped = sampled(domain, tmp_path, LAYERS, FEATURES, ["landcover"])
    assert series.teachers == ["model"] and series.stations == sorted(series.stations)
    assert all(name.startswith("cell_") for name in series.stations)
    assert rows["date"].min().date().isoformat() >= PERIOD[0] and rows["date"].max().date().isoformat() == PERIOD[1]
    assert set(rows["landcover"]) <= set(CODES) and rows["landcover_PAST"].between(0, 1, inclusive="neither").all()
    place = series.stations.index(rows["station"].iloc[0])
    cells = CoarseCells(world.cube())
    own = world.cube().values("sm_surface", cells.rows, cells.cols, *np.array(PERIOD, "datetime64[D]"))
    np.testing.assert_array_equal(series.moisture[0, place, -10:, 0].astype(np.float32), own[:, place])
    assert dropped.query("reason == 'kept'")["rows"].sum() == len(rows) > 0


def test_cells_without_a_teacher_and_what_passes_see_are_refused(world, tmp_path):
    with pytest.raises(ConfigError, match="coarse cells of the source domain have no probes.*column: .surface"):
        domain_of_cells("source", world.cube(), PERIOD, ["surface"], [Teacher()], SETTINGS, tmp_path)
    domain = domain_of_cells("source", world.cube(), PERIOD, ["surface"], [MODEL], SETTINGS, tmp_path)
    with pytest.raises(ConfigError, match="vv of sentinel1 cannot be had of coarse cells"):
        sampled(domain, tmp_path, LAYERS, {**FEATURES, "daily": [{"name": "vv", "lags": [0, 0]}]})
