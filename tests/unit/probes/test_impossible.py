"""A temperature that cannot be is missing, never frost; real cold stays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.probes.impossible import without_impossible

KEYS = ["variable", "sensor"]
HOURS = pd.date_range("2021-01-01", periods=240, freq="h")


def readings(values, variable="soil_temperature", times=HOURS) -> pd.DataFrame:
    return pd.DataFrame(
        {"station": "K1", "variable": variable, "sensor": "a", "time": times, "value": np.asarray(values, float)}
    )


def summer() -> np.ndarray:
    return 21 + 3 * np.sin(np.arange(240) / 24 * 2 * np.pi)


@pytest.mark.parametrize("variable", ["soil_temperature", "air_temperature"])
@pytest.mark.parametrize("code", [-999, -888.88, -127, -99.9, -55, -40, 7999, 1e20, 65535])
def test_a_code_in_summer_is_missing(variable, code, caplog):
    for rows in (slice(96, None), slice(0, 30), slice(50, 51), slice(60, 200)):
        values = summer()
        values[rows] = code
        kept = without_impossible(readings(values, variable), KEYS)["value"].to_numpy()
        wanted = summer()
        wanted[rows] = np.nan
        np.testing.assert_array_equal(kept, wanted)
    assert f"station K1: 140 of 240 readings of {variable} cannot be ({code:g})" in caplog.text


def test_a_winter_that_freezes_slowly_stays():
    values = np.linspace(8, -32, 240)
    frame = readings(values)
    assert without_impossible(frame, KEYS) is frame
    plateau = np.concatenate([np.linspace(5, 0, 40), np.zeros(100), np.linspace(0, -6, 100)])
    assert without_impossible(readings(plateau), KEYS)["value"].notna().all()


def test_air_may_fall_far_in_a_day():
    days = pd.date_range("2021-01-01", periods=6)
    frame = readings([5, -25, -25, 10, -20, 0], "air_temperature", days)
    assert without_impossible(frame, KEYS)["value"].notna().all()


def test_a_gap_is_no_jump():
    times = HOURS[:120].append(HOURS[:120] + pd.Timedelta(days=180))
    values = np.concatenate([np.full(120, 20.0), np.full(120, -15.0)])
    assert without_impossible(readings(values, times=times), KEYS)["value"].notna().all()


def test_negative_rain_is_missing_and_moisture_is_left_to_its_own_rules():
    rain = without_impossible(readings([-1, 0, 5, 9999] * 60, "precipitation"), KEYS)["value"]
    assert rain.iloc[:3].isna().tolist() == [True, False, False] and np.isnan(rain.iloc[3])
    moisture = readings([-999, 0.2] * 120, "soil_moisture")
    assert without_impossible(moisture, KEYS) is moisture
