from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from loam.config.sections.probes import Quality
from loam.probes.quality.flags import Flag
from loam.probes.quality.station import flag_station


def hours(count: int, start: str = "2021-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq="h")


def judge(
    readings: pd.DataFrame, *, daily: bool = False, porosity=None, rain=None, provider=((), ()), **quality
) -> pd.Series:
    settings = Quality(**quality)
    flags = flag_station(readings, daily=daily, porosity=porosity, quality=settings, provider=provider, rain=rain)
    assert flags.dtype == np.int64
    return pd.Series(flags, index=pd.MultiIndex.from_frame(readings[["variable", "depth_from_cm", "time"]]))


def has(flags: pd.Series, flag: Flag) -> pd.Series:
    return (flags & flag.value) > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_year_without_faults_has_hardly_a_flag(make_year, station_readings, seed):
    upper, lower = make_year(seed), make_year(seed, decay_days=30.0)
    time = hours(len(upper["moisture"]))
    readings = station_readings(
        ("soil_moisture", 5, time, upper["moisture"]), ("soil_moisture", 40, time, lower["moisture"]),
        ("soil_temperature", 5, time, np.full(len(time), 12.0)), ("precipitation", 0, time, upper["rain"]),
    )  # fmt: skip
    flags = judge(readings)
    # by the ISMN's rule the wettest hours of a soil that drains slowly are a saturated plateau, hence kept by default
    assert (flags["soil_moisture"] & ~Flag.SATURATED_PLATEAU.value != 0).mean() < 0.001
    assert has(flags, Flag.SATURATED_PLATEAU)["soil_moisture"].mean() < 0.02
    assert (flags["precipitation"] == 0).all()


def test_each_planted_fault_is_found_at_its_place(make_year, station_readings):
    year = make_year(1)
    time, moisture = hours(len(year["moisture"])), year["moisture"].copy()
    temperature = np.full(len(time), 10.0)
    temperature[:48] = -1.0
    moisture[1000] = -0.1
    moisture[2000] += 0.1
    moisture[4000:4060] = 0.02
    readings = station_readings(
        ("soil_moisture", 5, time, moisture), ("soil_temperature", 5, time, temperature),
        ("precipitation", 0, time, year["rain"]),
    )  # fmt: skip
    flags = judge(readings)["soil_moisture"].to_numpy()
    for flag, where in {
        Flag.OUT_OF_RANGE: [1000], Flag.SPIKE: [2000], Flag.BREAK_DROP: [4000], Flag.FROZEN: range(48),
        Flag.LOW_PLATEAU: range(4000, 4060),
    }.items():  # fmt: skip
        assert np.flatnonzero(flags & flag.value).tolist() == list(where), flag


def test_gaps_make_no_flags_and_missing_readings_have_none(make_year, station_readings):
    moisture = make_year(1)["moisture"].copy()
    rng = np.random.default_rng(0)
    for start in rng.choice(len(moisture) - 300, 60):
        moisture[start : start + rng.integers(1, 200)] = np.nan
    flags = judge(station_readings(("soil_moisture", 5, hours(len(moisture)), moisture)))
    assert (flags[np.isnan(moisture)] == 0).all()
    assert (flags != 0).mean() < 0.005


def test_frost_is_judged_by_the_near_soil_then_by_the_air_and_deep_down_not_by_the_air(station_readings):
    time = hours(100)
    moisture, cold, warm = np.linspace(0.2, 0.3, 100), np.full(100, -2.0), np.full(100, 2.0)
    both = station_readings(
        ("soil_moisture", 5, time, moisture), ("soil_moisture", 50, time, moisture),
        ("soil_temperature", 10, time, warm), ("air_temperature", 0, time, cold),
    )  # fmt: skip
    assert not has(judge(both), Flag.FROZEN).any()
    air_only = both[both["variable"] != "soil_temperature"].reset_index(drop=True)
    frozen = has(judge(air_only), Flag.FROZEN)["soil_moisture"]
    assert frozen[5.0].all()
    assert not frozen[50.0].any()
    assert not has(judge(air_only, frozen_air=-3.0), Flag.FROZEN).any()


def test_porosity_is_of_the_station_or_of_each_depth(station_readings):
    time = hours(50)
    readings = station_readings(*(("soil_moisture", depth, time, np.linspace(0.4, 0.5, 50)) for depth in (5, 50)))
    assert has(judge(readings, porosity=0.45), Flag.ABOVE_POROSITY).sum() == 50
    by_depth = has(judge(readings, porosity={(5.0, 5.0): 0.45}), Flag.ABOVE_POROSITY)["soil_moisture"]
    assert by_depth[5.0].sum() == 25
    assert not by_depth[50.0].any()


def test_a_jump_in_rain_is_no_break(station_readings):
    rng = np.random.default_rng(5)
    moisture, rain = 0.15 + 0.0003 * rng.standard_normal(1000), np.zeros(1000)
    moisture[500:] += 0.1
    time = hours(1000)
    dry = station_readings(("soil_moisture", 5, time, moisture), ("precipitation", 0, time, rain))
    assert has(judge(dry), Flag.BREAK_JUMP).sum() == 1
    rain[499] = 8.0
    wet = station_readings(("soil_moisture", 5, time, moisture), ("precipitation", 0, time, rain))
    assert not has(judge(wet), Flag.BREAK_JUMP).any()


def test_a_spike_does_not_raise_the_ceiling_that_a_saturated_plateau_is_measured_by(station_readings):
    rng = np.random.default_rng(0)
    rise, fall = np.linspace(0.2, 0.45, 10), 0.2 + 0.25 * np.exp(-np.arange(1, 400) / 60)
    moisture = np.concatenate([np.full(100, 0.2), rise, np.full(40, 0.45), fall]) + 0.0002 * rng.standard_normal(549)
    moisture[400] += 0.35
    flags = judge(station_readings(("soil_moisture", 5, hours(549), moisture)))
    assert has(flags, Flag.SPIKE).sum() == 1
    assert has(flags, Flag.SATURATED_PLATEAU).sum() >= 38


def test_daily_values_are_not_judged_by_their_hourly_shape(station_readings):
    moisture = np.full(200, 0.2) + 0.001 * np.arange(200) % 0.003
    moisture[100] = 0.5
    readings = station_readings(("soil_moisture", 5, pd.date_range("2021-01-01", periods=200), moisture))
    assert not judge(readings, daily=True).any()


def test_a_dead_sensor_shows_against_the_depth_below_it_and_against_rain(make_year, station_readings):
    year = make_year(2)
    days = pd.date_range("2021-01-01", periods=365)
    daily = year["moisture"].reshape(365, 24).mean(axis=1)
    rain = year["rain"].reshape(365, 24).sum(axis=1)
    rain[150] = 30.0
    daily[151:] += 0.04
    upper = daily.copy()
    upper[100:200] = 0.2
    readings = station_readings(("soil_moisture", 5, days, upper), ("soil_moisture", 40, days, daily))
    below = has(judge(readings, daily=True), Flag.STUCK)["soil_moisture"]
    assert np.flatnonzero(below[5.0]).tolist() == list(range(100, 200))
    assert not below[40.0].any()
    alone = readings[readings["depth_from_cm"] == 5].reset_index(drop=True)
    assert not has(judge(alone, daily=True), Flag.STUCK).any()
    assert not has(judge(alone, daily=True, rain=pd.Series(rain, index=days)), Flag.STUCK).any(), "it may have missed"
    watched = station_readings(("soil_moisture", 5, days, upper), ("precipitation", 0, days, rain))
    assert has(judge(watched, daily=True), Flag.STUCK).sum() == 100
    assert not has(judge(watched, daily=True, stuck_days=101), Flag.STUCK).any()


def test_rain_of_a_place_near_asks_for_a_response(station_readings):
    days = pd.date_range("2021-01-01", periods=60)
    readings = station_readings(("soil_moisture", 5, days, np.linspace(0.3, 0.1, 60)))
    flags = judge(readings, daily=True, rain=pd.Series(np.where(np.arange(60) == 30, 40.0, 0.0), index=days))
    assert np.flatnonzero(has(flags, Flag.NO_RESPONSE)).tolist() == [30, 31, 32]
    assert not judge(readings, daily=True).any()


def test_a_gauge_that_never_reads_is_no_rain_of_the_stations_own(station_readings):
    days = pd.date_range("2021-01-01", periods=60)
    readings = station_readings(
        ("soil_moisture", 5, days, np.linspace(0.3, 0.1, 60)), ("precipitation", 0, days, np.full(60, np.nan))
    )
    flags = judge(readings, daily=True, rain=pd.Series(np.where(np.arange(60) == 30, 40.0, 0.0), index=days))
    assert has(flags, Flag.NO_RESPONSE).sum() == 3


def test_rain_at_midnight_is_of_the_day_that_ends(station_readings):
    time = hours(24 * 30)
    rain = np.zeros(len(time))
    rain[24 * 16] = 30.0  # 2021-01-17 00:00
    moisture = np.linspace(0.3, 0.2, len(time))
    readings = station_readings(("soil_moisture", 5, time, moisture), ("precipitation", 0, time, rain))
    flagged = has(judge(readings), Flag.NO_RESPONSE)["soil_moisture"]
    days = flagged[flagged].index.get_level_values("time").normalize().unique()
    assert days.tolist() == pd.date_range("2021-01-16", periods=3).tolist()


def test_the_providers_flags_are_taken_as_the_settings_say(station_readings):
    readings = station_readings(("soil_moisture", 5, hours(3), np.full(3, 0.2))).assign(flag=["G", "D03", ""])
    assert has(judge(readings, provider=(["G"], ())), Flag.PROVIDER).tolist() == [False, True, False]
    assert not judge(readings).any()


def test_raw_counts_get_no_flag_but_the_providers_and_a_warning(station_readings, caplog):
    readings = station_readings(("soil_moisture", 5, hours(50), np.full(50, 12_000.0))).assign(unit="raw", flag="bad")
    with caplog.at_level(logging.WARNING, logger="loam"):
        flags = judge(readings, provider=((), ["bad"]))
    assert (flags == Flag.PROVIDER.value).all()
    assert "50 readings" in caplog.text


def test_a_station_without_moisture_has_no_flags(station_readings):
    assert not judge(station_readings(("precipitation", 0, hours(10), np.zeros(10)))).any()


def test_three_months_of_one_value_at_adelong_4_are_stuck(shared_data):
    frames = []
    for name, depth in {"shallow": (0, 30), "middle": (30, 60), "deep": (60, 90)}.items():
        wide = pd.read_csv(shared_data / "murrumbidgee" / f"{name}.csv", index_col=0, parse_dates=True)
        series = wide["oznet soilmoisture_a4"].dropna() / 100
        frames.append(
            pd.DataFrame(
                {
                    "station": "A4", "sensor": name, "variable": "soil_moisture", "depth_from_cm": float(depth[0]),
                    "depth_to_cm": float(depth[1]), "time": series.index.as_unit("ns"), "value": series.to_numpy(),
                    "unit": "m3 m-3", "flag": "",
                }
            )
        )  # fmt: skip
    readings = pd.concat(frames, ignore_index=True)
    found = readings[(flag_station(readings, daily=True, porosity=None, quality=Quality()) & Flag.STUCK.value) > 0]
    assert set(found["depth_from_cm"]) == {30.0}
    assert found["time"].min() == pd.Timestamp("2010-06-01")
    assert found["time"].max() == pd.Timestamp("2010-08-31")
