"""A run of one's own needs no more than its own facts: probes alone, then probes and covariates without a source."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from pages import labelled_files, printed_commands, succeed

PAGE = "docs/how-to/use-your-own-probes.md"
CONFIG = {
    "run": "alone",
    "samples": {"target": "mine/covariates.csv"},
    "features": {"static": ["elevation"], "daily": [{"name": "rain", "lags": [0, 1]}], "day_of_year": True},
    "training": {
        "epochs": 3, "mlp": {"hidden": [8, 8], "frozen": 1, "output": "linear"},
        "mlp_within": {"steps": 50, "seeds": 1}, "mlp_neighbours": {"steps": 50, "seeds": 1},
    },
    "evaluation": {"bootstrap": 100, "rivals": ["same_day_mean", "boosted_trees"]},
    "probes": {
        "target": {"format": "logger", "path": "mine/files", "description": "mine/description.yaml",
                   "stations": "mine/stations.csv"},
    },
}  # fmt: skip
DESCRIPTION = """
station: {from: file name, pattern: "(?P<station>[^_]+)_.*"}
time: {column: Day, format: "%Y-%m-%d"}
daily: true
columns:
  - {column: SM, variable: soil_moisture, depth: 0-30 cm, unit: m3/m3}
  - {column: Deep, variable: soil_moisture, depth: 30-60 cm, unit: m3/m3}
"""


@pytest.fixture
def checkout(project, copy_project, tmp_path):
    return copy_project(project, tmp_path / "clone", {}).folder


def test_the_page_s_own_example_gives_daily_moisture_by_its_own_command(project, checkout):
    text = (project / PAGE).read_text(encoding="utf-8")
    for name, content in labelled_files(text).items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (command,) = printed_commands(text)
    succeed([command], checkout)
    daily = pd.read_parquet(checkout / "results/my_probes/probes/target/daily.parquet")
    there = daily[daily["moisture"].notna()]
    assert set(zip(there["station"], there["layer"], there["date"].dt.strftime("%Y-%m-%d"), strict=True)) == {
        (station, layer, "2021-03-01") for station in ("K1", "K2") for layer in ("surface", "subsurface")
    }
    assert (checkout / "results/my_probes/probes/target/qc_report.csv").is_file()
    for_people = pd.read_csv(checkout / "results/my_probes/probes/target/daily.csv", parse_dates=["date"])
    pd.testing.assert_frame_equal(for_people, daily, check_dtype=False)


def test_probes_and_covariates_without_a_source_are_trained_and_scored(checkout):
    rng = np.random.default_rng(0)
    days = pd.date_range("2021-01-01", periods=60)
    (checkout / "mine/files").mkdir(parents=True)
    stations, rows = [], []
    for number in range(4):
        rain = rng.gamma(0.4, 8, 60)
        wet = np.clip(0.15 + 0.02 * number + np.convolve(rain, np.exp(-np.arange(15) / 5), "full")[:60] / 300, 0, 0.5)
        frame = pd.DataFrame({"Day": days.strftime("%Y-%m-%d"), "SM": wet.round(4), "Deep": (0.1 + wet / 2).round(4)})
        frame.to_csv(checkout / f"mine/files/K{number}_a.csv", index=False)
        stations.append(f"K{number},{-35.1 - number / 10},147.2")
        about = {"station": f"K{number}", "date": frame["Day"], "elevation": 200 + 10 * number, "rain": rain.round(2)}
        rows.append(pd.DataFrame(about))
    (checkout / "mine/stations.csv").write_text("station,latitude,longitude\n" + "\n".join(stations) + "\n")
    (checkout / "mine/description.yaml").write_text(DESCRIPTION)
    (checkout / "mine/config.yaml").write_text(yaml.safe_dump(CONFIG))
    pd.concat(rows).to_csv(checkout / "mine/covariates.csv", index=False)
    succeed(["snakemake --cores 1 --configfile mine/config.yaml"], checkout)
    summary = pd.read_csv(checkout / "results/alone/evaluation/summary.csv")
    assert set(zip(summary["model"], summary["scenario"], strict=True)) == {
        ("mlp", "target"), ("mlp_within", "target"), ("mlp_neighbours", "target"),
        ("boosted_trees", "target"), ("same_day_mean", "none"),
    }  # fmt: skip
    assert not (checkout / "results/alone/samples/source.parquet").exists()
    assert (checkout / "results/alone/report/index.html").is_file()
