"""What a map hears of the day's probes, and that it reads its inputs as a prediction at a held-out station does."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch
from networks import a_network
from series import features_of_shape, series_of_inputs

from loam.covariates.features import feature_set
from loam.covariates.read.rasters import open_day
from loam.mapping.engine import Engine
from loam.mapping.probes_of_day import ProbesOfDay
from loam.models.parts.initial import draw_parameters
from loam.raster.grid import grid_like
from loam.samples.windows import Windows
from loam.training.card import Members
from loam.training.extras import extras_of
from loam.training.scaling import Scaler

from .conftest import DAY, FEATURES

NAMES = ["neighbours_l0", "neighbours_l1", "neighbours_count_l0", "neighbours_count_l1"]
HOW = {"power": 2.0, "floor_km": 1.0, "absent": 0.25}


def rows_of(moisture):
    """Rows of four stations, 20 km from one to the next."""
    series = series_of_inputs(np.zeros((4, 1)), np.zeros((4, 2)), (1, 0, 0))
    days = series.days[0] + np.arange(moisture.shape[1])
    latitude = -34 - 0.18 * np.arange(4)
    series = replace(series, days=days, moisture=moisture[None], latitude=latitude, longitude=np.full(4, 146.0))
    return Windows(series, features_of_shape((1, 0, 0)), ["l0", "l1"], "target")


def test_a_pixel_hears_what_a_held_out_station_at_its_place_hears(caplog):
    moisture = np.random.default_rng(0).uniform(0.1, 0.4, (4, 6, 2))
    moisture[1, 3, 0] = np.nan
    moisture[:, 5] = np.nan
    every = rows_of(moisture)
    others = np.flatnonzero(every.station != 2)
    unit = np.array([[0.05, 0.1]])
    expected = extras_of(every, [others], NAMES, unit, HOW).neighbours[0].reshape(4, 6, 4)[2, 3]
    without = rows_of(np.where(np.arange(4)[:, None, None] == 2, np.nan, moisture))
    day = str(without.series.days[3])
    place = SimpleNamespace(centres=lambda tile, crs: (np.array([[146.0]]), np.array([[every.series.latitude[2]]])))
    value, count = ProbesOfDay(without, day, HOW).at(place, None, np.array([0]))
    assert count.tolist() == [[2, 3]]
    np.testing.assert_allclose(np.r_[value[0] / unit[0], count[0] / (count[0] + 1)], expected, rtol=0, atol=1e-6)
    assert not caplog.records
    for silent in (str(every.series.days[5]), "1999-01-01"):
        with caplog.at_level(logging.WARNING, "loam"):
            value, count = ProbesOfDay(without, silent, HOW).at(place, None, np.array([0]))
        assert not value.any() and not count.any()
        assert f"{silent}: no probe has a row of samples on the day" in caplog.text


def test_a_map_reads_logarithms_the_domain_and_the_probes_as_a_held_out_station_does(region):
    features, rng = feature_set(FEATURES), np.random.default_rng(3)
    columns, (static, steps, variables) = features.columns, features.shape
    mean, std = rng.normal(0.5, 0.2, (3, len(columns))), rng.uniform(1, 2, (3, len(columns)))
    median = np.full(mean.shape, np.nan)
    median[:, [columns.index("clay"), columns.index("elevation")]] = [[20, 300], [25, 310], [30, 320]]
    shape = (static + 5, steps, variables)
    network = a_network("mlp", {"hidden": [16, 8], "frozen": 0, "output": "scaled", "activation": "silu"}, shape, 2)
    parameters = draw_parameters(network, range(3))
    parameters |= {"output_shift": torch.full((3, 2), 0.3), "output_scale": torch.full((3, 2), 0.5)}
    unit = rng.uniform(0.05, 0.1, (3, 2))
    card = {
        "model": "mlp_neighbours", "scenario": "both", "layers": ["surface", "subsurface"], "features": columns,
        "shape": list(shape), "extras": ["of_target", *NAMES], "members": [{"unit": own.tolist()} for own in unit],
    }  # fmt: skip
    members = Members([network], [parameters], Scaler(mean, std, median), card)
    grid = grid_like(region["land"], 512)
    with open_day(region["inputs"], features, DAY, grid) as rasters:
        inputs = rasters.read(grid.tiles[0])
    pixels = len(inputs.static)
    value, count = rng.normal(0, 0.05, (pixels, 2)), rng.integers(0, 4, (pixels, 2))
    found, spread = Engine(members, "cpu").predict(inputs, (value, count))
    both = np.concatenate([inputs.static, inputs.cells[inputs.cell].reshape(pixels, -1)], 1).astype(float)
    outputs = []
    for place in range(3):
        read = members.scaler.apply(place, slice(None), both)
        told = [read[:, :static], np.ones((pixels, 1)), value / unit[place], count / (count + 1)]
        own, _ = members.network_of(place)
        parts = {"static": np.concatenate(told, 1), "sequence": read[:, static:].reshape(pixels, steps, variables)}
        outputs.append(own({name: torch.from_numpy(part).float() for name, part in parts.items()})[:, -1].numpy())
    np.testing.assert_allclose(found, np.mean(outputs, 0).clip(0, 1), rtol=0, atol=2e-6)
    np.testing.assert_allclose(spread, np.std(outputs, 0, ddof=1), rtol=0, atol=2e-6)
    silent, _ = Engine(members, "cpu").predict(inputs)
    assert np.abs(silent - found).max() > 1e-3, "what probes say must matter"
