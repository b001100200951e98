"""OzNet in percent of volume and AWRA-L in mm come in by name, each from its own file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from datasets.build_murrumbidgee_covariates import stage
from probe_settings import probes_at

from loam.datasets.murrumbidgee import store_table
from loam.errors import TableError
from loam.io.tables import check_table
from loam.probes.awra import read_awra, read_coordinates, read_series
from loam.probes.readings import READINGS


@pytest.fixture
def folder(tmp_path):
    """Two stations; columns stand in another order in every file, and another network uses the name K10 too."""
    (tmp_path / "SiteLocationsWithUniqueID.csv").write_text(
        ",lats,lons,set,X,Y,Unique_ID\n"
        "1,-10,110,Other network,110.05,-10.05,Other network_K10\n"
        "2,-35.3,147.5,Oznet Soilmoisture,147.55,-35.25,Oznet Soilmoisture_K10\n"
        "3,-34.6,145.8,Oznet Soilmoisture,145.85,-34.55,Oznet Soilmoisture_y1\n"
    )
    contents = {
        "shallow": ("k10,y1", [("2002-01-01", "20,10"), ("2002-01-02", "22,"), ("2002-01-03", ",")]),
        "middle": ("y1,k10", [("2002-01-01", "30,40"), ("2002-01-02", ",42"), ("2002-01-03", ",")]),
        "awral_s0_avg": ("Y1,K10", [("2002-01-02", "1,2"), ("2002-01-03", "3,4")]),
    }
    for name, (stations, rows) in contents.items():
        prefix = "" if name.startswith("awral") else "oznet soilmoisture_"
        header = "," + ",".join(prefix + station for station in stations.split(","))
        lines = [f"{day},{values}" for day, values in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    return tmp_path


def readings(folder, **settings) -> pd.DataFrame:
    probes = read_awra(probes_at("awra", path=str(folder), **settings))
    assert probes.daily
    return pd.concat([check_table(piece, READINGS, where=folder) for piece in probes.readings], ignore_index=True)


def test_values_keep_their_unit_and_their_own_station(folder):
    frame = readings(folder).set_index(["station", "sensor", "time"])
    row = frame.loc[("K10", "middle", pd.Timestamp("2002-01-02"))]
    assert (row["value"], row["unit"], row["depth_from_cm"], row["depth_to_cm"]) == (42, "%", 30, 60)
    assert len(frame) == 6, "an empty cell is no reading"


def test_places_are_those_of_the_network(folder):
    table = read_awra(probes_at("awra", path=str(folder))).stations.set_index("station")
    assert table.loc["K10", ["latitude", "longitude"]].tolist() == [-35.3, 147.5]
    assert table["elevation"].isna().all()
    with pytest.raises(TableError, match=r"no site of network 'CosmOz'; expected one of Other network, Oznet"):
        read_coordinates(folder / "SiteLocationsWithUniqueID.csv", "CosmOz")


def test_another_network_of_the_list_can_be_named(folder):
    for name in ("shallow", "middle"):
        path = folder / f"{name}.csv"
        path.write_text(pd.read_csv(path, index_col=0).filter(like="k10").to_csv())
    stations = read_awra(probes_at("awra", path=str(folder), network="Other network")).stations
    assert stations[["station", "latitude"]].values.tolist() == [["K10", -10]]


def test_a_station_without_a_place_is_refused(folder):
    path = folder / "SiteLocationsWithUniqueID.csv"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "y1" not in line))
    with pytest.raises(TableError, match=r"SiteLocationsWithUniqueID.csv: station Y1 is missing"):
        read_awra(probes_at("awra", path=str(folder)))


def test_a_folder_without_moisture_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"no moisture here; expected shallow.csv, middle.csv, deep.csv"):
        read_awra(probes_at("awra", path=str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",a_y1\n2002-01-01,3\n22/11/2001,3\n", "row 3: a day is unreadable or there twice"),
        (",a_y1\n2002-01-01,3\n2002-01-01,3\n", "row 3: a day is unreadable or there twice"),
        (",a_y1,b_Y1\n2002-01-01,3,4\n", "a station is there twice"),
        (",a_y1\n2002-01-01,dry\n", "row 2: 'dry' of a_y1 is not a number"),
    ],
)
def test_a_series_that_is_not_as_described_is_refused(tmp_path, text, message):
    path = tmp_path / "middle.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        read_series(path)


def test_the_mean_of_a_store_is_the_stations_own(folder):
    table = store_table({"s0": folder / "awral_s0_avg.csv"})
    assert table.groupby("station")["s0_mean"].unique().map(list).to_dict() == {"K10": [3], "Y1": [2]}
    assert table[["station", "s0"]].values.tolist() == [["K10", 2], ["K10", 4], ["Y1", 1], ["Y1", 3]]


def test_a_station_without_a_store_is_refused(folder):
    (folder / "ss.csv").write_text(",Y1\n2002-01-02,1\n")
    with pytest.raises(TableError, match=r"ss.csv: station K10 is missing"):
        store_table({"s0": folder / "awral_s0_avg.csv", "ss": folder / "ss.csv"})


def test_the_script_writes_one_table(folder):
    store = folder / "awral_s0_avg.csv"
    stage({"s0": store, "ss": store, "sd": store, "covariates": folder / "out.parquet"}, {})
    table = pd.read_parquet(folder / "out.parquet")
    assert list(table) == ["station", "date", "s0", "ss", "sd", "s0_mean", "ss_mean", "sd_mean"]
    assert np.array_equal(table["s0"], table["sd"])


def test_the_real_stores_share_a_cell_at_k2_and_k3(shared_data):
    folder = shared_data / "murrumbidgee"
    table = store_table({name: folder / f"awral_{name}_avg.csv" for name in ("s0", "ss", "sd")}).set_index("date")
    assert table["station"].nunique() == 38
    k2, k3 = (table.loc[table["station"] == name, "s0"] for name in ("K2", "K3"))
    assert k2.equals(k3)
    m1 = read_coordinates(folder / "SiteLocationsWithUniqueID.csv").set_index("station").loc["M1"]
    assert m1[["latitude", "longitude"]].tolist() == pytest.approx([-36.293033, 148.970567])


@pytest.mark.parametrize(("day", "says"), [("1747-01-01", "before 1950"), ("2199-01-01", "in the future")])
def test_a_day_that_cannot_be_is_refused_with_its_row(folder, day, says):
    path = folder / "shallow.csv"
    path.write_text(path.read_text().replace("2002-01-02", day))
    with pytest.raises(TableError, match=f"shallow.csv, line 3: time '{day} 00:00:00' lies {says}"):
        read_awra(probes_at("awra", path=str(folder)))
