"""The Yanco probes come in once each, with the covariates that the map's rasters hold too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from datasets.build_yanco_tables import stage
from snakemake.utils import update_config

from loam.config.settings import load_config
from loam.datasets.yanco import DAILY, STATIC, drop_repeated, read_station, split_domains, station_table
from loam.errors import TableError

HEADER = "time,lat,lon,insitu_sm,dem,awc,clay,silt,lst_interp_100m,et_100m,tavg,vpd,srad,rain"


def lines(moisture: str, day: str = "2016-01-01") -> str:
    return f"{HEADER}\n{day},-34.7,146.1,{moisture},120,8,0.5,0.07,310,1,30,40,30,0\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stations").mkdir()
    (tmp_path / "sites.csv").write_text(
        "sitename,lat,lon,iteration,cluster\ny7,-34.85,146.11,4,NA\nya3,-34.6772,146.1397,1,A\n"
        "y8,-34.84,146.41,1,NA\nyb1,-34.94,146.27,4,B\n"
    )
    days = pd.date_range("2016-01-01", periods=40).strftime("%Y-%m-%d")
    series = "".join(
        [lines("0.2"), *(lines(f"{0.2 + k / 1000}", day).split("\n", 1)[1] for k, day in enumerate(days) if k)]
    )
    for name, text in (("y7", series), ("ya3", lines("NA")), ("y8", series), ("yb1", lines("0.3"))):
        (tmp_path / "stations" / f"{name}.csv").write_text(text)
    return tmp_path


def test_each_station_has_the_place_of_the_list_of_sites(folder):
    table = station_table(folder / "sites.csv", sorted((folder / "stations").glob("*.csv"))).set_index("station")
    assert table.loc["ya3", ["latitude", "longitude"]].tolist() == [-34.6772, 146.1397]
    assert np.isnan(table.loc["ya3", "sm_0_5"]) and table.loc["yb1", "sm_0_5"] == 0.3


def test_a_station_that_repeats_another_is_left_out(folder):
    source, target = split_domains(station_table(folder / "sites.csv", sorted((folder / "stations").glob("*.csv"))))
    assert source["station"].unique().tolist() == ["y7", "ya3"] and target["station"].tolist() == ["yb1"]


def test_the_script_writes_a_table_a_domain(folder):
    outputs = {name: folder / f"{name}.parquet" for name in ("source", "target")}
    stage({"sites": folder / "sites.csv", "stations": sorted((folder / "stations").glob("*.csv")), **outputs}, {})
    assert pd.read_parquet(outputs["source"])["station"].unique().tolist() == ["y7", "ya3"]
    assert pd.read_parquet(outputs["target"])[[*STATIC, *DAILY]].iloc[0].tolist() == [
        120,
        8,
        0.07,
        310,
        1,
        30,
        40,
        30,
        0,
    ]


def test_stations_repeat_each_other_only_if_they_do_on_nearly_every_day():
    days = pd.date_range("2016-01-01", periods=60)
    moisture = 0.2 + np.arange(60) / 1000
    gaps = np.where(np.arange(60) % 7 == 0, np.nan, moisture)
    series = {"a": gaps, "b": gaps, "c": np.where(np.arange(60) < 30, moisture, moisture + 0.01), "d": gaps * np.nan}
    table = pd.concat([pd.DataFrame({"station": name, "date": days, "sm_0_5": v}) for name, v in series.items()])
    kept, repeats = drop_repeated(table)
    assert repeats == {"b": "a"}
    assert kept["station"].unique().tolist() == ["a", "c", "d"]


def test_a_file_needs_a_row_in_the_list_of_sites(folder):
    (folder / "stations" / "ya3.csv").rename(folder / "stations" / "ya4.csv")
    with pytest.raises(TableError, match=r"sites.csv: station ya4 has a file but no row here"):
        station_table(folder / "sites.csv", sorted((folder / "stations").glob("*.csv")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines("20"), "y7.csv, row 2: moisture 20 cannot be"),
        (lines("0.2", "1/1/2016"), "a day is unreadable"),
        (lines("0.2").replace("vpd", "vpx"), "no column vpd"),
    ],
)
def test_a_station_file_that_is_not_as_described_is_refused(tmp_path, text, expected):
    (tmp_path / "y7.csv").write_text(text)
    with pytest.raises(TableError, match=expected):
        read_station(tmp_path / "y7.csv")


def test_the_real_stations_without_the_repeated_ones(shared_data):
    table = station_table(
        shared_data / "yanco" / "sites.csv", sorted((shared_data / "yanco" / "stations").glob("*.csv"))
    )
    source, target = split_domains(table)
    assert (source["station"].nunique(), target["station"].nunique()) == (14, 12)
    assert {"y5", "y7"} <= set(source["station"]) and not {"y8", "y9"} & set(table["station"])
    assert table["sm_0_5"].dropna().between(0, 0.65).all()


def test_the_rasters_of_the_map_hold_what_the_stations_have(shared_data, project, default_config):
    update_config(default_config, yaml.safe_load((project / "config" / "yanco.yaml").read_text(encoding="utf-8")))
    config = load_config({**default_config, "data_dir": str(shared_data)})
    inputs = {item["feature"]: item["file"] for item in config["mapping"]["inputs"]}
    assert set(inputs) == {*STATIC, *DAILY}
    table = station_table(
        shared_data / "yanco" / "sites.csv", sorted((shared_data / "yanco" / "stations").glob("*.csv"))
    )
    day = table[(table["date"] == config["mapping"]["dates"][0])].set_index("station")
    day.loc["ya7a", "longitude"] -= 3e-5  # on a pixel's edge, where the rounded coordinate falls on the wrong side
    for name, path in inputs.items():
        with rasterio.open(path) as raster:
            pixels = [values[0] for values in raster.sample(day[["longitude", "latitude"]].to_numpy())]
        np.testing.assert_allclose(pixels, day[name], rtol=0, atol=0.01, err_msg=name)  # a neighbour is further off
