"""Several teachers of a domain: each says its own moisture, and the first that says any stands in tables and scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import SETTINGS, sampled

from loam.errors import ConfigError, TableError
from loam.samples.brought_table import read_station_table
from loam.samples.build import build_series
from loam.samples.domains import domain_of_probes, domain_of_table
from loam.samples.teachers import Teacher, layers_to_read, teachers_of

LAYERS = [{"name": "surface", "column": "sm"}]
KEYS = {"station": "station", "date": "date", "latitude": "lat", "longitude": "lon"}
FEATURES = {
    "static": [], "daily": [{"name": "rain", "lags": [0, 1]}], "sequence": {"variables": [], "lags": [0, 0]},
    "classes": [], "day_of_year": False,
}  # fmt: skip
DAYS = pd.date_range("2020-01-01", periods=6)
NAN = np.nan


def said_by(name: str, column=None, domain: str = "target", weight: float = 1.0) -> dict:
    return {"name": name, "domain": domain, "column": column, "weight": weight}


def table(tmp_path, teachers=None, **columns):
    path = tmp_path / "table.csv"
    frame = pd.DataFrame({"station": "a", "date": DAYS, "lat": -35.0, "lon": 147.0, "rain": np.arange(6.0), **columns})
    frame.to_csv(path, index=False)
    if teachers is None:
        return path
    layers = layers_to_read(teachers, LAYERS)
    return read_station_table(path, "target", layers=layers, columns=KEYS, groups=[], features=FEATURES)


def test_each_teacher_of_a_table_says_its_column_and_rows_hold_the_first_that_says_any(tmp_path):
    named = {"teachers": [said_by("own", weight=2.0), said_by("smap", "coarse")]}
    teachers = teachers_of("target", named, ["surface"])
    probes, coarse = [NAN, 0.1, NAN, NAN, 0.2, NAN], [0.3, 0.3, 0.3, NAN, 0.4, NAN]
    read = table(tmp_path, teachers, sm=probes, coarse=coarse)
    domain = domain_of_table("target", read, FEATURES, ["surface"], teachers)
    series, rows, dropped = sampled(domain, tmp_path, LAYERS, FEATURES)
    assert series.teachers == ["own", "smap"] and series.weights == [2.0, 1.0]
    np.testing.assert_array_equal(series.moisture[0, 0, 1:, 0], probes[:5])  # from the day before the first row
    np.testing.assert_array_equal(series.moisture[1, 0, 1:, 0], coarse[:5])
    assert rows["date"].dt.day.tolist() == [2, 3, 5] and rows["surface"].tolist() == [0.1, 0.3, 0.2]
    counted = {(row.reason, row.column): row.rows for row in dropped.itertuples()}
    assert counted == {("kept", ""): 3, ("covariate", "rain"): 1, ("all layers", "surface"): 2}


def test_a_table_needs_no_moisture_of_its_own_where_others_teach(tmp_path):
    teachers = teachers_of("target", {"teachers": [said_by("smap", {"surface": "coarse"})]}, ["surface"])
    read = table(tmp_path, teachers, coarse=np.linspace(0.1, 0.2, 6))
    _, rows, _ = sampled(domain_of_table("target", read, FEATURES, ["surface"], teachers), tmp_path, LAYERS, FEATURES)
    assert rows["surface"].tolist() == np.linspace(0.1, 0.2, 6)[1:].tolist()
    read = table(tmp_path, teachers, coarse=np.linspace(10, 20, 6))
    with pytest.raises(TableError, match="layer 'smap: surface' is outside 0 to 1"):
        domain_of_table("target", read, FEATURES, ["surface"], teachers)


def test_a_covariate_teaches_beside_probes_on_all_days_of_their_record(tmp_path):
    path = table(tmp_path, coarse=[0.1, 0.2, NAN, 0.4, 0.5, 0.6])
    keys = {name: KEYS[name] for name in ("station", "date")}
    read = read_station_table(path, "target", layers=[], columns=keys, groups=[], features=FEATURES, more=["coarse"])
    daily = pd.DataFrame({"station": "a", "date": DAYS[[1, 4]], "layer": "surface", "moisture": [0.3, 0.35]})
    about = pd.DataFrame({"station": ["a"], "latitude": [-35.0], "longitude": [147.0]})
    teachers = [Teacher(), Teacher("smap", 0.5, {"surface": "coarse"})]
    domain = domain_of_probes("target", read, daily, about, ["surface"], FEATURES, teachers)
    series, rows, _ = sampled(domain, tmp_path, LAYERS, FEATURES)
    np.testing.assert_array_equal(
        series.moisture[:, 0, :, 0], [[NAN, 0.3, NAN, NAN, 0.35], [NAN, 0.2, NAN, 0.4, 0.5]]
    )  # fmt: skip
    assert rows["surface"].tolist() == [0.3, 0.4, 0.35]
    percent = [Teacher("smap", 1.0, {"surface": "rain"})]
    wrong = domain_of_probes("target", read, daily, about, ["surface"], FEATURES, percent)
    with pytest.raises(TableError, match="'rain', moisture of teacher 'smap', is 2 at station 'a' on 2020-01-03"):
        build_series(wrong, SETTINGS, groups=[], features=FEATURES)


@pytest.mark.parametrize(
    ("layers", "named", "message"),
    [
        (["surface", "deep"], [said_by("smap", "coarse")], "one column for 2 layers"),
        (["surface"], [said_by("smap", {"deep": "coarse"})], "no layer 'deep'"),
        (["surface"], [said_by("smap", "coarse"), said_by("smap")], "two teachers 'smap'"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused(layers, named, message):
    with pytest.raises(ConfigError, match=message):
        teachers_of("target", {"teachers": named}, layers)


def test_a_domain_that_names_none_is_taught_by_its_own():
    assert teachers_of("source", {"teachers": [said_by("smap", "coarse")]}, ["surface"]) == [Teacher()]
