"""What stands on the terminal while a run goes on and when it fails, as `snakemake` is typed."""

import pytest
import yaml
from tables import write_tables


@pytest.fixture(scope="module")
def checkout(copy_project, project, tmp_path_factory):
    config = yaml.safe_load((project / "docs" / "how-to" / "bring-your-own-table.yaml").read_text(encoding="utf-8"))
    checkout = copy_project(project, tmp_path_factory.mktemp("terminal") / "loam", config)
    write_tables(checkout.folder / "my_data")
    return checkout


def test_jobs_have_lines_and_a_failed_jobs_message_is_the_last(checkout):
    run = checkout.config["run"]
    target, log = f"results/{run}/folds/leave_one_station_out.csv", f"results/{run}/logs/build_samples.log"
    result = checkout.snakemake(target)
    assert result.returncode == 0, result.stderr
    assert f"rule build_samples {run}: started" in result.stderr and "2 of 2 jobs" in result.stderr
    assert "Select jobs" not in result.stderr

    path = checkout.folder / "my_data" / "target.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[3]]) + "\n", encoding="utf-8")
    for quiet in ([], ["--quiet", "rules"]):
        result = checkout.snakemake(target, "--forcerun", "build_samples", *quiet)
        assert result.returncode != 0 and "Traceback" not in result.stderr
        last = result.stderr.splitlines()[-1]
        assert last.startswith(f"ERROR build_samples {run}: my_data/target.csv, row ") and last.endswith(
            f"(log: {log})"
        )
        assert result.stderr.count("a second time") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "ERROR nosuch: no rule makes it"),
        (["--configfile", "nosuch.yaml"], "ERROR nosuch.yaml: no such config file"),
        (["--configfile", "broken.yaml"], "ERROR broken.yaml: line 2, column 1: no YAML"),
    ],
)
def test_what_does_not_exist_is_one_line_and_no_traceback(checkout, arguments, words):
    (checkout.folder / "broken.yaml").write_text("a: {b: 1\n", encoding="utf-8")
    result = checkout.snakemake(*arguments)
    text = result.stdout + result.stderr
    assert result.returncode != 0 and "Traceback" not in text
    assert words in text.splitlines()[-1]


def test_a_day_that_does_not_exist_is_one_line(checkout):
    result = checkout.snakemake("--dry-run", "results/sandbox/maps/2031-01-01/soil_moisture.tif", config={})
    last = result.stdout.splitlines()[-1]
    assert result.returncode != 0 and last.startswith("ERROR results/sandbox/maps/2031-01-01/soil_moisture.tif: ")
    assert "Traceback" not in result.stdout + result.stderr
