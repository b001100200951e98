"""The truth of a whole small world: water is conserved, rain wets it, depth smooths it, pores hold it."""

from datetime import date, timedelta

import numpy as np
import pytest

from loam.config.sections.sandbox import Periods
from loam.raster.grid import Tile
from loam.sandbox.water import balance
from loam.sandbox.world import World, depth_mean
from loam.sandbox.world_settings import WorldSettings

FIRST, DAYS = date(2021, 1, 1), 365
SETTINGS = WorldSettings(
    seed=11, rows=75, columns=75, period=Periods(target=["2021-01-01", "2021-12-31"]), spin_up_days=200,
    target_stations=5, long_records=0,
)  # fmt: skip
WHOLE = Tile(0, 0, 75, 75)


@pytest.fixture(scope="module")
def world():
    return World(SETTINGS)


@pytest.fixture(scope="module")
def days():
    return [FIRST + timedelta(days=number) for number in range(DAYS)]


@pytest.fixture(scope="module")
def record(world, days):
    """Moisture of the whole region: mean and end of every day, each [day, layer, row, column]."""
    means, ends = zip(*((day.moisture, day.end) for day in world.run(days, WHOLE, ends=True)), strict=True)
    return np.array(means), np.array(ends)


@pytest.fixture(scope="module")
def land(world):
    return world.static(WHOLE)["water"] == 0


def test_water_is_conserved_over_the_region(world, days):
    """What falls and is irrigated is what runs off, drains, evaporates or is stored, to 1e-6 mm at every pixel."""
    cells = world.hillslopes(*(part.ravel() for part in np.indices((8, 8))))
    before = cells.stored
    list(cells.run(world._nodes(SETTINGS.start, days[-1]), []))
    flux = dict(zip(balance.FLUXES, np.moveaxis(cells.totals, -1, 0), strict=True))
    gained = flux["rain"] + flux["irrigation"] + flux["lateral_in"]
    lost = sum(flux[name] for name in balance.FLUXES if name not in ("rain", "irrigation", "lateral_in"))
    there = cells.cover > 0
    assert np.abs(cells.stored - before - (gained - lost))[there].max() < 1e-6
    whole = flux["rain"] + flux["irrigation"] - sum(
        flux[name] for name in ("interception", "soil_evaporation", "transpiration", "runoff", "drainage")
    )  # fmt: skip
    assert (cells.stored - before)[there].sum() == pytest.approx(whole[there].sum(), abs=1e-6 * there.sum())
    assert there.sum() > 4000 and flux["rain"][there].min() > 100


def test_every_layer_lies_between_residual_and_porosity_at_every_pixel_and_day(world, record, land):
    cells = world.hillslopes(*(part.ravel() for part in np.indices((8, 8))))

    def laid(values):  # [cell, pixel, layer] -> [layer, row, column]
        grid = values.reshape(8, 8, 10, 10, balance.LAYERS).transpose(4, 0, 2, 1, 3)
        return grid.reshape(balance.LAYERS, 80, 80)[:, :75, :75]

    residual = laid(cells.layers[..., balance.RESIDUAL])
    porosity = residual + laid(cells.layers[..., balance.PORES] / balance.THICKNESS)
    static = world.static(WHOLE)
    assert residual[:4, land] == pytest.approx(static["residual"][:, land])
    assert porosity[:4, land] == pytest.approx(static["porosity"][:, land])
    for values in record:
        assert (values >= residual - 1e-6)[:, :, land].all()
        assert (values <= porosity + 1e-6)[:, :, land].all()
        assert (values[:, :, land] > 0).all()
        assert np.isnan(values[:, :, ~land]).all()


def test_a_day_ends_wetter_after_rain_and_drier_without(world, days, record, land):
    rain = world.weather(days, WHOLE)["rain"]
    change = np.diff(depth_mean(np.moveaxis(record[1], 1, 0), 0, 5), axis=0)
    irrigated = world.static(WHOLE)["landcover"] == 5
    plain = land & ~irrigated
    soaked, dry = (rain[1:] > 8) & (rain[:-1] < 1) & plain, (rain[1:] == 0) & plain
    assert soaked.sum() > 10_000 and dry.sum() > 100_000
    assert change[soaked].mean() > 0.03
    assert (change[soaked] > 0).mean() > 0.9
    assert change[dry].mean() < -0.003


def test_depth_smooths(record, land):
    """Day-to-day changes, and departures from the month's mean, shrink from each layer to the next."""
    means = record[0]
    steps = [np.abs(np.diff(means[:, layer][:, land], axis=0)).mean() for layer in range(4)]
    assert (np.diff(steps) < 0).all()
    assert steps[0] > 2.5 * steps[3]
    surface, subsurface = (depth_mean(np.moveaxis(means, 1, 0), *depths)[:, land] for depths in ((0, 30), (30, 60)))
    rough = [np.abs(np.diff(values, axis=0)).mean(axis=0) for values in (surface, subsurface)]
    assert (rough[0] > rough[1]).mean() > 0.9
    month = [values[:360].reshape(12, 30, -1).std(axis=1).mean() for values in (surface, subsurface)]
    assert month[0] > 1.3 * month[1]
