"""A person with two CSV files; that the page's own example gives scores, test_printed_commands.py shows."""

import pytest
import yaml
from tables import write_tables


@pytest.fixture
def checkout(copy_project, project, tmp_path):
    config = yaml.safe_load((project / "docs" / "how-to" / "bring-your-own-table.yaml").read_text(encoding="utf-8"))
    config["training"] = {**config.get("training", {}), "epochs": 2, "patience": 1}
    config["evaluation"] = {**config.get("evaluation", {}), "bootstrap": 100}
    checkout = copy_project(project, tmp_path / "loam", config)
    write_tables(checkout.folder / "my_data")
    return checkout


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
