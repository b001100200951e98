"""A person with two CSV files gets to scores with the how-to's config."""

import pytest
import yaml
from tables import write_tables

from loam.io.schemas import METRICS_TABLE
from loam.io.tables import read_table


@pytest.fixture
def checkout(copy_project, project, tmp_path):
    config = yaml.safe_load((project / "docs" / "how-to" / "bring-your-own-table.yaml").read_text(encoding="utf-8"))
    config["training"] = {**config.get("training", {}), "epochs": 2, "patience": 1}
    config["evaluation"] = {**config.get("evaluation", {}), "bootstrap": 100}
    checkout = copy_project(project, tmp_path / "loam", config)
    write_tables(checkout.folder / "my_data")
    return checkout


def test_two_csv_files_and_the_how_to_give_scores(checkout):
    result = checkout.snakemake()
    assert result.returncode == 0, result.stderr[-4000:]
    metrics = read_table(
        checkout.folder / "results" / checkout.config["run"] / "evaluation" / "metrics.csv", METRICS_TABLE
    )
    assert metrics["station"].nunique() == 5
    assert {"mlp", "lstm", "boosted_trees", "same_day_mean"} <= set(metrics["model"])


def test_a_bad_row_is_named_before_anything_is_trained(checkout):
    path = checkout.folder / "my_data" / "target.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines.insert(4, lines[3])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = checkout.snakemake()
    assert result.returncode != 0
    text = result.stdout + result.stderr
    assert "target.csv, row 5: station" in text and "a second time, first in row 4" in text
    assert not (checkout.folder / "results" / checkout.config["run"] / "models").exists()
