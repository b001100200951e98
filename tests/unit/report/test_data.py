"""What the report says of the data that were fetched."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from loam.report.data import classes_not_told, datasets, days_that_came, not_credited

CHOSEN = {
    "coarse_moisture": {"dataset": "smap_l4", "back_end": "earthengine"},
    "weather": {"dataset": "era5_land", "back_end": "earthengine"},
    "landcover": {"dataset": "mcd12q1", "back_end": "earthengine"},
    "soil": {"dataset": "slga", "back_end": "earthengine"},
    "terrain": {"dataset": "glo30", "back_end": "earthengine"},
}


@pytest.fixture
def acquired(load) -> dict:
    return load(acquire=CHOSEN, samples={"from": "cube"})


def test_a_run_that_fetches_nothing_has_no_table(load):
    config = load(samples={"source": "a.csv", "target": "b.csv"}, features={"static": ["clay"]})
    assert datasets(config) is None and not_credited(config) == []
    assert classes_not_told(config) is None
    assert days_that_came([]) is None


def test_each_dataset_stands_with_its_licence_and_citation(acquired, project):
    entry = yaml.safe_load((project / "workflow/lib/loam/acquire/datasets.yaml").read_text())["smap_l4"]
    row = datasets(acquired).rows[0]
    assert row[0] == "coarse moisture"
    assert row[3] == "Google Earth Engine"
    assert row[4:] == [entry["licence"], entry["citation"]]
    assert not_credited(acquired) == []


def test_a_world_that_is_made_credits_nobody(load):
    config = load()
    assert datasets(config) is None
    (text,) = not_credited(config)
    assert text.startswith("loam itself made ") and all(word in text for word in ("soil", "Sentinel-1", "probes"))


def test_a_mixed_run_credits_what_others_made_alone(load):
    made = {"coarse_moisture": "sandbox_moisture", "weather": "sandbox_weather", "soil": "sandbox_soil"}
    chosen = CHOSEN | {kind: {"dataset": name, "back_end": "sandbox"} for kind, name in made.items()}
    config = load(acquire=chosen, samples={"from": "cube"})
    assert [row[0] for row in datasets(config).rows] == ["elevation", "land cover"]
    assert not_credited(config)[0].startswith("loam itself made coarse moisture, weather and soil, ")


def test_what_no_score_reads_is_named_and_not_credited(load):
    more = {"vegetation": {"dataset": "modis_ndvi", "back_end": "earthengine"}}
    more |= {"compare": [{"dataset": "era5_land", "back_end": "earthengine"}]}
    config = load(acquire=CHOSEN | more, samples={"from": "cube"})
    assert "vegetation" not in [row[0] for row in datasets(config).rows]
    (text,) = not_credited(config)
    assert "no part of the scores and maps here" in text and "MODIS vegetation index" in text and "ERA5-Land" in text
    tables = load(acquire=CHOSEN, samples={"from": "table", "source": "a.csv", "target": "b.csv"},
                  features={"static": ["clay"], "daily": [], "classes": []})  # fmt: skip
    assert datasets(tables) is None and "SMAP" in not_credited(tables)[0]


def test_elevation_that_corrects_the_radar_is_credited(load):
    radar = {"sentinel1": {"dataset": "sentinel1", "back_end": "direct"}}
    features = {"static": ["clay_1"], "daily": [{"name": "vv", "lags": [0, 0]}], "classes": []}
    config = load(acquire=CHOSEN | radar, samples={"from": "cube"}, features=features)
    assert [row[0] for row in datasets(config).rows] == [
        "coarse moisture", "soil", "elevation", "land cover", "Sentinel-1",
    ]  # fmt: skip


def test_a_class_that_the_product_cannot_tell_is_named(acquired):
    assert "does not tell IRRI" in classes_not_told(acquired)
    acquired["acquire"]["landcover"] = {"dataset": "clum", "back_end": "direct"}
    assert classes_not_told(acquired) is None


def test_days_are_counted_by_what_became_of_them(tmp_path):
    rows = [
        ("resources/smap_l4/earthengine_0/2020-01", "2020-01-01", "complete", False, False),
        ("resources/smap_l4/earthengine_0/2020-01", "2020-01-02", "complete", False, True),
        ("resources/smap_l4/earthengine_0/2020-01", "2020-01-03", "not_yet_published", True, False),
        ("resources/era5_land/points/earthengine_tasmania_source/2020-01", "2020-01-01", "complete", False, False),
    ]
    path = tmp_path / "manifest.csv"
    names = ["file", "date", "state", "provisional", "model_only"]
    pd.DataFrame(rows, columns=names).assign(detail="").to_csv(path, index=False)
    table = days_that_came([path])
    assert table.header == ["Dataset", "Days", "complete", "not yet published", "provisional", "model only"]
    assert table.rows == [
        ["era5_land, source", "2020-01-01 to 2020-01-01", "1", "0", "0", "0"],
        ["smap_l4, region", "2020-01-01 to 2020-01-03", "2", "1", "1", "1"],
    ]
