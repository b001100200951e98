"""OzNet in percent of volume and AWRA-L in mm come in as clean layers and stores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from build_murrumbidgee_tables import stage

from loam.errors import TableError
from loam.probes.oznet_awra import mask_moisture, read_coordinates, read_series, split_domains, station_table

DAYS = ["2009-05-31", "2009-06-01", "2009-06-02"]


def series(**stations: list[float]) -> pd.DataFrame:
    frame = pd.DataFrame(stations, index=pd.DatetimeIndex(DAYS, name="date"))
    return frame.rename_axis(columns="station")


@pytest.fixture
def files(tmp_path):
    """Two stations; columns stand in another order in every file, and another network uses the name K10 too."""
    (tmp_path / "sites.csv").write_text(
        ",lats,lons,set,X,Y,Unique_ID\n"
        "1,-10,110,Other network,110.05,-10.05,Other network_K10\n"
        "2,-35.3,147.5,Oznet Soilmoisture,147.55,-35.25,Oznet Soilmoisture_K10\n"
        "3,-34.6,145.8,Oznet Soilmoisture,145.85,-34.55,Oznet Soilmoisture_y1\n"
    )
    contents = {
        "shallow": ("k10,y1", [("2002-01-01", "20,10"), ("2002-01-02", "22,"), ("2002-01-03", ",")]),
        "middle": ("y1,k10", [("2002-01-01", "30,40"), ("2002-01-02", ",42"), ("2002-01-03", ",")]),
        "deep": ("y1,k10", [("2002-01-01", "1,1"), ("2002-01-02", "1,1")]),
        "s0": ("Y1,K10", [("2002-01-02", "1,2"), ("2002-01-03", "3,4")]),
    }
    for name, (stations, rows) in contents.items():
        prefix = "" if name == "s0" else "oznet soilmoisture_"
        header = "," + ",".join(prefix + station for station in stations.split(","))
        lines = [f"{day},{values}" for day, values in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    return {name: tmp_path / f"{name}.csv" for name in ("sites", "shallow", "middle", "deep")} | {
        "stores": {"s0": tmp_path / "s0.csv"}
    }


def test_values_are_joined_by_name_and_in_cubic_metres(files):
    table, masked = station_table(**files)
    row = table.set_index(["station", "date"]).loc[("K10", pd.Timestamp("2002-01-02"))]
    assert row[["sm_0_30", "sm_30_60", "s0"]].tolist() == [0.22, 0.42, 2]
    assert row[["latitude", "longitude"]].tolist() == [-35.3, 147.5]
    assert masked.empty


def test_days_with_moisture_or_stores_alone_are_rows(files):
    table, _ = station_table(**files)
    rows = table[table["station"] == "Y1"].set_index("date")
    assert rows.index.strftime("%d").tolist() == ["01", "02", "03"]
    assert np.isnan(rows["s0"].iloc[0]) and np.isnan(rows["sm_0_30"].iloc[2])


def test_the_mean_of_a_store_is_the_stations_own(files):
    table, _ = station_table(**files)
    assert table.groupby("station")["s0_mean"].agg(["min", "max"]).values.tolist() == [[3, 3], [2, 2]]


def test_a_station_without_a_place_or_a_store_is_refused(files):
    files["stores"]["s0"].write_text(",Y1\n2002-01-02,1\n")
    with pytest.raises(TableError, match="s0.csv: station K10 is missing"):
        station_table(**files)
    files["sites"].write_text(",lats,lons,set,Unique_ID\n1,-34.6,145.8,Oznet Soilmoisture,Oznet Soilmoisture_Y1\n")
    with pytest.raises(TableError, match="sites.csv: station K10 is missing"):
        station_table(**files)


def test_a_copy_of_the_deep_readings_is_not_a_reading_of_the_middle():
    shallow = series(Y1=[10, 10, 10])
    layers, masked = mask_moisture(shallow, series(Y1=[30, 30, 31]), series(Y1=[30, 30, 30]))
    np.testing.assert_array_equal(layers["sm_30_60"]["Y1"], [0.3, np.nan, 0.31])  # equal before June 2009 is chance
    np.testing.assert_array_equal(layers["sm_0_30"]["Y1"], [0.1] * 3)
    assert masked.drop(columns="reason").values.tolist() == [
        ["Y1", "sm_30_60", pd.Timestamp("2009-06-01"), pd.Timestamp("2009-06-01"), 1]
    ]


def test_readings_that_no_soil_can_hold_are_masked():
    shallow = series(M1=[65, 65.1, -0.1], M2=[0, np.nan, 20])
    layers, masked = mask_moisture(shallow, shallow, series(M1=[1, 1, 1], M2=[1, 1, 1]))
    np.testing.assert_array_equal(layers["sm_0_30"]["M1"], [0.65, np.nan, np.nan])
    np.testing.assert_array_equal(layers["sm_0_30"]["M2"], [0, np.nan, 0.2])
    assert masked[["station", "layer", "rows"]].values.tolist() == [["M1", "sm_0_30", 2], ["M1", "sm_30_60", 2]]


def test_yanco_is_the_target():
    table = pd.DataFrame({"station": ["A1", "K1", "M1", "Y1"]})
    source, target = split_domains(table)
    assert source["station"].tolist() == ["A1", "K1", "M1"] and target["station"].tolist() == ["Y1"]


def test_a_day_that_does_not_parse_is_refused(tmp_path):
    path = tmp_path / "middle.csv"
    path.write_text(",a_y1\n22/11/2001,3\n")
    with pytest.raises(TableError, match="a day is unreadable"):
        read_series(path)


def test_the_script_writes_a_table_a_domain(files, tmp_path):
    store = files.pop("stores")["s0"]
    outputs = {"source": "source.parquet", "target": "target.parquet", "masked": "masked.csv"}
    outputs = {name: tmp_path / file for name, file in outputs.items()}
    stage({**files, **dict.fromkeys(("s0", "ss", "sd"), store), **outputs}, {})
    assert pd.read_parquet(outputs["source"])["station"].unique().tolist() == ["K10"]
    assert pd.read_parquet(outputs["target"])["station"].unique().tolist() == ["Y1"]
    assert list(pd.read_csv(outputs["masked"])) == ["station", "layer", "reason", "first", "last", "rows"]


def test_the_real_stations_and_what_is_masked(shared_data):
    folder = shared_data / "murrumbidgee"
    table, masked = station_table(
        folder / "SiteLocationsWithUniqueID.csv",
        *(folder / f"{depth}.csv" for depth in ("shallow", "middle", "deep")),
        {name: folder / f"awral_{name}_avg.csv" for name in ("s0", "ss", "sd")},
    )
    source, target = split_domains(table)
    assert (source["station"].nunique(), target["station"].nunique()) == (25, 13)
    copied = masked[masked["reason"].str.contains("copy")]
    stations = {"K6", "K7", "K8", *(f"K{n}" for n in range(10, 15)), *(f"Y{n}" for n in range(1, 14) if n != 3)}
    assert set(copied.loc[copied["rows"] > 4, "station"]) == stations
    assert copied["first"].min() == pd.Timestamp("2009-06-01")
    y1 = table[(table["station"] == "Y1") & (table["date"] >= "2009-06-01")]
    assert y1["sm_30_60"].isna().all() and y1["sm_0_30"].notna().any()
    assert table[["sm_0_30", "sm_30_60"]].max().max() <= 0.65
    k2, k3 = (table[table["station"] == name].set_index("date")["s0"].dropna() for name in ("K2", "K3"))
    assert k2.equals(k3)  # one AWRA-L cell
    m1 = read_coordinates(folder / "SiteLocationsWithUniqueID.csv").set_index("station").loc["M1"]
    assert m1.tolist() == pytest.approx([-36.293033, 148.970567])
