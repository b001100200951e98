"""The made-up climate: what was asked for comes out, and a day is the same whichever days are asked for."""

from datetime import date, timedelta

import numpy as np
import pytest

from loam.sandbox.water.climate import Climate, Weather, drought_and_wet

NODES = 40
FIRST, LAST = date(2015, 1, 1), date(2020, 12, 31)
DAYS = np.arange(np.datetime64(FIRST), np.datetime64(LAST) + 1)
DAY_OF_YEAR = (DAYS - DAYS.astype("datetime64[Y]")).astype(int) + 1
YEAR = DAYS.astype("datetime64[Y]").astype(int) + 1970


def climate():
    ones = np.ones(NODES)
    return Climate(
        x=np.linspace(0, 400_000, NODES), y=0 * ones, rain=np.linspace(0.8, 4.0, NODES),
        wet_share=np.linspace(0.25, 0.55, NODES), wettest=200 * ones, seasonality=0.5 * ones,
        temperature=np.linspace(8, 20, NODES), latitude=-42 * ones,
    )  # fmt: skip


def weather(seed=0, regional=0.2, years=None):
    return Weather(seed, "target", climate(), 30_000.0, years or {}, regional)


@pytest.fixture(scope="module")
def days():
    return weather(years=drought_and_wet(2017, 2019)).days(FIRST, LAST)


def test_rain_and_temperature_have_the_means_asked_for(days):
    ordinary = (YEAR != 2017) & (YEAR != 2019)
    expected = climate()
    assert days.rain[ordinary].mean(axis=0) == pytest.approx(expected.rain, rel=0.25)
    assert (days.rain[ordinary] > 0).mean(axis=0) == pytest.approx(expected.wet_share, abs=0.06)
    assert ((days.tmin + days.tmax) / 2).mean(axis=0) == pytest.approx(expected.temperature, abs=0.8)
    assert (days.tmax - days.tmin).min() > 2.9
    assert days.rain.min() == 0


def test_the_wet_season_is_wet_and_wet_days_come_in_spells(days):
    wet = days.rain > 0
    assert wet[np.abs(DAY_OF_YEAR - 200) < 45].mean() > 1.8 * wet[np.abs(DAY_OF_YEAR - 200) > 137].mean()
    assert wet[1:][wet[:-1]].mean() > wet[1:][~wet[:-1]].mean() + 0.25


def test_a_drought_year_has_about_half_the_rain_and_a_wet_year_half_as_much_again(days):
    mean = days.rain.mean()
    assert days.rain[YEAR == 2017].mean() < 0.7 * mean
    assert days.rain[YEAR == 2019].mean() > 1.3 * mean


def test_neighbours_are_wet_together_and_distant_nodes_less_so(days):
    wet = (days.rain > 0).astype(float)
    near = np.corrcoef(wet[:, 0], wet[:, 1])[0, 1]
    far = np.corrcoef(wet[:, 0], wet[:, -1])[0, 1]
    assert near > far + 0.3


def test_january_is_the_warm_month_and_wet_days_have_a_smaller_range(days):
    warm, cold = DAY_OF_YEAR < 32, (DAY_OF_YEAR > 181) & (DAY_OF_YEAR < 213)
    assert days.tmax[warm].mean() > days.tmax[cold].mean() + 8
    spread, wet = days.tmax - days.tmin, days.rain > 0
    assert spread[wet].mean() < spread[~wet].mean() - 2


def test_demand_is_that_of_hargreaves():
    """FAO-56, example 20: latitude 45.72 N, July, 14.8 to 26.6 degC gives 5.0 mm d-1."""
    from loam.sandbox.water.climate import _radiation

    demand = 0.0023 * _radiation(np.array([45.72]), 196) * np.sqrt(26.6 - 14.8) * (20.7 + 17.8)
    assert demand == pytest.approx([5.0], abs=0.1)


def test_a_day_is_the_same_whichever_days_are_asked_for(days):
    part = weather(years=drought_and_wet(2017, 2019)).days(date(2018, 3, 7), date(2018, 4, 2))
    start = (date(2018, 3, 7) - FIRST).days
    for name in ("rain", "tmin", "tmax", "demand"):
        assert (getattr(part, name) == getattr(days, name)[start : start + 27]).all(), name


def test_wet_and_dry_do_not_depend_on_the_day_the_series_begins(days):
    source = weather(years=drought_and_wet(2017, 2019))
    for number in range(200, 230):
        day = FIRST + timedelta(days=number)
        assert (source.days(day, day).rain[0] == days.rain[number]).all()


def test_another_seed_makes_other_weather():
    one, other = (weather(seed).days(FIRST, date(2015, 6, 30)).rain for seed in (0, 1))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.3
