"""Season files of OzNet: clock, depths and units by the sheet's head; anything else is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oznet_files import season_rows, write_csv, write_xls
from probe_settings import probes_at

from loam.errors import TableError
from loam.probes.oznet import read_oznet, read_season
from loam.probes.readings import READINGS

LOCAL = pd.date_range("2006-09-01", periods=4, freq="20min")  # AEST
COLUMNS = {
    "Temp 2.5cm": ("degC", [10.0, 11.0, 12.0, -99.0]),
    "SM 0-5cm": ("%vol", [20.0, 21.0, -99.0, 22.0]),
    "SM 30-60cm": ("%vol", [30.0, 30.0, 30.0, 31.0]),
    "Suction 4cm": ("kPa", [1.0, 1.0, 1.0, 1.0]),
    "20min Rainfall": ("mm", [0.0, 0.0, 1.2, 0.0]),
}


def rows(times=LOCAL, columns=COLUMNS, *, serial=True):
    return season_rows("Somewhere (Y1)", times, columns, serial=serial)


def settings(folder, *stations):
    table = folder / "table.parquet"
    pd.DataFrame({"station": stations, "latitude": -34.6, "longitude": 145.8}).to_parquet(table)
    return probes_at("oznet", path=folder, stations=table)


@pytest.mark.parametrize("serial", [True, False], ids=["days since 1899-12-30", "dd/mm/yyyy"])
def test_times_are_eastern_standard_and_become_utc(tmp_path, serial):
    frame = read_season(write_csv(tmp_path / "y1_06_sp_sm.csv", rows(serial=serial)), "Y1")
    READINGS.validate(frame)
    top = frame[frame["sensor"] == "SM 0-5cm"]
    assert top["time"].iloc[0] == pd.Timestamp("2006-08-31 14:00")
    assert top["time"].tolist() == list(LOCAL - pd.Timedelta(hours=10))


def test_depths_units_and_missing_values_come_from_the_sheet(tmp_path):
    frame = read_season(write_csv(tmp_path / "y1_06_sp.csv", rows()), "Y1")
    found = frame.drop_duplicates("sensor").set_index("sensor")
    assert found.loc["SM 0-5cm", ["depth_from_cm", "depth_to_cm", "unit"]].tolist() == [0, 5, "%"]
    assert found.loc["SM 30-60cm", ["depth_from_cm", "depth_to_cm"]].tolist() == [30, 60]
    assert found.loc["Temp 2.5cm", ["variable", "depth_from_cm", "unit"]].tolist() == ["soil_temperature", 2.5, "degC"]
    assert found.loc["20min Rainfall", ["variable", "unit"]].tolist() == ["precipitation", "mm"]
    assert "Suction 4cm" not in found.index
    np.testing.assert_array_equal(frame.loc[frame["sensor"] == "SM 0-5cm", "value"], [20, 21, np.nan, 22])


def test_the_workbook_and_its_sheet_as_csv_say_the_same(tmp_path):
    pytest.importorskip("xlrd", reason="workbooks need the package xlrd")
    book = read_season(write_xls(tmp_path / "y1_06_sp_sm.xls", rows(), sheet="20min Data"), "Y1")
    sheet = read_season(write_csv(tmp_path / "y1_06_sp_sm.csv", rows()), "Y1")
    pd.testing.assert_frame_equal(book, sheet)


def test_a_workbook_without_the_sheet_is_refused(tmp_path):
    pytest.importorskip("xlrd", reason="workbooks need the package xlrd")
    path = write_xls(tmp_path / "y1_06_sp_sm.xls", rows(), sheet="Charts")
    with pytest.raises(TableError, match=r"MetaData, Charts.*'30min Data'"):
        read_season(path, "Y1")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut short")
    with pytest.raises(TableError, match="cannot be read as a workbook"):
        read_season(path, "Y1")


def test_times_that_two_seasons_share_are_read_once(tmp_path):
    write_csv(tmp_path / "y" / "y1_06_sp_sm.csv", rows())
    write_csv(tmp_path / "y" / "y1_06_su_sm.csv", rows(LOCAL + pd.Timedelta("40min")))
    write_csv(tmp_path / "k" / "k10_06_sp_sm.csv", rows())
    frames = list(read_oznet(settings(tmp_path, "Y1", "K10")).readings)
    assert [frame["station"].iloc[0] for frame in frames] == ["K10", "Y1", "Y1"]
    both = pd.concat(frames[1:])
    assert not both.duplicated(["sensor", "time"]).any()
    assert both["time"].nunique() == 6


def test_stations_without_coordinates_are_refused(tmp_path):
    write_csv(tmp_path / "y1_06_sp_sm.csv", rows())
    with pytest.raises(TableError, match="'Y1' has no coordinates"):
        read_oznet(probes_at("oznet", path=str(tmp_path)))


def test_a_repeated_column_is_a_second_sensor(tmp_path):
    doubled = rows()
    for row, cell in zip(doubled[1:], ["SM 0-5cm", "%vol", 1.0, 2.0, 3.0, 4.0], strict=True):
        row.append(cell)
    frame = read_season(write_csv(tmp_path / "y1_06_sp.csv", doubled), "Y1")
    assert frame.loc[frame["sensor"] == "SM 0-5cm (2)", "value"].tolist() == [1, 2, 3, 4]


def changed(row, column, cell):
    sheet = rows(serial=False)
    sheet[row][column] = cell
    return sheet


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        (rows()[:3], "no readings"),
        (changed(1, 0, "Y1"), "second line begins with 'Y1'"),
        (changed(1, 2, "SM top"), "column 'SM top' is unreadable"),
        (changed(2, 2, "m3/m3"), r"line 3: unit 'm3/m3' of column 'SM 0-5cm'.*percent"),
        (changed(5, 2, "wet"), r"line 6: 'wet' in column 'SM 0-5cm' is not a number"),
        (changed(4, 0, "2006-09-01 00:20"), r"line 5: time '2006-09-01 00:20'.*dd/mm/yyyy"),
        (changed(6, 4, "1") [:6] + [changed(6, 4, "1")[6] + ["9"]], r"line 7: 7 cells"),
        ([row[:2] for row in rows()], "no column of soil moisture"),
    ],
)  # fmt: skip
def test_another_layout_is_refused_with_its_line(tmp_path, sheet, says):
    with pytest.raises(TableError, match=says):
        read_season(write_csv(tmp_path / "y1_06_sp.csv", sheet), "Y1")


def test_a_file_of_another_name_is_refused(tmp_path):
    write_csv(tmp_path / "yanco.csv", rows())
    with pytest.raises(TableError, match=r"yanco\.csv: unreadable file name"):
        read_oznet(probes_at("oznet", path=str(tmp_path)))


def test_a_bad_season_is_left_out_by_its_file_and_alone_is_refused(tmp_path, caplog):
    write_csv(tmp_path / "y" / "y1_06_sp_sm.csv", rows())
    future = write_csv(tmp_path / "y" / "y1_06_su_sm.csv", rows(pd.date_range("2150-01-01", periods=4, freq="20min")))
    (tmp_path / "y" / "notes.csv").write_text("mine")
    frames = list(
        read_oznet(
            settings(tmp_path / "y", "Y1").model_copy(update={"stations": str(tmp_path / "y" / "table.parquet")})
        ).readings
    )
    assert len(frames) == 1 and frames[0]["time"].nunique() == 4
    assert f"left out: {future}" in caplog.text and "lies in the future" in caplog.text
    assert "notes.csv: unreadable file name" in caplog.text
    with pytest.raises(TableError, match="lies in the future"):
        read_season(future, "Y1")
