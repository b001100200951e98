"""Run the workflow in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PARTS = ["Snakefile", "config", "workflow", "envs", "profiles"]


@dataclass(frozen=True)
class Checkout:
    """A copy of the project with an overlay of the configuration."""

    folder: Path
    config: dict

    def snakemake(self, *arguments: str, config: dict | None = None) -> subprocess.CompletedProcess:
        """Run snakemake there on two cores with ``config`` (default: the checkout's own) laid over the default."""
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(config or self.config), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", str(overlay)]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def planned(self, config: dict | None = None) -> set[str]:
        """The rules that a dry run would execute, without `all`."""
        result = self.snakemake("--dry-run", config=config)
        assert result.returncode == 0, result.stderr + result.stdout
        text = result.stdout + result.stderr
        return set(re.findall(r"^(\w+) +\d+$", text, flags=re.M)) - {"all", "total"}


def _copy_project(project: Path, folder: Path, config: dict) -> Checkout:
    """Copy what the workflow needs to ``folder``; ``config`` is the overlay."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = project / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("*.pyc"))  # with what numba compiled
        else:
            shutil.copy(source, folder / part)
    return Checkout(folder, config)


@pytest.fixture(scope="session")
def copy_project():
    """``copy_project(project, folder, config)`` gives a checkout of the project with an overlay."""
    return _copy_project


@pytest.fixture(scope="session")
def small_run(project, tmp_path_factory) -> Checkout:
    """The default run, made small, run once to its end: first the list of its scenes, then everything."""
    config = {
        "run": "small",
        "training": {
            "epochs": 2, "patience": 1,
            "validation": {
                "training_dates": ["2020-01-01", "2020-06-30"], "validation_dates": ["2020-07-01", "2020-12-31"],
            },
        },
        "sandbox": {
            "rows": 60, "columns": 70, "coast": "none", "source_stations": 4, "target_stations": 5, "long_records": 0,
            "period": {"source": ["2020-01-01", "2020-12-31"], "target": ["2022-05-01", "2022-09-30"]},
            "drought_year": None, "spin_up_days": 30,
            "scenes": {
                "sentinel1": {"period": ["2022-08-01", "2022-08-06"]},
                "sentinel2": {"period": ["2022-08-01", "2022-08-15"]},
            },
        },
        "evaluation": {"bootstrap": 100},
        "mapping": {"tile": 32, "dates": ["2022-08-15"]},
    }  # fmt: skip
    checkout = _copy_project(project, tmp_path_factory.mktemp("small") / "loam", config)
    for targets in (["scenes"], []):
        result = checkout.snakemake(*targets)
        assert result.returncode == 0, result.stderr[-4000:]
    return checkout
