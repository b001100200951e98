"""A day mapped by a rival: at every pixel what the regressor says of its features."""

import numpy as np
import pandas as pd
import pytest
import rasterio

from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.errors import TableError
from loam.mapping.day_map import map_day
from loam.mapping.rival_map import RivalEngine, range_of_table
from loam.raster.grid import grid_like
from loam.rivals.boosted_trees import trees

from .conftest import DAY, FEATURES

SET = feature_set(FEATURES)
LAYERS = ["surface", "subsurface"]


class Sum:
    """A regressor of a known answer: a share of the features' sum, and the mean it was fitted to."""

    def fit(self, read, moisture):
        self.mean = moisture.mean()
        return self

    def predict(self, read):
        return self.mean + read @ np.linspace(-1e-4, 1e-4, read.shape[1])


def rows(names, seed, **limits):
    """Samples within and at the limits of a region's values, all pasture or forest."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(generator.uniform(size=(40, len(SET.columns))), columns=SET.columns)
    for name, (low, high) in {"elevation": (0, 900), "clay": (3, 60)}.items():
        table[name] = np.linspace(*limits.get(name, (low, high)), 40)
    classes = [name for name in SET.columns if "PAST" in name or "FORE" in name]
    table[classes] = np.eye(2)[np.arange(40) % 2]
    table[[name for name in SET.columns if name.startswith("day_of_year")]] = np.tile([[-1.0], [1.0]], (20, 2))
    sequence = [name for name in SET.columns if name.startswith(("sm_", "rain"))]
    table.loc[0, sequence], table.loc[1, sequence] = 0.0, 1.0
    return table.assign(station=np.resize(names, 40), surface=generator.uniform(0.1, 0.4, 40), subsurface=0.3)


@pytest.fixture
def mapped(region, tmp_path):
    """``mapped(make, target, source)``: the bands of the day's map, and those of its trust."""

    def run(make, target, source=None, **how):
        engine = RivalEngine("boosted_trees_all", make, source, target, SET, LAYERS)
        grid = grid_like(region["land"], 32)
        paths = [tmp_path / "map.tif", tmp_path / "trust.tif"]
        map_day(engine, SET, region["inputs"], DAY, grid, *paths, {}, **{"encoding": "float32", **how})
        found = []
        for path in paths:
            with rasterio.open(path) as dataset:
                found.append(dict(zip(dataset.descriptions, dataset.read(), strict=True)))
        return *found, grid

    return run


def test_each_pixel_has_what_the_regressor_says_of_its_features(region, mapped):
    target = rows(["a", "b"], 1)
    bands, _, grid = mapped(Sum, target, outside="extrapolate")
    compared = 0
    with open_day(region["inputs"], SET, DAY, grid) as rasters:
        for tile in grid.tiles:
            inputs = rasters.read(tile)
            read = np.concatenate([inputs.static, inputs.cells[inputs.cell].reshape(len(inputs.cell), -1)], axis=1)
            at = (tile.row + inputs.pixel // tile.width, tile.col + inputs.pixel % tile.width)
            for layer in LAYERS:
                expected = Sum().fit(None, target[layer].to_numpy()).predict(read.astype(float))
                np.testing.assert_allclose(bands[f"{layer}_mean"][at], expected, atol=1e-6)
            compared += len(read)
    assert compared == region["mapped"].sum()
    assert np.isnan(bands["surface_std"]).all()


def test_trees_learn_both_domains_and_are_masked_outside_the_range_of_their_rows(region, mapped):
    target, source = rows(["a", "b"], 1, elevation=(0, 300)), rows(["far"], 2, elevation=(0, 500))
    bands, trust, _ = mapped(lambda: trees(1), target, source, outside="mask")
    with rasterio.open(region["land"]) as dataset:
        high = region["mapped"] & (dataset.read(1) > 500)
    assert np.isnan(bands["surface_mean"][high]).all() and (trust["inside_training_range"][high] == 0).all()
    inside = trust["inside_training_range"] == 1
    assert inside.sum() > 100 and np.isfinite(bands["surface_mean"][inside]).all()
    alone = RivalEngine("boosted_trees_all", lambda: trees(1), None, target, SET, LAYERS)
    assert alone.card["scenario"] == "target" and alone.card["range"]["maximum"][SET.columns.index("elevation")] == 300


def test_the_possible_bounds_what_a_regressor_says(mapped):
    target = rows(["a", "b"], 1).assign(surface=1.5)
    bands, _, _ = mapped(Sum, target, outside="extrapolate")
    given = np.isfinite(bands["surface_mean"])
    assert given.any() and (bands["surface_mean"][given] == 1).all()


def test_a_layer_that_nobody_observed_is_refused():
    with pytest.raises(TableError, match="layer subsurface was observed nowhere"):
        RivalEngine("boosted_trees_all", Sum, None, rows(["a"], 1).assign(subsurface=np.nan), SET, LAYERS)


def test_the_range_holds_the_total_of_classes():
    read = rows(["a"], 1)[SET.columns].to_numpy(float)
    assert range_of_table(read, SET).classes == {"landcover": (1.0, 1.0)}
