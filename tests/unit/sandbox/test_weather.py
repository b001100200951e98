"""The made-up climate: what was asked for comes out, and evaporative demand follows Hargreaves."""

import numpy as np
import pytest

from loam.sandbox.weather import Climate, draw_weather, potential_evapotranspiration

PLACES = 40
DAYS = np.tile(np.arange(1, 366), 6)


@pytest.fixture(scope="module")
def weather():
    ones = np.ones(PLACES)
    climate = Climate(np.linspace(0.5, 4.0, PLACES), 200 * ones, 0.5 * ones, np.linspace(8, 20, PLACES), -42 * ones)
    return climate, draw_weather(np.random.default_rng(0), climate, DAYS)


def test_rain_and_temperature_have_the_means_asked_for(weather):
    climate, (rain, tmin, tmax) = weather
    assert rain.mean(axis=0) == pytest.approx(climate.rain, rel=0.2)
    assert ((tmin + tmax) / 2).mean(axis=0) == pytest.approx(climate.temperature, abs=0.8)
    assert (tmax - tmin).min() > 2.9
    assert (rain >= 0).all()


def test_the_wet_season_is_wet_and_wet_days_come_in_spells(weather):
    _, (rain, _, _) = weather
    wet = rain > 0
    winter = np.abs(DAYS - 200) < 45
    assert wet[winter].mean() > 2 * wet[np.abs(DAYS - 200) > 137].mean()
    assert wet[1:][wet[:-1]].mean() > wet[1:][~wet[:-1]].mean() + 0.25


def test_january_is_the_warm_month_and_wet_days_have_a_smaller_range(weather):
    _, (rain, tmin, tmax) = weather
    assert tmax[DAYS < 32].mean() > tmax[(DAYS > 181) & (DAYS < 213)].mean() + 8
    assert (tmax - tmin)[rain > 0].mean() < (tmax - tmin)[rain == 0].mean() - 2


def test_demand_is_that_of_hargreaves():
    """FAO-56, example 20: latitude 45.72 N, July, 14.8 to 26.6 degC gives Ra 40.6 MJ m-2 d-1 and 5.0 mm d-1."""
    demand = potential_evapotranspiration(np.array([14.8]), np.array([26.6]), 45.72, 196)
    assert demand == pytest.approx([5.0], abs=0.1)
