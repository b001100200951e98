"""OzFlux netCDF: depths by attribute, flags kept, the tower's standard time made UTC."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from ozflux_files import Variable, write_tower
from probe_settings import probes_at

from loam.errors import TableError
from loam.probes.ozflux import depth_of, read_ozflux
from loam.probes.readings import READINGS

LOCAL = pd.date_range("2015-01-01 00:30", periods=4, freq="30min")  # summer: clocks elsewhere run ahead
WET = Variable([0.1, 0.2, np.nan, 0.3], height="-0.1m", flags=[0, 10, 2, 30])


def variables(**more):
    return {
        "Sws": Variable([0.2] * 4, height="-0.1m"),
        "Sws_10cma": WET,
        "Sws_10cmb": Variable([0.4] * 4, height="-10cm"),
        "Sws_10cma_Sd": Variable([0.0] * 4, height="-0.1m"),
        "Sws_ERA5": Variable([0.0] * 4, height="-0.07m"),
        "Ts": Variable([20.0] * 4, "degC", "-0.05m"),
        "Ta": Variable([30.0] * 4, "degC", "2m"),
        "Ta_HMP_10m": Variable([29.0] * 4, "degC", "10m"),
        "Precip": Variable([0.0, 0.2, 0.0, 0.0], "mm", "0.6m"),
        **more,
    }


def test_depth_is_the_attribute_height_else_the_name():
    assert depth_of("Sws_a", "-0.1m") == (10, 10)
    assert depth_of("Sws_a", "-10cm") == (10, 10)
    assert depth_of("Sws_a", "-0.1") == (10, 10)
    assert depth_of("Sws_a", "0 to -0.1m") == (0, 10)
    assert depth_of("Sws_a", "-1 to -1.2m") == (100, 120)
    assert depth_of("Sws_a", "0.08-0.38m vertical") == (8, 38)
    assert depth_of("Sws_5cma", "") == (5, 5)
    assert depth_of("Sws_10cm_N", None) == (10, 10)
    assert depth_of("Sws_1m", None) == (100, 100)
    assert depth_of("Sws_a", None) is None
    assert depth_of("Sws", "surface") is None


def test_single_sensors_are_read_and_what_combines_them_is_not(tmp_path):
    probes = read_ozflux(probes_at("ozflux", path=write_tower(tmp_path / "a.nc", LOCAL, variables())))
    readings = pd.concat(probes.readings, ignore_index=True)
    READINGS.validate(readings)
    assert set(readings["sensor"]) == {"Sws_10cma", "Sws_10cmb", "Ts", "Ta", "Precip"}
    first = readings[readings["sensor"] == "Sws_10cma"]
    np.testing.assert_allclose(first["value"], [0.1, 0.2, np.nan, 0.3])
    assert first["flag"].tolist() == ["0", "10", "2", "30"]
    assert set(first["depth_to_cm"]) == {10.0}
    assert set(first["unit"]) == {"m^3/m^3"}
    assert not probes.daily


def test_the_combined_variable_is_read_where_it_stands_alone(tmp_path):
    path = write_tower(tmp_path / "a.nc", LOCAL, {"Sws": WET})
    assert {frame["sensor"].iloc[0] for frame in read_ozflux(probes_at("ozflux", path=path)).readings} == {"Sws"}


def test_the_clock_is_standard_time_in_summer_too(tmp_path):
    frame = next(read_ozflux(probes_at("ozflux", path=write_tower(tmp_path / "a.nc", LOCAL, variables()))).readings)
    assert frame["time"].tolist() == list(LOCAL - pd.Timedelta(hours=10))  # Sydney's summer clock would be 11 h


def test_a_zone_in_hours_and_one_from_the_settings(tmp_path):
    darwin = write_tower(tmp_path / "a.nc", LOCAL, variables(), time_zone="9.5")
    assert next(read_ozflux(probes_at("ozflux", path=darwin)).readings)["time"].iloc[0] == pd.Timestamp(
        "2014-12-31 15:00"
    )
    bare = write_tower(tmp_path / "b.nc", LOCAL, variables(), time_zone=None)
    frame = next(read_ozflux(probes_at("ozflux", path=bare, utc_offset="+08:00")).readings)
    assert frame["time"].iloc[0] == pd.Timestamp("2014-12-31 16:30")
    with pytest.raises(TableError, match=r"time zone '' is unknown.*utc_offset"):
        read_ozflux(probes_at("ozflux", path=bare))


def test_a_tower_has_place_and_name(tmp_path):
    stations = read_ozflux(
        probes_at("ozflux", path=write_tower(tmp_path / "a.nc", LOCAL, variables(), soil="Red Kandosol"))
    ).stations
    row = stations.iloc[0]
    assert [row["station"], row["latitude"], row["longitude"], row["elevation"]] == ["Tower", -34.99, 146.29, 125]
    assert row["soil"] == "Red Kandosol"


def test_years_of_a_tower_follow_each_other(tmp_path):
    write_tower(tmp_path / "2016.nc", LOCAL + pd.Timedelta(days=366), {"Sws": WET})
    write_tower(tmp_path / "z2015.nc", LOCAL, {"Sws": WET})
    frames = list(read_ozflux(probes_at("ozflux", path=tmp_path)).readings)
    assert len(frames) == 2
    assert frames[0]["time"].max() < frames[1]["time"].min()


def test_two_levels_of_the_same_time_are_refused(tmp_path):
    write_tower(tmp_path / "L3.nc", LOCAL, {"Sws": WET})
    write_tower(tmp_path / "L6.nc", LOCAL, {"Sws": WET})
    with pytest.raises(TableError, match=r"L6\.nc: holds times that L3\.nc holds too"):
        read_ozflux(probes_at("ozflux", path=tmp_path))


@pytest.mark.parametrize(
    ("given", "attributes", "says"),
    [
        ({"Ts": Variable([20.0] * 4, "degC", "-0.05m")}, {}, "no soil moisture in it"),
        ({"Sws": Variable([0.1] * 4)}, {}, "no depth of Sws"),
        ({"Sws": WET}, {"site_name": None}, "no name of the tower"),
        ({"Sws": WET}, {"time_zone": "Mars/Olympus"}, "time zone 'Mars/Olympus' is unknown"),
        ({"Sws": Variable([0.1] * 4, " ", "-0.1m")}, {}, "variable Sws has no unit"),
        ({"Sws": WET}, {"latitude": None}, "'Tower' has no coordinates"),
    ],
)
def test_an_incomplete_file_is_refused(tmp_path, given, attributes, says):
    with pytest.raises(TableError, match=says):
        read_ozflux(probes_at("ozflux", path=write_tower(tmp_path / "a.nc", LOCAL, given, **attributes)))


def test_times_must_increase_and_be_of_parts_of_a_day(tmp_path):
    path = write_tower(tmp_path / "a.nc", LOCAL[::-1], {"Sws": WET})
    with pytest.raises(TableError, match="times do not increase"):
        read_ozflux(probes_at("ozflux", path=path))
    path = write_tower(tmp_path / "b.nc", pd.date_range("2015-01-01", periods=4), {"Sws": WET})
    with pytest.raises(TableError, match="steps of 1 days"):
        read_ozflux(probes_at("ozflux", path=path))


def test_what_is_no_netcdf_is_refused(tmp_path):
    (tmp_path / "a.nc").write_text("text")
    with pytest.raises(TableError, match="cannot be read as netCDF"):
        read_ozflux(probes_at("ozflux", path=tmp_path))


@pytest.mark.parametrize(
    ("start", "attributes", "says"),
    [("1747-01-01", {}, "lies before 1950"), ("2199-01-01", {}, "lies in the future"),
     ("2015-01-01", {"time_zone": "99"}, "a clock 99 h ahead of UTC")],
)  # fmt: skip
def test_a_bad_tower_is_left_out_by_its_file_and_alone_is_refused(tmp_path, caplog, start, attributes, says):
    write_tower(tmp_path / "good.nc", LOCAL, {"Sws": WET})
    times = pd.date_range(start, periods=4, freq="30min")
    bad = write_tower(tmp_path / "bad.nc", times, {"Sws": WET}, site_name="Other", **attributes)
    assert read_ozflux(probes_at("ozflux", path=tmp_path)).stations["station"].tolist() == ["Tower"]
    assert f"left out: {bad}" in caplog.text and says in caplog.text
    with pytest.raises(TableError, match=says):
        read_ozflux(probes_at("ozflux", path=bad))


def test_a_tower_that_moved_is_named(tmp_path, caplog):
    write_tower(tmp_path / "2015.nc", LOCAL, {"Sws": WET})
    write_tower(tmp_path / "2016.nc", LOCAL + pd.Timedelta(days=366), {"Sws": WET}, latitude=-35.99)
    assert read_ozflux(probes_at("ozflux", path=tmp_path)).stations["latitude"].tolist() == [-34.99]
    assert "station Tower lies at -34.99" in caplog.text and "-35.99" in caplog.text
