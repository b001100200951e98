"""What a user sees when something is wrong before any job starts."""

import pytest


@pytest.fixture
def checkout(copy_project, project, tmp_path):
    return copy_project(project, tmp_path / "loam", {})


def test_an_unknown_key_stops_the_parse_with_one_line(checkout):
    result = checkout.snakemake("--dry-run", config={"training": {"learning_rat": 1}})
    assert result.returncode != 0
    text = result.stderr + result.stdout
    assert "config key 'training.learning_rat': unknown key" in text and "did you mean 'learning_rate'?" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("name", "file"),
    [("murrumbidgee", "murrumbidgee"), ("uscrn", "uscrn/daily_2020.parquet"), ("yanco", "yanco/sites.csv")],
)
def test_missing_data_name_the_file_and_the_run_that_needs_none(checkout, project, name, file):
    import yaml

    config = yaml.safe_load((project / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    result = checkout.snakemake("--dry-run", config={**config, "data_dir": "nowhere"})
    text = result.stderr + result.stdout
    assert result.returncode != 0 and "Traceback" not in text
    assert f"nowhere/{file}:" in text and "the default run, config/config.yaml, needs no data" in text


def test_a_missing_table_of_ones_own_is_named(checkout):
    tables = {"source": "mine/source.csv", "target": "mine/target.csv"}
    result = checkout.snakemake("--dry-run", config={"samples": tables, "mapping": {"dates": []}})
    assert result.returncode != 0 and "mine/source.csv" in result.stderr + result.stdout
