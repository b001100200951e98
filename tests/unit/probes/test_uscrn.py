"""NOAA's text files and the Parquet made of them give the same readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from probe_settings import probes_at

from loam.datasets.uscrn_weather import daily_weather
from loam.errors import TableError
from loam.io.tables import check_table
from loam.probes.readings import READINGS
from loam.probes.uscrn import DAILY, HOURLY, read_uscrn

ABSENT = {"soil_moisture": "-99.000", "other": "-9999.0"}


def line(layout: list[str], **values: str) -> str:
    """A line of the product, blanks between right-aligned fields, missing where not given."""
    words = []
    for name in layout:
        kind = "soil_moisture" if name.startswith("soil_moisture") else "other"
        flag = name.endswith(("_flag", "_type"))
        words.append(values.get(name, "0" if flag else ABSENT[kind]))
    return " ".join(word.rjust(7) for word in words) + "\n"


def daily_line(day: str, wban: str = "03761", **values: str) -> str:
    key = {"wban": wban, "lst_date": day, "crx_vn": "2.623", "longitude": "-75.79", "latitude": "39.86"}
    return line(DAILY, **key, **values)


def hourly_line(date: str, time: str, **values: str) -> str:
    key = {"wban": "03761", "utc_date": date, "utc_time": time, "lst_date": date, "lst_time": time, "crx_vn": "2.623"}
    return line(HOURLY, **key, longitude="-75.79", latitude="39.86", **values)


@pytest.fixture
def write(tmp_path):
    def write(name: str, *lines: str):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(lines), encoding="ascii")
        return path

    return write


def read(path) -> tuple[pd.DataFrame, object]:
    probes = read_uscrn(probes_at("uscrn", path=str(path)))
    frame = pd.concat([check_table(piece, READINGS, where=path) for piece in probes.readings], ignore_index=True)
    return frame, probes


def test_a_folder_of_years_is_read_station_by_station(write, tmp_path):
    write("2020/CRND0103-2020-PA_Avondale_2_N.txt", daily_line("20201231", soil_moisture_5_daily="0.300"))
    write(
        "2021/CRND0103-2021-PA_Avondale_2_N.txt",
        daily_line("20210101", soil_moisture_5_daily="0.310", soil_temp_50_daily="-1.5", p_daily_calc="12.7"),
    )
    frame, probes = read(tmp_path)
    assert probes.daily and probes.stations[["station", "latitude", "longitude"]].values.tolist() == [
        ["03761", 39.86, -75.79]
    ]
    moisture = frame[frame["variable"] == "soil_moisture"]
    assert moisture["value"].tolist() == [0.3, 0.31]
    assert moisture["time"].tolist() == [pd.Timestamp("2020-12-31"), pd.Timestamp("2021-01-01")]
    cold = frame[frame["variable"] == "soil_temperature"].iloc[0]
    assert (cold["value"], cold["depth_from_cm"], cold["depth_to_cm"]) == (-1.5, 50, 50)
    assert frame.loc[frame["variable"] == "precipitation", "value"].tolist() == [12.7]


def test_missing_values_are_no_readings(write):
    frame, _ = read(write("CRND.txt", daily_line("20200101", t_daily_avg="-99.0", soil_moisture_5_daily="0.300")))
    assert frame["variable"].tolist() == ["soil_moisture"]


def test_hours_are_utc_and_end_at_their_time(write):
    path = write(
        "CRNH0203-2020-PA_Avondale_2_N.txt",
        hourly_line("20200101", "2300", soil_moisture_10="0.250", t_hr_avg="3.1"),
        hourly_line("20200102", "0000", soil_moisture_10="0.260", p_calc="1.2"),
    )
    frame, probes = read(path)
    assert not probes.daily
    moisture = frame[frame["variable"] == "soil_moisture"]
    assert moisture["time"].tolist() == [pd.Timestamp("2020-01-01 23:00"), pd.Timestamp("2020-01-02")]
    assert frame.loc[frame["variable"] == "air_temperature", "value"].tolist() == [3.1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1 2 3\n"], r"the first line has 3 fields; expected 28 \(daily01\) or 38"),
        ([daily_line("20200101"), daily_line("20200102").rsplit(" ", 1)[0] + "\n"], "line 2: the line is cut short"),
        ([daily_line("20200101"), daily_line("20200102").rstrip() + " 7\n"], "Expected 28 fields in line 2, saw 29"),
        ([daily_line("20200101"), daily_line("20200102", t_daily_max="warm")], "line 2: 'warm' in field t_daily_max"),
        ([daily_line("20201301")], "line 1: '20201301' is not a time"),
    ],
)
def test_a_file_that_is_not_as_documented_is_refused(write, lines, message):
    path = write("CRND.txt", *lines)
    with pytest.raises(TableError, match=message):
        read(path)


def test_a_folder_holds_one_product(write, tmp_path):
    write("a.txt", daily_line("20200101"))
    write("b.txt", hourly_line("20200101", "0100"))
    with pytest.raises(TableError, match="holds daily01 and hourly02 files"):
        read_uscrn(probes_at("uscrn", path=str(tmp_path)))
    with pytest.raises(TableError, match="the day's weather is in daily01, this is hourly02"):
        daily_weather([tmp_path / "b.txt"])
    with pytest.raises(TableError, match="cannot be read"):
        read_uscrn(probes_at("uscrn", path=str(tmp_path / "nothing.parquet.txt")))


def test_weather_of_a_day_is_there_once(write):
    path = write("CRND.txt", daily_line("20200101", p_daily_calc="3.0"), daily_line("20200102", t_daily_min="-4.0"))
    table = daily_weather([path])
    assert table["rain"].tolist()[0] == 3.0 and np.isnan(table["rain"].iloc[1]) and table["tmin"].iloc[1] == -4.0
    with pytest.raises(TableError, match="03761 has 2020-01-01 twice"):
        daily_weather([path, path])


def test_the_parquet_of_a_text_file_gives_the_same(write, tmp_path):
    text = write("CRND.txt", daily_line("20200101", soil_moisture_5_daily="0.300", t_daily_avg="7.5"))
    words = dict(zip(DAILY, text.read_text().split(), strict=True))
    frame = pd.DataFrame({name: [word] for name, word in words.items()})
    numbers = [name for name in DAILY if name not in ("wban", "lst_date", "crx_vn", "sur_temp_daily_type")]
    frame[numbers] = frame[numbers].astype(float).replace([-9999.0, -99.0], np.nan)
    frame["lst_date"] = pd.to_datetime(frame["lst_date"])
    frame.to_parquet(tmp_path / "daily.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "daily.parquet")[0], read(text)[0])


def test_the_real_stations_of_2020(shared_data):
    probes = read_uscrn(probes_at("uscrn", path=str(shared_data / "uscrn" / "daily_2020.parquet")))
    assert probes.daily and len(probes.stations) > 100
    piece = next(piece for piece in probes.readings if (piece["variable"] == "soil_moisture").any())
    moisture = piece[piece["variable"] == "soil_moisture"]
    assert set(moisture["depth_from_cm"]) <= {5, 10, 20, 50, 100} and moisture["value"].between(0, 1).mean() > 0.95


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"\xff\xfe\x00\x81" * 40 + b"\n", "the first line has"),
        (daily_line("20200101").encode() + daily_line("20200102").encode().replace(b"2.623", b"2.6\xe9"), "cannot be"),
        (daily_line("17470101").encode(), r"line 1: time '17470101' lies before 1950"),
        (daily_line("20200101").encode() + daily_line("21990101").encode(), r"line 2: time '21990101' lies in the fut"),
        (daily_line("00000101").encode(), "line 1: time '00000101' lies before 1950"),
        (b"", "the first line has 0 fields"),
    ],
)
def test_a_bad_file_is_left_out_by_its_name_and_alone_is_refused(write, tmp_path, caplog, bad, says):
    write("CRND0103-2020-A.txt", daily_line("20200101", soil_moisture_5_daily="0.300"))
    (tmp_path / "CRND0103-2020-B.txt").write_bytes(bad)
    frame, _ = read(tmp_path)
    assert frame.loc[frame["variable"] == "soil_moisture", "value"].tolist() == [0.3]
    assert f"left out: {tmp_path / 'CRND0103-2020-B.txt'}" in caplog.text
    with pytest.raises(TableError, match=says):
        read(tmp_path / "CRND0103-2020-B.txt")


def test_a_station_whose_place_differs_between_files_or_lines_is_named(write, tmp_path, caplog):
    write("CRND0103-2020-A.txt", daily_line("20200101", soil_moisture_5_daily="0.300"))
    moved = daily_line("20210101", soil_moisture_5_daily="0.300").replace("39.86", "40.86")
    write("CRND0103-2021-A.txt", moved, moved.replace("20210101", "20210102").replace("40.86", "41.86"))
    frame, probes = read(tmp_path)
    assert probes.stations["latitude"].tolist() == [39.86] and len(frame) == 3
    assert "station 03761 lies at 39.86, -75.79" in caplog.text and "40.86, -75.79" in caplog.text
    assert "41.86, -75.79" in caplog.text


def test_a_second_station_in_a_text_file_is_not_lost_in_silence(write):
    path = write("CRND.txt", daily_line("20200101"), daily_line("20200102", wban="00042"))
    with pytest.raises(TableError, match="station 00042 after another's lines"):
        read(path)
