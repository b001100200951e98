"""What an ISMN download says arrives unchanged, whatever its layout; the user's folder stays as it was."""

from __future__ import annotations

import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from ismn_files import Series, pack, write_station
from probe_settings import probes_at
from zip_files import encrypt

from loam.errors import TableError
from loam.probes.ismn import read_ismn
from loam.probes.readings import READINGS, STATIONS

TIMES = pd.date_range("2020-03-01", periods=4, freq="h")


def series(variable="sm", top=0.05, bottom=0.05, sensor="CS616_1_1", values=(0.1, 0.2, 0.3, 0.4), flags="G"):
    return Series(variable, top, bottom, sensor, TIMES, values, flags)


def download(folder, layout="header"):
    """Two stations: one with three sensors of moisture (two at a depth) and weather, one with a single sensor."""
    write_station(
        folder,
        "NET_A",
        "Hill",
        [
            series(values=(0.1, 0.2, -9999, 0.4), flags=("G", "D01,D03", "M", "C02")),
            series(sensor="CS616_2_1", values=(0.11, 0.21, 0.31, 0.41)),
            series(top=0.3, bottom=0.6, sensor="CS616_1_1"),
            series("ts", sensor="T107", values=(5, 6, 7, 8)),
            series("ta", -2.0, -2.0, "HMP45", (15, 16, 17, 18)),
            series("p", -0.5, -0.5, "Rain-gauge", (0, 1.2, 0, 0)),
            series("sd", 0.0, 0.0, "Snow", (0, 0, 0, 0)),
        ],
        layout=layout,
    )
    write_station(folder, "NET_B", "Hill", [series(values=(0.5, 0.5, 0.5, 0.5))], layout=layout, latitude=-36.0)
    return folder


@pytest.fixture(params=["header", "ceop"])
def layout(request):
    return request.param


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_every_layout_gives_the_same_readings(tmp_path, layout, packed):
    path = download(tmp_path / "download", layout)
    probes = read_ismn(probes_at("ismn", path=pack(path) if packed else path))
    readings = pd.concat(probes.readings, ignore_index=True)
    READINGS.validate(readings)
    STATIONS.validate(probes.stations)
    assert not probes.daily
    hill = readings[(readings["station"] == "NET_A_Hill") & (readings["variable"] == "soil_moisture")]
    first = hill[(hill["depth_from_cm"] == 5) & (hill["sensor"] == "CS616_1_1")]
    assert first["time"].tolist() == list(TIMES)
    np.testing.assert_array_equal(first["value"], [0.1, 0.2, np.nan, 0.4])
    assert first["flag"].tolist() == ["G", "D01,D03", "M", "C02"]
    assert set(first["unit"]) == {"m3 m-3"}


def test_sensors_at_a_depth_stay_apart_and_depths_are_cm(tmp_path, layout):
    readings = pd.concat(read_ismn(probes_at("ismn", path=download(tmp_path, layout))).readings)
    moisture = readings[readings["variable"] == "soil_moisture"]
    found = set(moisture[["station", "sensor", "depth_from_cm", "depth_to_cm"]].itertuples(index=False, name=None))
    assert found == {
        ("NET_A_Hill", "CS616_1_1", 5, 5),
        ("NET_A_Hill", "CS616_2_1", 5, 5),
        ("NET_A_Hill", "CS616_1_1", 30, 60),
        ("NET_B_Hill", "CS616_1_1", 5, 5),
    }


def test_soil_temperature_and_weather_come_along_and_nothing_else(tmp_path):
    readings = pd.concat(read_ismn(probes_at("ismn", path=download(tmp_path))).readings)
    units = readings.groupby("variable")["unit"].agg(set).to_dict()
    assert units == {
        "soil_moisture": {"m3 m-3"},
        "soil_temperature": {"degC"},
        "air_temperature": {"degC"},
        "precipitation": {"mm"},
    }
    air = readings[readings["variable"].isin(["air_temperature", "precipitation"])]
    assert (air[["depth_from_cm", "depth_to_cm"]] == 0).all().all()


def test_stations_of_one_name_in_two_networks_are_two(tmp_path):
    stations = read_ismn(probes_at("ismn", path=download(tmp_path))).stations.set_index("station")
    assert stations["latitude"].to_dict() == {"NET_A_Hill": -35.0, "NET_B_Hill": -36.0}
    assert stations.loc["NET_A_Hill", "elevation"] == 120
    assert stations.loc["NET_A_Hill", "porosity"] == 0.46  # of the uppermost layer
    assert stations.loc["NET_A_Hill", "landcover"] == "Grassland"
    assert stations.loc["NET_A_Hill", "soil"] == "clay 23 %, sand 36 %, silt 41 %"


def test_a_station_without_static_variables_is_read_with_a_warning(tmp_path, caplog):
    write_station(tmp_path, "NET", "Bare", [series()], static=False)
    stations = read_ismn(probes_at("ismn", path=tmp_path)).stations
    assert stations["porosity"].isna().all()
    assert "NET_Bare: no porosity" in caplog.text


def test_stations_can_be_chosen_and_corrected(tmp_path):
    table = tmp_path / "stations.csv"
    table.write_text("station,latitude,bulk_density\nNET_B_Hill,-36.5,1.4\n", encoding="utf-8")
    probes = read_ismn(probes_at("ismn", path=download(tmp_path / "d"), stations=str(table), include=["NET_B*"]))
    assert probes.stations[["station", "latitude", "bulk_density"]].to_numpy().tolist() == [["NET_B_Hill", -36.5, 1.4]]
    assert set(pd.concat(probes.readings)["station"]) == {"NET_B_Hill"}


def test_a_frame_is_one_sensor_and_stations_follow_each_other(tmp_path):
    frames = list(read_ismn(probes_at("ismn", path=download(tmp_path))).readings)
    assert [frame["station"].iloc[0] for frame in frames] == ["NET_A_Hill"] * 6 + ["NET_B_Hill"]
    assert all(len(frame.drop_duplicates(["variable", "sensor", "depth_from_cm"])) == 1 for frame in frames)


def test_nothing_is_written_into_the_download(tmp_path):
    path = download(tmp_path / "download")
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    list(read_ismn(probes_at("ismn", path=path)).readings)
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before
    assert [file.name for file in tmp_path.iterdir()] == ["download"]


def test_a_folder_that_is_no_download_is_refused(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(TableError, match=r"no soil moisture in it.*network/station"):
        read_ismn(probes_at("ismn", path=tmp_path))
    (tmp_path / "c.zip").write_text("text")
    with pytest.raises(TableError, match="is not a zip"):
        read_ismn(probes_at("ismn", path=tmp_path / "c.zip"))


def header_only(place, name="*.stm"):
    file = next(place.glob(name))
    file.write_text(file.read_text().splitlines()[0] + "\n")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path, caplog, packed):
    path = download(tmp_path / "download")
    (path / "NET_A" / "Hill" / "mine.stm").write_text("x")
    above = [series(top=-0.1, bottom=-0.1, sensor="Above"), series(sensor="Below")]
    write_station(path, "NET_C", "Deck", above)
    header_only(write_station(path, "NET_D", "Bare", [series()]))
    header_only(path / "NET_A" / "Hill", "*CS616_2_1*")
    probes = read_ismn(probes_at("ismn", path=pack(path) if packed else path))
    assert sorted(probes.stations["station"]) == ["NET_A_Hill", "NET_B_Hill", "NET_C_Deck"]
    readings = pd.concat(probes.readings)
    moisture = readings[readings["variable"] == "soil_moisture"]
    assert set(moisture["sensor"]) == {"CS616_1_1", "Below"}
    for name in ("mine.stm: unreadable file name", "not below the surface", "CS616_2_1", "station NET_D_Bare can be"):
        assert name in caplog.text


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_folders_around_a_download_make_no_station(tmp_path, packed):
    download(tmp_path / "whole" / "Data_separate_files" / "again")
    path = tmp_path / "whole"
    for name in ("__MACOSX/Data/NET_A/._x.stm", "Data_separate_files/again/NET_A/Hill/._y.stm", ".DS_Store"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("Mac OS X")
    probes = read_ismn(probes_at("ismn", path=pack(path) if packed else path))
    assert sorted(probes.stations["station"]) == ["NET_A_Hill", "NET_B_Hill"]
    means = pd.concat(probes.readings).query("variable == 'soil_moisture'").groupby("station")["value"].mean()
    assert means["NET_B_Hill"] == pytest.approx(0.5)


def test_a_station_in_two_folders_is_refused(tmp_path):
    for half in ("a", "b"):
        write_station(tmp_path / half, "NET", "Hill", [series()])
    with pytest.raises(TableError, match="station NET_Hill is in 2 folders: a/NET/Hill, b/NET/Hill"):
        read_ismn(probes_at("ismn", path=tmp_path))


def test_a_zip_whose_directory_is_damaged_is_refused_by_its_name(tmp_path):
    path = pack(download(tmp_path / "download"))
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], whole[:-30], whole.replace(b"PK\x01\x02", b"PK\x01\x03")):
        path.write_bytes(damage)
        with pytest.raises(TableError, match=path.name):
            list(read_ismn(probes_at("ismn", path=path)).readings)


def test_a_download_of_many_folders_is_listed_once(tmp_path, monkeypatch):
    path, calls = pack(download(tmp_path / "download")), []
    monkeypatch.setattr(
        zipfile.ZipFile, "namelist", lambda self: calls.append(1) or [i.filename for i in self.filelist]
    )
    list(read_ismn(probes_at("ismn", path=path)).readings)
    assert len(calls) == 1


def test_a_file_with_only_a_header_is_refused_by_its_name(tmp_path):
    place = write_station(tmp_path, "NET", "Hill", [series()])
    file = next(place.glob("*.stm"))
    file.write_text(file.read_text().splitlines()[0] + "\n")
    with pytest.raises(TableError, match=r"CS616_1_1.*cannot be read"):
        read_ismn(probes_at("ismn", path=tmp_path))


def test_a_value_that_is_no_number_is_refused(tmp_path, layout):
    place = write_station(tmp_path, "NET", "Hill", [series()], layout=layout)
    file = next(place.glob("*.stm"))
    file.write_text(file.read_text().replace("0.2000", "wet"))
    with pytest.raises(TableError, match=r"CS616_1_1.*a line is unreadable"):
        list(read_ismn(probes_at("ismn", path=tmp_path)).readings)


def test_moisture_above_ground_is_refused(tmp_path):
    write_station(tmp_path, "NET", "Hill", [series(top=-0.1, bottom=-0.1)])
    with pytest.raises(TableError, match="not below the surface"):
        read_ismn(probes_at("ismn", path=tmp_path))


def test_an_encrypted_file_is_left_out_by_its_name(tmp_path, caplog):
    path = pack(download(tmp_path / "download"))
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if "NET_B" in name and name.endswith(".stm"))
    probes = read_ismn(probes_at("ismn", path=encrypt(path, name)))
    assert probes.stations["station"].tolist() == ["NET_A_Hill"]
    assert f"{path}: {name}: is encrypted" in caplog.text


def test_a_file_with_days_in_the_future_is_left_out_by_its_name(tmp_path, caplog):
    path = download(tmp_path / "download")
    file = next((path / "NET_B" / "Hill").glob("*.stm"))
    file.write_text(file.read_text().replace(f"{TIMES[0]:%Y/%m/%d}", "2199/01/01"))
    stations = set(pd.concat(read_ismn(probes_at("ismn", path=path)).readings)["station"])
    assert stations == {"NET_A_Hill"} and "lies in the future" in caplog.text and file.name in caplog.text


def test_a_station_whose_files_name_two_places_is_named(tmp_path, caplog):
    path = download(tmp_path / "download")
    file = next((path / "NET_A" / "Hill").glob("*CS616_2_1*"))
    first, _, rest = file.read_text().partition("\n")
    words = next(iter(re.findall(r"-3\d\.\d+", first)))
    file.write_text(first.replace(words, f"{float(words) + 1:.5f}") + "\n" + rest)
    list(read_ismn(probes_at("ismn", path=path)).readings)
    assert "station NET_A_Hill lies at" in caplog.text and "km apart: the first is taken" in caplog.text
