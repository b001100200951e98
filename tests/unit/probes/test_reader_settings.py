"""The station table fills and corrects what files say of their stations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from probe_settings import probes_at

from loam.errors import ConfigError, TableError
from loam.probes.reader_settings import complete_stations, source_files, utc_offset


@pytest.fixture
def stations():
    return pd.DataFrame({"station": ["A", "B"], "latitude": [-35.0, -36.0], "longitude": [146.0, 147.0]})


def table(folder, text):
    path = folder / "stations.csv"
    path.write_text(text, encoding="utf-8")
    return probes_at(stations=path)


def test_without_a_table_what_the_files_lack_is_missing(stations):
    complete = complete_stations(stations, probes_at(path="files"))
    assert complete["latitude"].tolist() == [-35.0, -36.0]
    assert complete[["elevation", "bulk_density", "porosity", "soil"]].isna().all().all()


def test_the_table_wins_where_it_has_a_value(stations, tmp_path):
    text = "station,latitude,bulk_density,soil\nB,-36.5,1.4,clay\nA,,1.5,\n"
    complete = complete_stations(stations, table(tmp_path, text)).set_index("station")
    assert complete.loc["B", "latitude"] == -36.5
    assert complete.loc["A", "latitude"] == -35.0  # empty in the table
    assert complete["bulk_density"].tolist() == [1.5, 1.4]
    assert complete.loc["B", "soil"] == "clay"
    assert complete["longitude"].tolist() == [146.0, 147.0]


def test_a_name_of_digits_stays_text(tmp_path):
    found = pd.DataFrame({"station": ["53877"]})
    complete = complete_stations(found, table(tmp_path, "station,latitude,longitude\n53877,-35,146\n"))
    assert complete["latitude"].tolist() == [-35.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,latitude\nA,-35\n", "no column 'station'"),
        ("station,lat\nA,-35\n", "unknown column lat"),
        ("station,latitude\nA,-35\nA,-35\n", "A is there twice"),
        ("station,bulk_density\nA,heavy\n", "'heavy' of station A is not a number"),
    ],
)
def test_a_wrong_table_is_refused(stations, tmp_path, text, says):
    with pytest.raises(TableError, match=says):
        complete_stations(stations, table(tmp_path, text))


def test_a_station_that_nobody_places_is_refused(stations):
    stations.loc[1, "latitude"] = np.nan
    with pytest.raises(TableError, match="'B' has no coordinates"):
        complete_stations(stations, probes_at(path="files"))


@pytest.mark.parametrize(("text", "hours"), [("+10:00", 10), ("-03:30", -3.5), ("+00:00", 0)])
def test_offsets_are_read_with_their_sign(text, hours):
    assert utc_offset(probes_at(utc_offset=text)) == pd.Timedelta(hours=hours)


def test_an_offset_without_sign_is_refused():
    assert utc_offset(probes_at()) is None
    with pytest.raises(ConfigError, match="utc_offset': '600' is not an offset from UTC"):
        utc_offset(probes_at(utc_offset=600))  # what YAML makes of +10:00 without quotes


def test_a_folder_without_the_formats_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(TableError, match=r"no file of this format.*netCDF"):
        source_files(probes_at(path=tmp_path), [".nc"], expected="netCDF")
    with pytest.raises(TableError, match="no such file or folder"):
        source_files(probes_at(path=tmp_path / "elsewhere"), [".nc"], expected="netCDF")


def test_a_station_called_na_and_one_with_zeros_keep_their_names(tmp_path):
    table = tmp_path / "stations.csv"
    table.write_text("station,latitude,longitude\nNA,-35.1,147.2\nNone,-35.2,147.2\n007,-35.3,147.2\n7,-35.4,147.2\n")
    names = ["007", "7", "NA", "None"]
    found = complete_stations(pd.DataFrame({"station": names}), probes_at(stations=str(table)))
    assert dict(zip(found["station"], found["latitude"], strict=True)) == {
        "NA": -35.1, "None": -35.2, "007": -35.3, "7": -35.4,
    }  # fmt: skip


@pytest.mark.parametrize("offset", ["+15:00", "-13:00"])
def test_an_offset_that_no_clock_has_is_refused(offset):
    with pytest.raises(ConfigError, match="utc_offset': .* is not an offset from UTC; expected .* -12:00 to"):
        utc_offset(probes_at(utc_offset=offset))
