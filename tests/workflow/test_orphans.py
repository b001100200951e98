"""A product that a job of an earlier run has written over a newer one is found and made again."""

import json
import shutil

import pytest
import yaml
from tables import write_tables


@pytest.fixture
def checkout(copy_project, project, tmp_path):
    config = yaml.safe_load((project / "docs" / "how-to" / "bring-your-own-table.yaml").read_text(encoding="utf-8"))
    checkout = copy_project(project, tmp_path / "loam", config)
    write_tables(checkout.folder / "my_data")
    return checkout


def test_what_an_orphan_wrote_over_a_newer_product_is_named_and_made_again(checkout):
    results = checkout.folder / "results" / checkout.config["run"]
    product, kept = results / "folds" / "leave_one_station_out.csv", checkout.folder / "kept"
    kept.mkdir()
    files = [product, product.with_name(f"{product.name}.provenance.json")]
    target = str(product.relative_to(checkout.folder))

    first = {**checkout.config, "seed": 3000}
    assert checkout.snakemake(target, config=first).returncode == 0
    for file in files:
        shutil.copy2(file, kept)
    second = {**checkout.config, "seed": 1}
    assert checkout.snakemake(target, config=second).returncode == 0
    for file in files:  # the orphan of the first run ends last
        shutil.copy(kept / file.name, file)

    result = checkout.snakemake(target, config=second)
    assert result.returncode == 0, result.stderr
    assert f"{target}: is made again, because seed is 3000, here 1" in result.stdout + result.stderr
    assert json.loads(files[1].read_text(encoding="utf-8"))["config"]["seed"] == 1
