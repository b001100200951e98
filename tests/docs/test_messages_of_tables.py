"""The messages that docs/how-to/bring-your-own-table.md prints are what a wrong table is refused with."""

import csv
import re

import pytest
import yaml
from build_samples import stage
from snakemake.utils import update_config
from tables import write_tables

from loam.config.settings import load_config, pick
from loam.errors import LoamError

KEYS = (
    "layers",
    "features",
    "samples.from",
    "samples.columns",
    "samples.groups",
    "samples.gaps",
    "samples.teachers",
    "covariates",
)


def another_date(rows):
    rows[17][1] = "17/01/2021"


def another_column(rows):
    rows[0][rows[0].index("clay")] = "Clay %"


def percent(rows):
    for row in rows[1:]:
        row[4] = f"{100 * float(row[4]):.2f}" if row[4] else ""


def twice(rows):
    rows.insert(8, rows[7])


def another_class(rows):
    rows[8][rows[0].index("landcover")] = "Crop"


def in_both(rows):
    for row in rows[1:]:
        row[0] = row[0].replace("target_1", "source_1")


@pytest.fixture
def refused(project, default_config, tmp_path, monkeypatch):
    """The message with which the made-up tables are refused once one of them was changed."""
    update_config(default_config, yaml.safe_load((project / "docs/how-to/bring-your-own-table.yaml").read_text()))
    values = pick(load_config(default_config), *KEYS)
    monkeypatch.chdir(tmp_path)
    paths = {f"{path.stem}_table": path for path in write_tables(tmp_path / "my_data")}

    def refused(change) -> str:
        with paths["target_table"].open(newline="") as file:
            rows = list(csv.reader(file))
        change(rows)
        with paths["target_table"].open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        with pytest.raises(LoamError) as error:
            stage({**paths, "source": tmp_path / "s.parquet", "target": tmp_path / "t.parquet"}, values)
        return str(error.value).replace(f"{tmp_path}/", "")

    return refused


@pytest.mark.parametrize("change", [another_date, another_column, percent, twice, another_class, in_both])
def test_a_printed_message_is_the_readers_own(project, refused, change):
    page = (project / "docs/how-to/bring-your-own-table.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"```text\n(.*?)```", page, flags=re.S)
    assert refused(change) in printed.splitlines()
