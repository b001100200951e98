"""The water balance of hillslope cells: no water is made or lost, and it moves the way soil water does."""

from datetime import date, timedelta

import numpy as np
import pytest

from loam.sandbox.land.cover_map import LANDCOVER, Cover
from loam.sandbox.land.ground import Ground
from loam.sandbox.land.hydraulics import Physics, hydraulics_of
from loam.sandbox.water import balance
from loam.sandbox.water.climate import NodeWeather
from loam.sandbox.water.hillslopes import Hillslopes, cells_of

CELLS = 6
SHAPE = (CELLS, balance.PIXELS)
FIRST = date(2021, 1, 1)


class FlatRelief:
    """Stands for the region's terrain."""

    level, dissection, shape = (300.0, 100.0), 30.0, (10, 10 * CELLS)


def cells(seed=0, landcover=None, clay=None, **ground_values):
    """Six cells of random soil; every tenth pixel is water."""
    rng = np.random.default_rng(seed)
    rows, cols = cells_of(np.zeros(CELLS, int), np.arange(CELLS))
    land = rng.random(SHAPE) > 0.1
    given = {
        "elevation": rng.uniform(10, 900, SHAPE), "slope": rng.uniform(0, 25, SHAPE),
        "north": rng.uniform(-1, 1, SHAPE), "wetness": rng.uniform(5, 18, SHAPE),
    }  # fmt: skip
    given |= ground_values
    zero = np.zeros(SHAPE)
    ground = Ground(FlatRelief(), rows, cols, zero + 0.5, **given, east=zero, valley=zero, land=land, lake=~land)
    kind = rng.integers(1, 6, SHAPE) if landcover is None else np.full(SHAPE, LANDCOVER[landcover])
    kind = np.where(land, kind, 0).astype(np.uint8)
    cover = Cover(kind, np.zeros(SHAPE, bool), np.where(kind == 5, 1, -1).astype(np.int32))
    share = rng.uniform(3, 70, (4, *SHAPE)) if clay is None else np.full((4, *SHAPE), float(clay))
    carbon = rng.uniform(0.2, 40, (4, *SHAPE)) if clay is None else np.full((4, *SHAPE), 1.0)
    soil = hydraulics_of(share, (100 - share) * 0.5, carbon, 1.4 - 0.025 * carbon, np.zeros((4, *SHAPE)),
                         np.ones(SHAPE), Physics())  # fmt: skip
    middle = np.full(SHAPE, 0.5)
    return Hillslopes(1, "target", ground, cover, soil, Physics(), np.zeros((CELLS, 4), int), (middle, middle))


def weather(rain, temperature=15.0, demand=0.09, first=FIRST):
    rain = np.asarray(rain, float)[:, None]
    return NodeWeather(first, rain, np.full_like(rain, temperature), np.full_like(rain, temperature),
                       np.full_like(rain, demand))  # fmt: skip


def days_of(given):
    return [given.first + timedelta(days=number) for number in range(len(given.rain))]


def run(hillslopes, given, **options):
    return list(hillslopes.run(given, days_of(given), **options))


def storms(seed, days):
    rng = np.random.default_rng(seed)
    return (rng.random(days) < 0.4) * rng.gamma(0.6, 15, days)


def flux(hillslopes, name):
    return hillslopes.totals[..., balance.FLUXES.index(name)]


def test_water_is_conserved_in_every_pixel_and_every_term_is_at_work():
    hillslopes = cells()
    before = hillslopes.stored
    rain = storms(0, 800)
    rain[100:103] = 140.0
    run(hillslopes, weather(rain))
    gained = sum(flux(hillslopes, name) for name in ("rain", "irrigation", "lateral_in"))
    spent = ("interception", "soil_evaporation", "transpiration", "runoff", "drainage", "lateral_out")
    lost = sum(flux(hillslopes, name) for name in spent)
    land = hillslopes.cover > 0
    assert np.abs(hillslopes.stored - before - (gained - lost))[land].max() < 1e-6
    for name in balance.FLUXES:
        assert flux(hillslopes, name)[land].min() >= 0, name
        assert flux(hillslopes, name)[land].max() > 10, name
        assert (flux(hillslopes, name)[~land] == 0).all(), name


def test_lateral_water_sums_to_zero_over_every_cell_and_gathers_in_wet_places():
    hillslopes = cells()
    run(hillslopes, weather(storms(1, 400)))
    out, back = (flux(hillslopes, f"lateral_{way}") for way in ("out", "in"))
    assert out.sum(axis=1) == pytest.approx(back.sum(axis=1), rel=1e-12)
    land = hillslopes.cover > 0
    weight = hillslopes.surface[..., balance.WEIGHT]
    assert np.corrcoef(weight[land], (back - out)[land])[0, 1] > 0.7


def test_moisture_stays_between_residual_and_porosity_in_flood_and_drought():
    for rain, demand in (([300.0] * 40, 0.0), ([0.0] * 900, 0.4), (storms(2, 300) * 4, 0.1)):
        hillslopes = cells(2)
        land = hillslopes.cover > 0
        residual = hillslopes.layers[..., balance.RESIDUAL]
        porosity = residual + hillslopes.layers[..., balance.PORES] / balance.THICKNESS
        for day in run(hillslopes, weather(rain, demand=demand), ends=True):
            for values in (day.moisture, day.end):
                moisture = np.moveaxis(values, 0, -1)[land]
                assert (moisture >= residual[land] - 1e-6).all()
                assert (moisture <= porosity[land] + 1e-6).all()
            assert ((day.leaves >= 0) & (day.leaves < 1))[land].all()
        assert (hillslopes.water >= 0)[land].all()


def test_soil_is_wetter_after_rain_and_dries_without():
    rain = np.zeros(60)
    rain[30] = 25.0
    hillslopes = cells(landcover="PAST")
    land = hillslopes.cover > 0
    surface = np.array([day.moisture[0][land].mean() for day in run(hillslopes, weather(rain), ends=True)])
    assert surface[31] > surface[29] + 0.03
    assert (np.diff(surface[:30]) < 0).all()
    assert (np.diff(surface[31:]) < 0).all()


def test_deeper_layers_are_smoother_than_the_surface():
    hillslopes = cells(3)
    rain = storms(3, 600)
    series = np.array([day.moisture for day in run(hillslopes, weather(rain))])[200:]
    land = hillslopes.cover > 0
    roughness = [np.abs(np.diff(series[:, layer][:, land], axis=0)).mean() for layer in range(balance.LAYERS)]
    assert (np.diff(roughness) < 0).all()
    assert roughness[0] > 3 * roughness[3]


def test_clay_holds_more_water_than_sand():
    sand, clay = (run(cells(4, "PAST", share), weather(storms(4, 300)))[-1].moisture for share in (8.0, 45.0))
    land = np.isfinite(sand[0])
    assert (clay[1:4, land].mean(axis=1) > sand[1:4, land].mean(axis=1) + 0.05).all()


def test_an_intense_day_runs_off_more_than_the_same_rain_spread_out():
    runoff = []
    for rain in ([90.0] + [0.0] * 8, [10.0] * 9):
        hillslopes = cells(5, "PAST", 40.0)
        run(hillslopes, weather(rain))
        runoff.append(flux(hillslopes, "runoff").mean())
    assert runoff[0] > 2 * runoff[1]


def test_no_more_evaporates_than_the_air_demands():
    hillslopes = cells(10)
    run(hillslopes, weather([12.0] * 300, demand=0.02))
    land = hillslopes.cover > 0
    cooling, exposure = (hillslopes.surface[..., column] for column in (balance.COOLING, balance.EXPOSURE))
    demand = 300 * 0.02 * (15.0 - cooling + 17.8) * exposure
    spent = sum(flux(hillslopes, name) for name in ("interception", "soil_evaporation", "transpiration"))
    assert (spent <= balance.CROP.max() * demand)[land].all()
    assert (spent > 0.7 * demand)[land].all()


def test_a_days_moisture_is_the_mean_of_its_beginning_and_its_end():
    days = run(cells(11), weather(storms(11, 40)), ends=True)
    for before, day in zip(days, days[1:], strict=False):
        assert np.allclose(day.moisture, (before.end + day.end) / 2, atol=1e-6, equal_nan=True)


def test_drainage_of_a_day_is_the_same_in_one_step_or_many():
    """The exact solution has no time step."""
    water, once, rest = 90.0, balance.drained(90.0, 100.0, 80.0, 9.0, 1.0), 90.0
    for _ in range(16):
        rest -= balance.drained(rest, 100.0, 80.0, 9.0, 1 / 16)
    assert water - rest == pytest.approx(once, rel=1e-9)
    assert balance.drained(0.0, 100.0, 80.0, 9.0, 1.0) == 0


def test_only_irrigated_land_is_irrigated_and_only_in_season():
    summer, winter = cells(6), cells(6)
    run(summer, weather([0.0] * 80, first=date(2021, 12, 1)))
    run(winter, weather([0.0] * 80, first=date(2021, 5, 1)))
    irrigated = summer.cover == LANDCOVER["IRRI"]
    assert (flux(summer, "irrigation")[irrigated] > 0).all()
    assert (flux(summer, "irrigation")[~irrigated] == 0).all()
    assert (flux(winter, "irrigation") == 0).all()


def test_forest_takes_deeper_water_than_pasture_and_intercepts_more():
    forest, pasture = cells(7, "FORE", 25.0), cells(7, "PAST", 25.0)
    deep = [run(field, weather(storms(7, 30).tolist() + [0.0] * 60))[-1].moisture[3] for field in (forest, pasture)]
    land = forest.cover > 0
    assert (deep[0] < deep[1])[land].mean() > 0.95
    assert flux(forest, "interception")[land].mean() > 1.5 * flux(pasture, "interception")[land].mean()


def test_plants_have_fewer_leaves_after_a_drought():
    wet, dry = (run(cells(8, "PAST", 25.0), weather([amount] * 120))[-1].leaves for amount in (4.0, 0.0))
    assert np.nanmean(dry) < 0.7 * np.nanmean(wet)


def test_days_in_between_and_threads_do_not_change_a_bit():
    given = weather(storms(9, 130))
    every = run(cells(9), given)
    some = list(cells(9).run(given, days_of(given)[70::9], threads=3))
    for day in some:
        assert (day.moisture == every[(day.day - FIRST).days].moisture)[:, np.isfinite(day.moisture[0])].all()
    assert [day.day for day in some] == days_of(given)[70::9]
