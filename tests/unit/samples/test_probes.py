"""Moisture of probes meets the covariates of its own station and day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from build_samples import stage
from samples import NO_GAPS, sampled

from loam.errors import TableError
from loam.io.tables import read_table
from loam.samples.brought_table import read_station_table
from loam.samples.domains import domain_of_probes
from loam.samples.inputs import read_domains
from loam.samples.probes import check_repeats

LAYERS = [
    {"name": "surface", "top_cm": 0, "bottom_cm": 30, "column": "x"},
    {"name": "subsurface", "top_cm": 30, "bottom_cm": 60, "column": "y"},
]
COLUMNS = {"station": "station", "date": "date", "latitude": "lat", "longitude": "lon"}
FEATURES = {
    "static": ["clay"], "daily": [{"name": "rain", "lags": [0, 2]}], "sequence": {"variables": [], "lags": [0, 0]},
    "classes": [], "day_of_year": False,
}  # fmt: skip
DAYS = pd.date_range("2020-01-01", periods=8)


def covariates(*stations: str) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"station": name, "date": DAYS, "rain": np.arange(8.0) + 10 * k, "clay": 20.0 + k})
        for k, name in enumerate(stations)
    ]
    return pd.concat(frames, ignore_index=True)


def daily(station: str, moisture, days=DAYS, layer: str = "surface") -> pd.DataFrame:
    return pd.DataFrame(
        {"station": station, "date": days, "layer": layer, "moisture": moisture, "n_readings": 24, "qc": 0}
    )


def about(*stations: str) -> pd.DataFrame:
    frame = pd.DataFrame({"station": stations, "latitude": -35.0, "longitude": 147.0, "elevation": 100.0})
    frame = frame.assign(bulk_density=np.nan, porosity=np.nan, landcover="crop", soil=None)
    return frame.assign(days=1, first_day=DAYS[0], last_day=DAYS[0], note="")


@pytest.fixture
def join(tmp_path):
    def join(table, moisture, stations):
        path, keys = tmp_path / "covariates.parquet", {name: COLUMNS[name] for name in ("station", "date")}
        table.to_parquet(path, index=False)
        read = read_station_table(path, "target", layers=[], columns=keys, groups=[], features=FEATURES)
        return domain_of_probes("target", read, moisture, stations, ["surface", "subsurface"], FEATURES)

    return join


def test_layers_come_beside_their_own_day(join, tmp_path):
    moisture = pd.concat([daily("a", np.arange(8) / 10), daily("a", [0.3], DAYS[[2]], "subsurface")])
    series, rows, _ = sampled(join(covariates("a"), moisture, about("a")), tmp_path, LAYERS, FEATURES)
    surface, subsurface = series.moisture[0, 0, 2:].T
    assert series.days[2:].tolist() == DAYS.date.tolist()
    assert surface.tolist() == pytest.approx(np.arange(8) / 10)
    assert np.isfinite(subsurface).tolist() == [day == DAYS[2] for day in DAYS]
    assert series.daily["rain"][0, 2:].tolist() == list(range(8))
    assert rows[["latitude", "longitude"]].drop_duplicates().values.tolist() == [[-35, 147]]


def test_days_without_moisture_lend_their_covariates_and_days_without_covariates_are_counted(join, tmp_path):
    later = DAYS[-1] + pd.Timedelta(days=1)
    moisture = pd.concat([
        daily("a", [0.1, np.nan, 0.2], [DAYS[4], DAYS[5], later]), daily("a", [0.3], DAYS[[4]], "subsurface")
    ])  # fmt: skip
    domain = join(covariates("a"), moisture, about("a"))
    assert domain.moisture.index.get_level_values("date").tolist() == [DAYS[4], later]
    series, rows, dropped = sampled(domain, tmp_path, LAYERS, FEATURES)
    assert rows["date"].tolist() == [DAYS[4]] and rows["rain_2"].tolist() == [2]
    assert np.isnan(series.daily["rain"][0, -1]) and series.static[0, 0] == 20
    counted = {(row.reason, row.column): row.rows for row in dropped.itertuples()}
    assert counted == {("kept", ""): 1, ("covariate", "rain"): 1, ("all layers", "surface, subsurface"): 7}


def test_stations_without_a_probe_are_left_out(join, tmp_path):
    moisture = pd.concat([daily("b", np.full(8, 0.2)), daily("b", np.full(8, 0.2), layer="subsurface")])
    domain = join(covariates("a", "b", "c"), moisture, about("b"))
    series, rows, _ = sampled(domain, tmp_path, LAYERS, FEATURES, ["landcover", "elevation"])
    assert series.stations == ["b"] and set(rows["clay"]) == {21}
    assert rows[["landcover", "elevation"]].drop_duplicates().values.tolist() == [["crop", 100]]


def test_a_table_of_other_stations_is_refused(join):
    with pytest.raises(TableError, match="no station of the probes is in this table; expected b"):
        join(covariates("a"), daily("b", np.full(8, 0.2)), about("b"))


def test_a_station_of_both_domains_under_two_names_is_refused():
    days = pd.date_range("2020-01-01", periods=60)
    moisture = 0.2 + 0.05 * np.sin(np.arange(60.0))
    source = pd.concat([daily("a", moisture, days), daily("b", moisture + 0.01, days)])
    check_repeats(source, daily("t", moisture + 0.02, days))
    with pytest.raises(TableError, match="stations t and a have the same moisture on 60 days"):
        check_repeats(source, daily("t", moisture, days))


def test_the_script_joins_both_domains_with_one_table_of_covariates(tmp_path):
    covariates("s1", "s2", "t1", "t2").to_parquet(tmp_path / "c.parquet", index=False)
    paths = {f"{domain}_table": tmp_path / "c.parquet" for domain in ("source", "target")}
    for name in ("daily", "stations"):
        paths[name] = [tmp_path / f"{name}_{domain}.parquet" for domain in "st"]
    for k, domain in enumerate("st"):
        parts = [daily(f"{domain}{n}", np.arange(8) / 20 + 0.01 * k + 0.001 * n, layer=name) for n in (1, 2) for name in
                 ("surface", "subsurface")]  # fmt: skip
        pd.concat(parts).to_parquet(paths["daily"][k], index=False)
        about(f"{domain}1", f"{domain}2").to_parquet(paths["stations"][k], index=False)
    outputs = {name: tmp_path / f"out_{name}" for name in ("source.parquet", "target.parquet", "dropped.csv")}
    outputs = {name.split(".")[0]: path for name, path in outputs.items()}
    outputs |= {f"{name}_series": tmp_path / f"{name}.zarr" for name in ("source", "target")}
    samples = {"from": "probes", "columns": COLUMNS, "groups": ["landcover"], "gaps": NO_GAPS, "teachers": []}
    covariates_of = {
        "landcover": "majority", "cell_index": "nearest", "rain_sums": {"days": [], "missing_share": 0.0},
        "sentinel": {"maximum_age_days": 12, "sentinel2": "last_valid", "outliers": None},
    }  # fmt: skip
    stage(
        {**paths, **outputs},
        {"layers": LAYERS, "samples": samples, "features": FEATURES, "covariates": covariates_of},
    )
    target = read_table(outputs["target"])
    assert target["station"].unique().tolist() == ["t1", "t2"] and len(target) == 12
    row = target.iloc[0]
    assert (row["rain_0"], row["rain_2"], row["clay"], row["landcover"]) == (22, 20, 22, "crop")
    assert row["surface"] == pytest.approx(2 / 20 + 0.01 + 0.001)


def test_a_table_of_the_source_pretrains_for_the_probes_of_the_target(tmp_path):
    source = covariates("s1", "s2").assign(lat=-34.0, lon=146.0, x=np.arange(16) / 50, y=np.arange(16) / 60)
    source.to_parquet(tmp_path / "source.parquet", index=False)
    covariates("t1").to_parquet(tmp_path / "target.parquet", index=False)
    parts = [daily("t1", np.arange(8) / 20, layer=name) for name in ("surface", "subsurface")]
    pd.concat(parts).to_parquet(tmp_path / "daily.parquet", index=False)
    about("t1").to_parquet(tmp_path / "stations.parquet", index=False)
    paths = {"source_table": tmp_path / "source.parquet", "target_table": tmp_path / "target.parquet",
             "daily": [tmp_path / "daily.parquet"], "stations": [tmp_path / "stations.parquet"]}  # fmt: skip
    values = {
        "samples": {"from": {"source": "table", "target": "probes"}, "columns": COLUMNS, "groups": [], "teachers": []},
        "layers": LAYERS, "features": FEATURES,
        "covariates": {"landcover": "majority", "cell_index": "nearest", "rain_sums": {"days": [], "missing_share": 0},
                       "sentinel": {"maximum_age_days": 12, "sentinel2": "last_valid", "outliers": None}},
    }  # fmt: skip
    first, second = read_domains({**paths, "source": "s", "target": "t"}, values)
    assert (first.name, second.name) == ("source", "target")
    assert first.moisture.loc[("s2", DAYS[1]), "surface"] == pytest.approx(9 / 50)
    assert second.moisture.loc[("t1", DAYS[3])].tolist() == pytest.approx([3 / 20, 3 / 20])
    assert (first.about["latitude"] == -34).all() and (second.about["latitude"] == -35).all()
