"""What Snakemake's own record takes for up to date runs again: after a failed job, and where an older file replaced an
input.
"""

import os

import pytest
import yaml
from tables import write_tables


@pytest.fixture(scope="module")
def checkout(copy_project, project, tmp_path_factory):
    config = yaml.safe_load((project / "docs" / "how-to" / "bring-your-own-table.yaml").read_text(encoding="utf-8"))
    checkout = copy_project(project, tmp_path_factory.mktemp("stale") / "loam", config)
    write_tables(checkout.folder / "my_data")
    return checkout


def test_a_failed_job_fails_again_and_an_input_replaced_by_an_older_file_is_noticed(checkout):
    run = checkout.config["run"]
    target, table = f"results/{run}/folds/leave_one_station_out.csv", checkout.folder / "my_data" / "target.csv"
    assert checkout.snakemake(target).returncode == 0
    good = table.read_text(encoding="utf-8").splitlines(keepends=True)

    table.write_text("".join([*good, good[3]]), encoding="utf-8")  # a day twice
    for _ in range(2):
        result = checkout.snakemake(target)
        assert result.returncode != 0
        assert result.stderr.splitlines()[-1].startswith(f"ERROR build_samples {run}: my_data/target.csv, row ")

    table.write_text("".join(good), encoding="utf-8")
    assert checkout.snakemake(target).returncode == 0
    before = table.stat()
    table.write_text("".join([good[0], *good[2:]]), encoding="utf-8")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns - 10**12))
    result = checkout.snakemake(target)
    assert "is made again, because my_data/target.csv is not what it was made from" in result.stdout + result.stderr
    assert result.returncode == 0 and "2 of 2 jobs" in result.stderr


def test_a_config_with_which_a_job_failed_is_not_taken_for_done(checkout):
    run = checkout.config["run"]
    target = f"results/{run}/folds/leave_one_station_out.csv"
    assert checkout.snakemake(target).returncode == 0
    features = {**checkout.config["features"], "static": ["elevation", "nosuch"]}
    for _ in range(2):
        result = checkout.snakemake(target, config={**checkout.config, "features": features})
        assert result.returncode != 0
        assert result.stderr.splitlines()[-1].startswith(f"ERROR build_samples {run}: my_data/source.csv: no column")
