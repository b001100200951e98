"""A table that a person brings is read as it is meant, or one line says which row to mend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.samples.brought_table import read_station_table

CONFIG = {
    "layers": [{"name": "surface", "column": "sm"}],
    "columns": {"station": "station", "date": "date", "latitude": "lat", "longitude": "lon"},
    "groups": [],
    "features": {
        "static": ["clay"],
        "daily": [{"name": "rain", "lags": [0, 1]}],
        "sequence": {"variables": [], "lags": [0, 0]},
        "classes": [],
        "day_of_year": False,
    },
}
HEADER = "station,date,lat,lon,sm,clay,rain"
ROWS = ["a,2016-02-05,-34.7,146.1,0.2,30,0", "a,2016-02-06,-34.7,146.1,0.3,30,5", "b,2016-02-05,-35,146.3,,20,1"]


@pytest.fixture
def write(tmp_path):
    def write(rows: list[str] = ROWS, header: str = HEADER, encoding: str = "utf-8") -> Path:
        path = tmp_path / "probes.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
        return path

    return write


def read(path: Path, **changes):
    return read_station_table(path, "target", **{**CONFIG, **changes})


def with_features(**changes) -> dict:
    return {"features": {**CONFIG["features"], **changes}}


def complaint(path: Path, **changes) -> str:
    with pytest.raises(TableError) as error:
        read(path, **changes)
    text = str(error.value)
    assert text.startswith(str(path)) and "\n" not in text
    return text.removeprefix(str(path))


def test_rows_are_sorted_and_remember_where_they_stood_in_the_file(write):
    table = read(write([ROWS[2], ROWS[1], ROWS[0]]))
    assert table.keys["station"].tolist() == ["a", "a", "b"]
    assert table.keys["date"].dt.day.tolist() == [5, 6, 5]
    assert table.keys.index.tolist() == [4, 3, 2]  # the header is row 1
    np.testing.assert_array_equal(table.layers["surface"], [0.2, 0.3, np.nan])
    np.testing.assert_array_equal(table.covariates["rain"], [0, 5, 1])


def test_parquet_holds_the_same_as_csv(write, tmp_path):
    csv = read(write())
    frame = pd.read_csv(csv.path)
    frame["date"] = pd.to_datetime(frame["date"])
    path = tmp_path / "probes.parquet"
    frame.set_index(["station", "date"]).to_parquet(path)  # keys in the index are found too
    parquet = read(path)
    pd.testing.assert_frame_equal(parquet.keys, csv.keys.set_axis(csv.keys.index - 1), check_index_type=False)
    pd.testing.assert_frame_equal(
        parquet.covariates, csv.covariates.set_axis(csv.keys.index - 1), check_index_type=False
    )


def test_a_byte_order_mark_and_blank_lines_do_no_harm(write):
    table = read(write([ROWS[0], "", ROWS[2], ",,,,,,"], encoding="utf-8-sig"))
    assert table.keys.index.tolist() == [2, 4]


@pytest.mark.parametrize(("written", "meant"), [("12", "12"), ("007", "007"), (" M1 ", "M1"), ("NA", "NA")])
def test_a_station_keeps_the_name_that_is_written(write, written, meant):
    assert read(write([f"{written},2016-02-05,-34,146,0.2,30,0"])).keys["station"].tolist() == [meant]


@pytest.mark.parametrize("numbers", [[12, 3], [12.0, 3.0]])
def test_stations_that_are_numbers_become_text(tmp_path, numbers):
    path = tmp_path / "probes.parquet"
    frame = pd.DataFrame({"station": numbers, "date": "2016-02-05", "lat": -34.0, "lon": 146.0, "sm": 0.2})
    frame.assign(clay=1.0, rain=0.0).to_parquet(path)
    assert read(path).keys["station"].tolist() == ["12", "3"]


@pytest.mark.parametrize(
    "written",
    ["2016-02-05", "2016-02-05T23:30", "2016-02-05 23:30:00", "2016-02-05T23:30:00Z", "2016-02-05T01:00+10:00"],
)
def test_the_day_is_the_one_that_is_written(write, written):
    table = read(write([f"a,{written},-34,146,0.2,30,0"]))
    assert table.keys["date"].tolist() == [pd.Timestamp("2016-02-05")]
    assert table.keys["date"].dtype == "datetime64[ns]"


@pytest.mark.parametrize(
    "dates",
    [
        pd.to_datetime(["2016-02-05 23:30"]),
        pd.to_datetime(["2016-02-05 01:00"]).tz_localize("Australia/Sydney"),
        pd.to_datetime(["2016-02-05"]).date,
    ],
)
def test_dates_of_parquet_need_not_be_text(tmp_path, dates):
    path = tmp_path / "probes.parquet"
    pd.DataFrame(
        {"station": ["a"], "date": dates, "lat": -34.0, "lon": 146.0, "sm": 0.2, "clay": 1.0, "rain": 0.0}
    ).to_parquet(path)
    assert read(path).keys["date"].tolist() == [pd.Timestamp("2016-02-05")]


@pytest.mark.parametrize(
    "written",
    ["05/02/2016", "5.2.2016", "20160205", "2016-02-30", "2016-2-5", "2016-02-05 noon", "42405", "1016-02-05"],
)
def test_a_date_in_another_form_is_refused_with_its_row_and_text(write, written):
    text = complaint(write([ROWS[0], f"a,{written},-34.7,146.1,0.2,30,0"]))
    assert text.startswith(f", row 3: '{written}' is not a date in column 'date'")
    assert "YYYY-MM-DD" in text


def test_a_date_that_is_missing_is_refused(write):
    assert complaint(write([ROWS[0], "a,,-34.7,146.1,0.2,30,0"])).startswith(", row 3: no date")


def test_a_station_without_a_name_is_refused(write):
    assert complaint(write([ROWS[0], " ,2016-02-05,-34,146,0.2,30,0"])).startswith(", row 3: no station name")


def test_a_station_and_day_may_occur_once(write):
    text = complaint(write([*ROWS, "a,2016-02-05T12:00,-34.7,146.1,0.2,30,0"]))
    assert text.startswith(", row 5: station 'a' has 2016-02-05 a second time, first in row 2")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (",146.1", "station 'a' has no latitude"),
        ("-34.7,", "station 'a' has no longitude"),
        ("south,146.1", "'south' in column 'lat' is not a number"),
        ("146.1,-34.7", "latitude 146.1 of station 'a' is not on Earth"),
        ("-34.7,612345", "longitude 612345 of station 'a' is not on Earth"),
    ],
)
def test_a_station_needs_a_place_on_earth(write, place, expected):
    assert complaint(write([ROWS[2], f"a,2016-02-05,{place},0.2,30,0"])).startswith(f", row 3: {expected}")


def test_a_place_is_given_once_and_holds_for_all_days(write):
    table = read(write([ROWS[0], "a,2016-02-06,,,0.3,30,5"]))
    assert table.keys["latitude"].tolist() == [-34.7, -34.7]


def test_a_station_that_moves_is_refused(write):
    text = complaint(write([*ROWS, "a,2016-02-07,-34.71,146.1,0.2,30,0"]))
    assert text.startswith(", row 5: latitude of station 'a' changes from -34.7 to -34.71")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("dry", "'dry' in column 'clay' is not a number"),
        ('"0,35"', "'0,35' in column 'clay' is not a number"),
        ("-", "'-' in column 'clay' is not a number"),
        ("-9999", "-9999 in column 'clay' stands for a missing value"),
        ("inf", "inf in column 'clay' stands for a missing value"),
    ],
)
def test_a_feature_that_is_no_number_is_refused(write, cell, expected):
    text = complaint(write([*ROWS, f"c,2016-02-05,-34,146,0.2,{cell},0", f"c,2016-02-06,-34,146,0.2,{cell},0"]))
    assert text.startswith(f", row 5 (and 1 more): {expected}")
    assert ("decimals with a point" in text) == ("0,35" in cell)


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "null"])
def test_the_usual_words_for_nothing_are_missing_values(write, cell):
    table = read(write([f"a,2016-02-05,-34,146,{cell},30,{cell}"]))
    assert np.isnan(table.layers["surface"].item()) and np.isnan(table.covariates["rain"].item())


def test_a_column_that_is_not_there_is_named_with_the_nearest_one(write):
    text = complaint(write(header="station,date,lat,lon,sm,Clay,rain"))
    assert text == ": no column 'clay'; expected what config key 'features.static' names; did you mean 'Clay'?"


def test_a_daily_feature_may_come_as_ready_lags_or_as_one_column(write):
    ready = write(["a,2016-02-05,-34,146,0.2,30,1,2"], header="station,date,lat,lon,sm,clay,rain_0,rain_1")
    assert list(read(ready).covariates) == ["clay", "rain_0", "rain_1"]
    both = write(["a,2016-02-05,-34,146,0.2,30,1,2"], header="station,date,lat,lon,sm,clay,rain_0,rain")
    assert list(read(both).covariates) == ["clay", "rain"]  # one lag of the window is not ready
    neither = write(["a,2016-02-05,-34,146,0.2,30,1"], header="station,date,lat,lon,sm,clay,rain_0")
    text = complaint(neither)
    assert text.startswith(": no column 'rain' (nor the ready lags rain_0 to rain_1)") and "features.daily" in text


def test_a_column_name_that_is_there_twice_is_refused(write):
    path = write(["a,2016-02-05,-34,146,0.2,30,1,2"], header=HEADER + ",rain")
    assert complaint(path).startswith(": two columns are named 'rain'")


def test_columns_that_nobody_asked_for_are_left_alone(write):
    table = read(write(["a,2016-02-05,-34,146,0.2,30,1,x,y"], header=HEADER + ",note,note"))
    assert len(table.keys) == 1


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_refused(write, mark, word):
    text = complaint(write([row.replace(",", mark) for row in ROWS], header=HEADER.replace(",", mark)))
    assert text.startswith(f": columns are separated by {word}")


def test_an_empty_table_is_refused(write, tmp_path):
    assert complaint(write([])).startswith(": the table has no rows")
    (tmp_path / "empty.csv").write_text("")
    assert complaint(tmp_path / "empty.csv").startswith(": the file is empty")
    pd.read_csv(write()).head(0).to_parquet(tmp_path / "empty.parquet")
    assert complaint(tmp_path / "empty.parquet").startswith(": the table has no rows")


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    assert complaint(tmp_path / name).startswith(": no such file")


@pytest.mark.parametrize("name", ["odd.csv", "odd.parquet"])
def test_a_file_that_is_no_table_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xff\xfe\x00binary\x00")
    assert complaint(tmp_path / name).startswith(": cannot be read as a table")


def test_classes_are_text_whatever_they_were(tmp_path):
    path = tmp_path / "probes.parquet"
    frame = pd.DataFrame({"station": ["a", "b"], "date": "2016-02-05", "lat": -34.0, "lon": 146.0, "sm": 0.2})
    frame.assign(clay=1.0, rain=0.0, landcover=[3.0, np.nan]).to_parquet(path)
    table = read(path, **with_features(classes=[{"name": "landcover", "values": [3, 4]}]))
    assert table.classes["landcover"].tolist() == ["3", None]


@pytest.mark.parametrize("code", ["-999", "1e20", "7999", "-99.9", "-127", "65535", "-9999", "1e30"])
@pytest.mark.parametrize("name", ["tmax", "lst", "clay"])
def test_a_number_that_cannot_be_is_refused_by_row_and_column_whatever_it_is(tmp_path, code, name):
    values = {"tmax": 15 + np.arange(30) / 3, "lst": 290 + np.arange(30) / 3, "clay": 20 + np.arange(30) / 3}[name]
    lines = [f"a,2016-02-{day:02d},-34.7,146.1,0.2,{value:g}" for day, value in enumerate(values[:28], start=1)]
    lines[6] = lines[6].rpartition(",")[0] + f",{code}"
    path = tmp_path / "probes.csv"
    path.write_text(f"station,date,lat,lon,sm,{name}\n" + "\n".join(lines) + "\n", encoding="utf-8")
    said = complaint(path, **with_features(static=[name], daily=[]))
    assert said.startswith(", row 8: ") and f"column '{name}'" in said


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tmax", [290 + n for n in range(28)]),  # kelvin
        ("tmin", [-40 - n for n in range(28)]),  # a Siberian winter
        ("rain_30", [300 * n for n in range(28)]),
        ("clay", [n / 100 for n in range(28)]),  # a share of 1
        ("distance", [255 if n == 9 else n * 9 for n in range(28)]),
        ("code", [999 + n for n in range(28)]),
        ("station_age", [0] * 27 + [127]),  # too few other values to tell
    ],
)
def test_what_can_be_passes(tmp_path, name, values):
    lines = [f"a,2016-02-{day:02d},-34.7,146.1,0.2,{value}" for day, value in enumerate(values, start=1)]
    path = tmp_path / "probes.csv"
    path.write_text(f"station,date,lat,lon,sm,{name}\n" + "\n".join(lines) + "\n", encoding="utf-8")
    assert read(path, **with_features(static=[name], daily=[])).covariates[name].tolist() == values


@pytest.mark.parametrize("row", ["a,2016-02-07,-34,7,146.1,0.2,30,0", "Hill, east,2016-02-07,-34.7,146.1,0.2,30,0"])
@pytest.mark.parametrize("place", [0, 2])
def test_a_row_with_a_comma_too_many_is_refused(write, row, place):
    rows = [*ROWS[:place], row, *ROWS[place:]]
    assert f"row {place + 2} has 8 cells; expected 7" in complaint(write(rows))


def test_a_comma_at_the_end_of_rows_moves_nothing(write):
    table = read(write([f"{row}," for row in ROWS]))
    np.testing.assert_array_equal(table.covariates["rain"], [0, 5, 1])


def test_an_apostrophe_is_part_of_a_name(write):
    rows = [row.replace("a,", "'-Hill,", 1).replace("b,", "'s-Gravenhage,", 1) for row in ROWS]
    assert read(write(rows)).keys["station"].tolist() == ["'-Hill", "'-Hill", "'s-Gravenhage"]
