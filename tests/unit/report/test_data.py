"""What the report says of the data that were fetched."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from loam.report.data import classes_not_told, datasets, days_that_came


@pytest.fixture
def acquired(default_config) -> dict:
    default_config["acquire"].update(
        coarse_moisture={"dataset": "smap_l4", "back_end": "earthengine"},
        landcover={"dataset": "mcd12q1", "back_end": "earthengine"},
    )
    return default_config


def test_a_run_that_fetches_nothing_has_no_table(default_config):
    assert datasets(default_config) is None
    assert classes_not_told(default_config) is None
    assert days_that_came([]) is None


def test_each_dataset_stands_with_its_licence_and_citation(acquired, project):
    entry = yaml.safe_load((project / "workflow/lib/loam/acquire/datasets.yaml").read_text())["smap_l4"]
    row = datasets(acquired).rows[0]
    assert row[0] == "coarse moisture"
    assert row[3] == "Google Earth Engine"
    assert row[4:] == [entry["licence"], entry["citation"]]


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
