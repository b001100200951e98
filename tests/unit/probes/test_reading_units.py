"""Units are read however they are spelled, converted exactly, and refused where the numbers say otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.probes.reading_units import GRAVIMETRIC, RAW, canonical_unit, to_canonical


def readings(values, unit="m3 m-3", variable="soil_moisture", depth=(5.0, 5.0), sensor="a") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "station": "s1", "sensor": sensor, "variable": variable, "depth_from_cm": depth[0], "depth_to_cm": depth[1],
            "time": pd.date_range("2020-01-01", periods=len(values), freq="h"), "value": values, "unit": unit,
            "flag": "",
        }
    )  # fmt: skip


@pytest.mark.parametrize("unit", ["m3 m-3", "m3/m3", "m³/m³", "m^3 m^-3", "M3 M-3", "m³ m⁻³", "cm3/cm3", " v/v "])
def test_spellings_of_a_share_are_one(unit):
    assert canonical_unit("soil_moisture", unit) == ("m3 m-3", 1, 0)


@pytest.mark.parametrize(
    ("variable", "unit", "value", "expected"),
    [
        ("soil_moisture", "%", 25.0, 0.25),
        ("soil_moisture", "vol. %", 25.0, 0.25),
        ("soil_temperature", "K", 273.15, 0.0),
        ("air_temperature", "°F", 212.0, 100.0),
        ("air_temperature", "°C", 21.0, 21.0),
        ("precipitation", "inch", 1.0, 25.4),
        ("precipitation", "kg m-2", 3.0, 3.0),
    ],
)
def test_a_value_is_converted(variable, unit, value, expected):
    assert to_canonical(readings([value], unit, variable))["value"].item() == pytest.approx(expected, abs=1e-12)


def test_millimetres_of_water_are_shared_over_the_interval():
    frame = to_canonical(readings([75.0], "mm", depth=(0.0, 30.0)))
    assert frame["value"].item() == pytest.approx(0.25) and frame["unit"].item() == "m3 m-3"


def test_millimetres_at_a_point_are_refused():
    with pytest.raises(TableError, match=r"station 's1': mm of water at 5 cm, a point"):
        to_canonical(readings([75.0], "mm"), where="x.csv")


def test_what_needs_a_calibration_stays_as_it_is():
    assert to_canonical(readings([0.2], "g/g"))["unit"].item() == GRAVIMETRIC
    frame = to_canonical(readings([30000.0], "counts"))
    assert (frame["value"].item(), frame["unit"].item()) == (30000.0, RAW)


def test_flags_missing_values_and_other_sensors_are_untouched():
    frame = pd.concat([readings([np.nan, 20.0], "%"), readings([0.3, 0.3], "m3/m3", sensor="b")], ignore_index=True)
    result = to_canonical(frame.assign(flag="G"))
    np.testing.assert_allclose(result["value"], [np.nan, 0.2, 0.3, 0.3])
    assert result["flag"].eq("G").all() and set(result["unit"]) == {"m3 m-3"}


def test_percent_called_a_share_is_refused():
    with pytest.raises(TableError, match=r"x.csv, station 's1', sensor 'a': half of the values .* looks like percent"):
        to_canonical(readings([21.0, 25.0, 30.0]), where="x.csv")


def test_a_share_called_percent_is_refused():
    with pytest.raises(TableError, match=r"no value is above 0.3 and the unit is %.* looks like a share"):
        to_canonical(readings([0.21, 0.25, 0.30], "%"), where="x.csv")


def test_a_few_impossible_values_are_left_to_quality_control():
    assert to_canonical(readings([0.2, 0.3, 0.25, 40.0]))["value"].iloc[-1] == 40.0


def test_an_unknown_unit_names_the_station_and_what_is_known():
    with pytest.raises(
        TableError, match=r"x.csv, station 's1': unit 'pF' of soil_moisture is not known; expected m3 m-3"
    ):
        to_canonical(readings([2.0], "pF"), where="x.csv")
