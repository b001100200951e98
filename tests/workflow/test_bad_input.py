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
def test_missing_data_are_named_after_the_list_of_jobs(checkout, project, name, file):
    import yaml

    config = yaml.safe_load((project / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    result = checkout.snakemake("--dry-run", config={**config, "data_dir": "nowhere"})
    text = result.stderr + result.stdout
    assert result.returncode == 0 and "Traceback" not in text
    jobs, lacks = text.split("cannot start yet; it lacks:\n")
    assert "build_report" in jobs
    assert f"nowhere/{file}: is not there (" in lacks and "the default run, config/config.yaml, needs no data" in lacks


def test_a_run_without_its_tables_stops_before_any_job(checkout):
    tables = {"source": "mine/source.csv", "target": "mine/target.csv"}
    config = {"samples": tables, "features": {"static": ["clay"]}}
    for arguments, status in ((["--dry-run"], 0), ([], 1)):
        result = checkout.snakemake(*arguments, config=config)
        *_, source, target = (result.stdout if arguments else result.stderr).splitlines()
        assert result.returncode == status and ": started" not in result.stderr
        assert source.startswith("  mine/source.csv: is not there") and target.startswith("  mine/target.csv: is not")
    assert not (checkout.folder / "results").exists()
