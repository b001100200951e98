"""ICOS ETC series: depths from the variable information, clock from the site's, a long file in pieces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from icos_files import write_series, write_site_info, write_variable_info
from probe_settings import probes_at

from loam.errors import TableError
from loam.probes import icos
from loam.probes.icos import read_icos
from loam.probes.readings import READINGS

ENDS = pd.date_range("2021-06-01 00:30", periods=4, freq="30min")
INFO = [
    ("SWC_1_1_1", -0.05, "%", "20180101"),
    ("SWC_2_1_1", -0.05, "%", "20180101"),
    ("SWC_1_2_1", -0.3, "%", "20180101"),
    ("TS_1_1_1", -0.05, "deg C", "20180101"),
    ("TA_1_1_1", 38.0, "deg C", "20180101"),
    ("TA_1_2_1", 2.0, "deg C", "20180101"),
    ("P_1_1_1", 1.0, "mm", "20180101"),
]
COLUMNS = {
    "SWC_1_1_1": [20.0, 21.0, np.nan, 22.0],
    "SWC_1_1_1_SE": [1.0] * 4,
    "SWC_2_1_1": [25.0] * 4,
    "SWC_1_2_1": [30.0] * 4,
    "TS_1_1_1": [12.0] * 4,
    "TA_1_1_1": [15.0] * 4,
    "TA_1_2_1": [16.0] * 4,
    "P_1_1_1": [0.0, 0.4, 0.0, 0.0],
    "WS_1_1_1": [3.0] * 4,
}


@pytest.fixture
def folder(tmp_path):
    write_series(tmp_path, "BE-Bra", ENDS, COLUMNS)
    write_variable_info(tmp_path, "BE-Bra", INFO)
    write_site_info(tmp_path, "BE-Bra")
    return tmp_path


def readings_of(folder, **settings):
    return pd.concat(read_icos(probes_at("icos", path=folder, **settings)).readings, ignore_index=True)


def test_depths_come_from_the_variable_information(folder):
    readings = readings_of(folder)
    READINGS.validate(readings)
    depths = readings.groupby("sensor")["depth_from_cm"].first()
    assert depths[["SWC_1_1_1", "SWC_2_1_1", "SWC_1_2_1", "TS_1_1_1"]].tolist() == [5, 5, 30, 5]
    np.testing.assert_array_equal(readings.loc[readings["sensor"] == "SWC_1_1_1", "value"], [20, 21, np.nan, 22])
    assert readings.groupby("variable")["unit"].first().to_dict() == {
        "soil_moisture": "%",
        "soil_temperature": "degC",
        "air_temperature": "degC",
        "precipitation": "mm",
    }


def test_of_a_profile_of_air_temperature_the_one_nearest_to_two_metres_is_read(folder):
    readings = readings_of(folder)
    assert set(readings.loc[readings["variable"] == "air_temperature", "sensor"]) == {"TA_1_2_1"}


def test_times_are_the_ends_of_intervals_in_utc(folder):
    times = readings_of(folder).query("sensor == 'P_1_1_1'")["time"]
    assert times.tolist() == list(ENDS - pd.Timedelta(hours=1))


def test_place_and_land_cover_are_the_sites(folder):
    row = read_icos(probes_at("icos", path=folder)).stations.iloc[0]
    assert [row["station"], row["latitude"], row["longitude"], row["elevation"], row["landcover"]] == [
        "BE-Bra", 51.307, 4.519, 16, "MF",
    ]  # fmt: skip


def test_a_long_file_comes_in_pieces(folder, monkeypatch):
    whole = readings_of(folder)
    monkeypatch.setattr(icos, "PIECE", 3 * 7)  # seven columns
    frames = list(read_icos(probes_at("icos", path=folder)).readings)
    assert [frame["time"].nunique() for frame in frames] == [3, 1]
    order = ["sensor", "time"]
    pd.testing.assert_frame_equal(
        pd.concat(frames).sort_values(order, ignore_index=True), whole.sort_values(order, ignore_index=True)
    )


def test_single_sensors_are_preferred_to_their_means(folder):
    write_series(folder, "BE-Bra", ENDS, {"SWC_1": [23.0] * 4}, product="METEO")
    write_variable_info(folder, "BE-Bra", [("SWC_1", -0.05, "%", "20180101")], product="METEO")
    assert "SWC_1" not in set(readings_of(folder)["sensor"])


def test_the_means_are_read_where_they_stand_alone(tmp_path):
    write_series(tmp_path, "BE-Bra", ENDS, {"SWC_1": [23.0] * 4, "SWC_1_N": [2] * 4, "TA": [9.0] * 4}, product="METEO")
    groups = [("SWC_1", -0.04, "%", "20180101"), ("SWC_1", -0.06, "%", "20180101")]
    write_variable_info(tmp_path, "BE-Bra", groups, product="METEO")
    write_site_info(tmp_path, "BE-Bra")
    readings = readings_of(tmp_path)
    assert set(readings["sensor"]) == {"SWC_1", "TA"}
    assert set(readings.loc[readings["sensor"] == "SWC_1", "depth_to_cm"]) == {5.0}  # of the two sensors' mean


def test_a_sensor_that_moves_has_its_depth_of_the_day(folder, caplog):
    write_variable_info(folder, "BE-Bra", [("SWC_1_1_1", -0.1, "%", "20210601"), *INFO])
    ends = pd.date_range("2021-05-31 23:30", periods=4, freq="30min")
    write_series(folder, "BE-Bra", ends, COLUMNS)
    moved = readings_of(folder).query("sensor == 'SWC_1_1_1'")
    assert moved["depth_from_cm"].tolist() == [5, 10, 10, 10]
    assert "depth of SWC_1_1_1 changes" in caplog.text


def test_no_depth_is_no_reading(folder):
    write_variable_info(folder, "BE-Bra", INFO[1:])
    with pytest.raises(TableError, match=r"no depth of SWC_1_1_1.*VAR_INFO_HEIGHT"):
        read_icos(probes_at("icos", path=folder))


def test_the_clock_must_be_known(folder):
    write_site_info(folder, "BE-Bra", offset=None)
    with pytest.raises(TableError, match=r"clock is not known.*utc_offset"):
        read_icos(probes_at("icos", path=folder))
    assert readings_of(folder, utc_offset="+02:00")["time"].min() == ENDS[0] - pd.Timedelta(hours=2)


def test_two_versions_of_a_site_are_refused(folder):
    write_series(folder, "BE-Bra", ENDS, COLUMNS, version="NRT")
    with pytest.raises(TableError, match="a second METEOSENS of BE-Bra"):
        read_icos(probes_at("icos", path=folder))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",202106010030,", ",2021-06-01 00:30,", r"line 2: time '2021-06-01 00:30'"),
        (",21.0,", ",wet,", r"line 3: 'wet' in column SWC_1_1_1 is not a number"),
        ("TIMESTAMP_END", "END", "no column TIMESTAMP_END"),
        ("SWC_", "VWC_", "no soil moisture in it"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(folder, old, new, says):
    path = folder / "ICOSETC_BE-Bra_METEOSENS_L2.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(TableError, match=says):
        readings_of(folder)


def test_a_file_of_only_a_header_is_refused(folder):
    path = folder / "ICOSETC_BE-Bra_METEOSENS_L2.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(TableError, match="no readings"):
        readings_of(folder)


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match=r"no series of a site.*METEOSENS"):
        read_icos(probes_at("icos", path=tmp_path))


@pytest.fixture
def two(folder):
    """A second site beside the first."""
    write_series(folder, "DE-Tha", ENDS, COLUMNS)
    write_variable_info(folder, "DE-Tha", INFO)
    write_site_info(folder, "DE-Tha")
    return folder


def alone(folder, site):
    for path in folder.glob("ICOSETC_*"):
        if site not in path.name:
            path.unlink()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b",202106010030,", b",174706010030,", r"line 2: time '174706010030' lies before 1950"),
        (b",202106010030,", b",219906010030,", r"line 2: time '219906010030' lies in the future"),
        (b",202106010030,", b",000006010030,", r"line 2: time '000006010030'"),
        (b",21.0,", b",2\xff.0,", "cannot be read"),
        (b"TIMESTAMP_END", b"TIMESTAMP_\xffND", "cannot be read"),
    ],
)
def test_a_bad_site_is_left_out_by_its_file_and_alone_is_refused(two, caplog, old, new, says):
    path = two / "ICOSETC_DE-Tha_METEOSENS_L2.csv"
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new, 1))
    assert set(readings_of(two)["station"]) == {"BE-Bra"}
    assert f"left out: {path}" in caplog.text
    alone(two, "DE-Tha")
    with pytest.raises(TableError, match=says):
        readings_of(two)


def test_a_clock_that_is_on_no_place_on_earth_is_refused(two, caplog):
    write_site_info(two, "DE-Tha", offset=99)
    assert set(readings_of(two)["station"]) == {"BE-Bra"}
    alone(two, "DE-Tha")
    with pytest.raises(TableError, match=r"SITEINFO_L2.csv, UTC_OFFSET: a clock 99 h ahead of UTC; expected -12 to 14"):
        read_icos(probes_at("icos", path=two))


def test_days_and_heights_of_the_variable_information_that_cannot_be(folder):
    write_variable_info(folder, "BE-Bra", [("SWC_1_1_1", -5e9, "%", "20180101"), *INFO[1:]])
    with pytest.raises(TableError, match="a height of -5e\\+09 m"):
        read_icos(probes_at("icos", path=folder))
    write_variable_info(folder, "BE-Bra", [("SWC_1_1_1", -0.05, "%", "00010101"), *INFO[1:]])
    assert set(readings_of(folder).query("sensor == 'SWC_1_1_1'")["depth_from_cm"]) == {5}
