"""What is published of coarse moisture: the truth of the cell, then errors of known size."""

from datetime import date, timedelta

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.config.sections.sandbox import Periods
from loam.raster.grid import Tile
from loam.sandbox.instruments import coarse_moisture
from loam.sandbox.instruments.coarse_moisture import cell_truth, fields_found, observed
from loam.sandbox.world import World, depth_mean
from loam.sandbox.world_settings import WorldSettings

FIRST = date(2021, 3, 1)
PERIOD = Periods(target=["2021-03-01", "2021-03-08"])
SETTINGS = WorldSettings(seed=5, rows=120, columns=120, period=PERIOD, spin_up_days=5)
DAYS = [FIRST + timedelta(days=step) for step in range(3)]


@pytest.fixture(scope="module")
def world():
    return World(SETTINGS)


def test_the_field_equals_the_truths_mean_over_each_cell_before_noise(world):
    cells = GeoBox((2, 2), Affine(9000, 0, SETTINGS.corner[0], 0, -9000, SETTINGS.corner[1]), "EPSG:28355")
    seen = cell_truth(world, DAYS, grid=GeoBox((40, 40), cells.transform, cells.crs))
    inside = Tile(0, 0, 120, 120)
    for place, day in enumerate(world.run(DAYS, inside)):
        for variable, depth in enumerate(((0, 5), (0, 100))):
            moisture = depth_mean(day.moisture, *depth).astype(float)
            fine = np.repeat(np.repeat(moisture, 2, axis=0), 2, axis=1)  # half pixels: the border cuts pixel 113
            expected = np.nanmean(fine[:225, :225]), np.nanmean(fine[:225, 225:])
            found = seen.values[variable, place, -seen.row, -seen.col : -seen.col + 2]
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_blocks_and_threads_do_not_change_the_cells(world, monkeypatch):
    whole = cell_truth(world, DAYS[:1])
    monkeypatch.setattr(coarse_moisture, "BLOCK", 50)
    parts = cell_truth(world, DAYS[:1], threads=2)
    np.testing.assert_array_equal(parts.values, whole.values)
    assert np.isfinite(whole.values).any()


def long_record(regional=0.0, model_only=None, cells=400):
    days = [date(2018, 1, 1) + timedelta(days=step) for step in range(700)]
    found = fields_found(1, days)
    truth = np.full((700, cells), 0.25)
    numbers = np.arange(cells)
    return found, observed(1, "sm_surface", truth, days, numbers, found, regional=regional, model_only=model_only)


def test_errors_are_of_the_stated_size_and_have_memory():
    _, seen = long_record()
    bias = seen.mean(axis=0) - 0.25
    error = seen - seen.mean(axis=0)
    assert abs(bias.std() - coarse_moisture.CELL_BIAS) < 0.003
    assert abs(error.std() - coarse_moisture.ERROR) < 0.003
    next_day = np.mean(error[1:] * error[:-1]) / error.var()
    assert 0.5 < next_day < 0.98


def test_the_regional_bias_shifts_every_cell_alike():
    shift = long_record(regional=1.0)[1] - long_record()[1]
    np.testing.assert_allclose(shift, coarse_moisture.REGIONAL_BIAS["sm_surface"], atol=1e-6)


def test_days_without_satellite_data_are_worse():
    alone = np.arange(700) < 350
    _, seen = long_record(model_only=alone)
    error = seen - np.mean(long_record()[1], axis=0)
    assert error[alone].std() > 1.3 * error[~alone].std()


def test_a_day_with_lost_fields_is_noisier_and_some_days_have_them():
    found, seen = long_record(cells=2000)
    few = found <= 4
    assert few.sum() >= 2 and 0.005 < (found < 8).mean() < 0.03 and found.min() >= 3
    spread = (seen - seen.mean(axis=0)).std(axis=1)
    assert spread[few].mean() > spread[found == 8].mean()


def test_a_cells_errors_depend_on_its_number_and_day_alone():
    days = DAYS * 1
    found = fields_found(1, days)
    truth = np.full((3, 4), 0.3)
    numbers = np.array([11, 12, 13, 14])
    all_days = observed(1, "sm_surface", truth, days, numbers, found, regional=0.0)
    one = observed(1, "sm_surface", truth[1:2, 2:3], days[1:2], numbers[2:3], found[1:2], regional=0.0)
    assert one[0, 0] == all_days[1, 2]
    assert len(np.unique(all_days)) == all_days.size
