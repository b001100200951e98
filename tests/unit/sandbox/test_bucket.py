"""The water balance of the synthetic world: no water is made or lost, and it moves the way soil water does."""

import numpy as np
import pytest

from loam.sandbox.bucket import LAYER_DEPTH, Relation, State, soil_of, start, step
from loam.sandbox.landscape import LANDCOVER

PIXELS = 200


def soil(rng, relation=None, **given):
    maps = {
        "clay": rng.uniform(3, 70, (4, PIXELS)), "soc": rng.uniform(0.2, 15, (4, PIXELS)),
        "awc": rng.uniform(4, 30, (4, PIXELS)), "landcover": rng.integers(1, 6, PIXELS),
        "conductivity": np.exp(0.4 * rng.standard_normal(PIXELS)), "valley": rng.standard_normal(PIXELS),
    }  # fmt: skip
    return soil_of(**(maps | given), relation=relation or Relation())


def run(ground, rain, potential=3.0, irrigating=False, state=None):
    """States and summed fluxes after each day of ``rain`` [day] or [day, pixel]."""
    state, states, fluxes = state or start(ground), [], []
    for amount in rain:
        state, flux = step(state, ground, np.broadcast_to(amount, PIXELS), np.full(PIXELS, potential), irrigating)
        states.append(state)
        fluxes.append(flux)
    return states, fluxes


def store(state):
    return state.moisture.sum(axis=0) * LAYER_DEPTH


def test_water_is_conserved_to_rounding():
    rng = np.random.default_rng(0)
    ground = soil(rng)
    rain = rng.gamma(0.15, 12, (400, PIXELS))
    before = start(ground)
    states, fluxes = run(ground, rain, potential=5.0, irrigating=True)
    gained = rain.sum(axis=0) + sum(flux.irrigation for flux in fluxes)
    lost = sum(flux.runoff + flux.evapotranspiration + flux.drainage for flux in fluxes)
    assert np.abs(store(states[-1]) - store(before) - (gained - lost)).max() < 1e-8 * gained.max()
    assert sum(flux.irrigation for flux in fluxes).max() > 0


def test_moisture_stays_between_residual_and_porosity_in_flood_and_drought():
    rng = np.random.default_rng(1)
    ground = soil(rng)
    for rain, potential in (([300.0] * 30, 0.0), ([0.0] * 700, 12.0)):
        for state in run(ground, rain, potential)[0]:
            assert (state.moisture >= ground.residual - 1e-9).all()
            assert (state.moisture <= ground.porosity + 1e-9).all()
            assert ((state.skin >= 0) & (state.skin <= 1)).all()


def test_no_flux_is_negative():
    rng = np.random.default_rng(2)
    _, fluxes = run(soil(rng), rng.gamma(0.3, 20, (200, PIXELS)), irrigating=True)
    for flux in fluxes:
        for field in (flux.irrigation, flux.runoff, flux.evapotranspiration, flux.drainage):
            assert field.min() >= -1e-12


def test_clay_holds_more_water_than_sand():
    rng = np.random.default_rng(3)
    sand, clay = (soil(np.random.default_rng(3), clay=np.full((4, PIXELS), share)) for share in (8.0, 50.0))
    rain = rng.gamma(0.3, 8, 300)
    assert (run(clay, rain)[0][-1].moisture > run(sand, rain)[0][-1].moisture).all()


def test_a_wet_profile_drains_fast_then_ever_slower_and_from_the_top():
    ground = soil(np.random.default_rng(4), landcover=np.full(PIXELS, LANDCOVER["PAST"]))
    full = State(ground.porosity.copy(), np.ones(PIXELS))
    states, fluxes = run(ground, [0.0] * 10, potential=0.0, state=full)
    out = np.array([flux.drainage for flux in fluxes])
    assert (out[:-1] >= out[1:] - 1e-9).all()
    assert out[0].mean() > 3 * out[-1].mean()
    assert (states[0].moisture[0] < ground.porosity[0]).all()
    assert (states[0].moisture[1] >= states[9].moisture[1]).all()


def test_drainage_of_a_day_is_the_same_in_one_step_or_many():
    """The exact solution has no time step: half the conductivity twice equals the whole once."""
    from loam.sandbox.bucket import _drained

    water, pores, conductivity, exponent = np.array([90.0]), np.array([100.0]), np.array([80.0]), np.array([9.0])
    once = _drained(water, pores, conductivity, exponent)
    half = _drained(water, pores, conductivity / 2, exponent)
    twice = half + _drained(water - half, pores, conductivity / 2, exponent)
    assert once == pytest.approx(twice, rel=1e-10)


def test_only_irrigated_land_is_irrigated_and_only_in_season():
    ground = soil(np.random.default_rng(5))
    _, season = run(ground, [0.0] * 60, potential=6.0, irrigating=True)
    _, winter = run(ground, [0.0] * 60, potential=6.0, irrigating=False)
    given = sum(flux.irrigation for flux in season)
    assert (given[ground.irrigated] > 0).all()
    assert (given[~ground.irrigated] == 0).all()
    assert all((flux.irrigation == 0).all() for flux in winter)


def test_forest_takes_deeper_water_than_pasture():
    forest, pasture = (
        soil(np.random.default_rng(6), landcover=np.full(PIXELS, LANDCOVER[name])) for name in ("FORE", "PAST")
    )
    after = [run(ground, [0.0] * 40, potential=4.0)[0][-1].moisture[1] for ground in (forest, pasture)]
    assert (after[0] < after[1]).all()
